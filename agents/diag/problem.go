package diag

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// ProblemDoc is something that is wrong. Its zero value, but for the empty
// list: nothing is.
type ProblemDoc struct {
	// What says what is wrong; empty: nothing is.
	What string `json:"what"`
	// Where names what it is about, for example `content tree "models"`; may be
	// empty.
	Where string `json:"where"`
	// Since is since when it has been so; left out when that is not known.
	Since time.Time `json:"since,omitzero"`
	// Concerns names all that suffers from it, for example "application
	// label-reader". In the document's list it has one name or more.
	Concerns []string `json:"concerns"`
}

func problemDoc(p types.Problem) ProblemDoc {
	doc := ProblemDoc{What: redact(p.What), Where: redact(p.Where), Since: p.When, Concerns: []string{}}
	if doc.What == "" {
		return ProblemDoc{Concerns: []string{}}
	}
	return doc
}

// text is the problem in one line, without since when.
func (p ProblemDoc) text() string { return types.Problem{What: p.What, Where: p.Where}.String() }

// String returns what it concerns and what is wrong.
func (p ProblemDoc) String() string {
	text := p.text()
	if len(p.Concerns) == 1 && strings.ReplaceAll(p.Where, `"`, "") == p.Concerns[0] {
		text = p.What
	}
	return together(": ", strings.Join(p.Concerns, ", "), text)
}

// isAbout reports whether a thing is the place that the problem names. What is
// downloaded is a content tree.
func (p ProblemDoc) isAbout(concern string) bool {
	if name, ok := strings.CutPrefix(concern, "download "); ok {
		concern = "content tree " + name
	}
	rest, ok := strings.CutPrefix(strings.ReplaceAll(p.Where, `"`, ""), strings.ReplaceAll(concern, `"`, ""))
	return ok && (rest == "" || strings.HasPrefix(rest, ", "))
}

// line is the problem for people: the cause first, then all that suffers from
// it.
func (d Document) line(p ProblemDoc, live bool) string {
	since := d.since(p.Since, live)
	if p.Where == "" {
		return together(", ", together(": ", strings.Join(p.Concerns, ", "), p.What), since)
	}
	others := []string{}
	for _, c := range p.Concerns {
		if !p.isAbout(c) {
			others = append(others, c)
		}
	}
	concerns := ""
	if len(others) > 0 {
		concerns = "concerns " + strings.Join(others, ", ")
	}
	return together("; ", together(", ", p.text(), since), concerns)
}

// collection gathers problems, each once.
type collection struct {
	list []ProblemDoc
	at   map[[2]string]int // where in list, by place and text
}

// add adds a problem of something. One that names a place and was told of it
// before in the same words is the same one: it now concerns this too, and has
// been so since it was told first. Without a place, the same words may have
// different causes.
func (c *collection) add(kind, name string, p ProblemDoc) {
	if p.What == "" {
		return
	}
	concern := kind + " " + name
	key := [2]string{p.Where, p.What}
	if i, ok := c.at[key]; ok && p.Where != "" {
		before := &c.list[i]
		if !slices.Contains(before.Concerns, concern) {
			before.Concerns = append(before.Concerns, concern)
		}
		if before.Since.IsZero() || !p.Since.IsZero() && p.Since.Before(before.Since) {
			before.Since = p.Since
		}
		return
	}
	c.at[key] = len(c.list)
	p.Concerns = []string{concern}
	c.list = append(c.list, p)
}

// both is what is wrong with something and with its configuration, in one
// line.
func both(p ProblemDoc, configuration string) string {
	if configuration = redact(configuration); configuration == p.What {
		configuration = ""
	}
	return together("; ", p.text(), configuration)
}

// problems collects what is wrong with the device, in the document's order.
func (m *Model) problems(doc *Document) []ProblemDoc {
	c := collection{list: []ProblemDoc{}, at: map[[2]string]int{}}
	add := func(kind, name, text string) { c.add(kind, name, ProblemDoc{What: redact(text)}) }
	add("server", "connection", m.Offline)
	add("configuration", doc.Configuration.File, doc.Configuration.Error)
	add("network", doc.Network.Source, doc.Network.Error)
	for _, refused := range m.ZedAgent[types.StatusKey].PublishErrors {
		add("zedagent", "publishes", refused)
	}
	add("light", doc.Light.File, doc.Light.Error)
	for _, d := range doc.Ports {
		add("port", d.Label, d.Error)
	}
	for _, d := range doc.Adapters {
		add("adapter", d.Label, d.Error)
	}
	for _, d := range doc.Networks {
		add("network", d.UUID, d.Error)
	}
	for _, d := range doc.NetworkInstances {
		add("network instance", cmp.Or(d.Name, d.UUID), d.Error)
	}
	part := func(kind, name string, p ProblemDoc, configuration string) {
		c.add(kind, name, p)
		if configuration = redact(configuration); configuration != p.What {
			add(kind, name, configuration)
		}
	}
	for _, d := range doc.Apps {
		part("application", cmp.Or(d.Name, d.UUID), d.Problem, m.Apps[d.UUID].Error)
	}
	for _, d := range doc.Volumes {
		part("volume", cmp.Or(d.Name, d.UUID), d.Problem, m.Volumes[d.UUID].Error)
	}
	for _, d := range doc.ContentTrees {
		part("content tree", cmp.Or(d.Name, d.UUID), d.Problem, m.ContentTrees[d.UUID].Error)
	}
	for _, d := range doc.Downloads {
		c.add("download", d.Name, d.Problem)
	}
	for _, d := range doc.Datastores {
		add("datastore", cmp.Or(d.FQDN, d.UUID), d.Error)
	}
	return c.list
}

// maxProblemLines is how many lines of a picture one problem may take.
const maxProblemLines = 4

func (d Document) problemSection(look Look) section {
	s := section{title: "Errors"}
	most := maxProblemLines
	if look.low() {
		most = 1
	}
	for _, p := range d.Problems {
		s.items = append(s.items, item{look.wrapped(d.line(p, look.Live), most, bad), bad})
	}
	return s
}

// trouble is the last column of every section.
func trouble(problem string) cell {
	if problem == "" {
		return cell{"ok", good}
	}
	return cell{problem, bad}
}

// troubleSince is trouble with since when.
func (d Document) troubleSince(text string, p ProblemDoc, live bool) cell {
	if text == "" {
		return trouble("")
	}
	return trouble(together(", ", text, d.since(p.Since, live)))
}
