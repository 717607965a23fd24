package diag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// Render lays the document out as lines of text: the head, then what is wrong,
// then what happens, then the rest.
func (d Document) Render(look Look) []string {
	sections := []section{}
	add := func(more ...section) {
		for _, s := range more {
			if len(s.items) > 0 {
				sections = append(sections, s)
			}
		}
	}
	tables := func(more ...table) {
		for _, t := range more {
			if len(t.rows) > 0 {
				sections = append(sections, t.section(look))
			}
		}
	}
	add(d.problemSection(look))
	tables(d.appSection(look.Live))
	// Where there is little room, what has nothing to tell is left out.
	if !look.low() || d.DownloadTotals.headline().text != "" {
		add(d.downloadSection(look))
	}
	if !look.low() || d.agentHeadline().text != "" || d.Survey.Left > 0 {
		tables(d.agentSection(look.Live))
	}
	tables(d.portSection())
	tables(d.contentSections(look.Live)...)
	tables(d.networkSections()...)
	tables(d.datastoreSection(), d.itemSection())
	return look.picture(d.summary(look), sections)
}

// summary is the head of the picture.
func (d Document) summary(look Look) []string {
	lines := []string{look.paint(together("  ", cmp.Or(d.Device.Name, "device"), d.Device.UUID), bold)}
	for _, c := range []cell{
		d.Configuration.headline(), d.Network.headline(), d.appHeadline(),
		d.DownloadTotals.headline(), d.Light.headline(), d.agentHeadline(), d.waiting(),
	} {
		if c.text != "" {
			lines = append(lines, look.paint("  "+c.text, c.style))
		}
	}
	return lines
}

func (c ConfigurationDoc) headline() cell {
	if c.State == "" {
		return cell{"configuration unknown: zedagent has not published yet", bad}
	}
	h := cell{fmt.Sprintf("configuration %s, in force from %s, %s", c.State, c.Source, cmp.Or(short(c.SHA256), "none")), good}
	if c.State != types.ConfigFileValid {
		h.style = bad
	}
	return h
}

func (l LightDoc) headline() cell {
	if l.Blinks == 0 {
		return cell{}
	}
	return cell{text: together(": ", "light blinks "+count(int(l.Blinks), "time", "times"), l.Meaning)}
}

// waiting names the tables that were not read completely; of an agent of which
// none was, the agent.
func (d Document) waiting() cell {
	read, waits := map[string]bool{}, map[string]bool{}
	for _, t := range d.Tables {
		if t.Synchronized {
			read[t.Owner] = true
		}
	}
	for _, t := range d.Tables {
		switch {
		case t.Synchronized:
		case read[t.Owner]:
			waits[t.Table] = true
		default:
			waits[t.Owner] = true
		}
	}
	if len(waits) == 0 {
		return cell{}
	}
	return cell{"waiting for " + strings.Join(slices.Sorted(maps.Keys(waits)), ", "), faint}
}

// short is the start of a checksum or a UUID, enough to tell two apart.
func short(text string) string { return text[:min(len(text), 8)] }

func text(s string) cell { return cell{text: s} }

func number[T uint32 | int64 | int](n T) cell { return cell{text: strconv.FormatInt(int64(n), 10)} }

func join(list []string) cell { return cell{text: strings.Join(list, ", ")} }

func active(on bool) cell {
	if on {
		return cell{"on", good}
	}
	return cell{"off", faint}
}

func (d Document) itemSection() table {
	t := table{title: "Config items", header: []string{"NAME", "VALUE"}}
	for _, key := range slices.Sorted(maps.Keys(d.ConfigItems)) {
		t.add(text(key), text(d.ConfigItems[key]))
	}
	return t
}
