package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestThePageIsWhatTheCodeSays fails when a table, an owner or a reader has changed
// since the page was written.
func TestThePageIsWhatTheCodeSays(t *testing.T) {
	if err := check("../.."); err != nil {
		t.Error(err)
	}
}

const (
	someTopics = `package topics

const (
	Lamp  = "lamp"
	Panel = "panel"
	Diag  = "diag"
)

var LampState = agent.Table[types.LampState]{Owner: Lamp}

var (
	PanelConfig = agent.Table[types.PanelConfig]{Owner: Panel, Durable: true}
	PanelStatus = agent.Table[types.PanelStatus]{Durable: false, Owner: Panel}
)
`
	someTypes = `package types

// LampState says how a lamp | is. Its key is the lamp's name.
type LampState struct{}

type (
	// PanelConfig is what the panel wants.
	PanelConfig struct{}
	// PanelStatus says how the panel is
	PanelStatus struct{}
)
`
	imports   = "import (\n\t\"example.org/agents/topics\"\n)\n"
	lamp      = "package lamp\n" + imports + "var _, _ = topics.Lamp, topics.LampState\n"
	lampDeep  = "package bulb\nimport t \"example.org/agents/topics\"\nvar _ = t.PanelConfig\n"
	lampTest  = "package lamp_test\n" + imports + "var _ = topics.PanelStatus\n"
	panel     = "package panel\n" + imports + "var _, _, _ = topics.PanelConfig, topics.PanelStatus, topics.LampState\n"
	diag      = "package diag\n" + imports + "var _ = topics.LampState\n"
	emptyPage = "# Agents\n\n" + begin + "\n" + end + "\n\nMore.\n"
)

// project writes a small project with these changes; an empty file is left out.
func project(t *testing.T, changes map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"agents/topics/topics.go": someTopics, "agents/types/types.go": someTypes,
		"agents/lamp/lamp.go": lamp, "agents/lamp/bulb/bulb.go": lampDeep, "agents/lamp/lamp_test.go": lampTest,
		"agents/panel/panel.go": panel, "agents/diag/diag.go": diag, page: emptyPage,
	}
	for name, text := range changes {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && text != "" {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func readPage(t *testing.T, root string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestThePageIsWritten(t *testing.T) {
	root := project(t, nil)
	for range 2 { // the second time nothing changes
		var out strings.Builder
		if code := run([]string{"-root", root}, &out); code != 0 || out.Len() > 0 {
			t.Fatalf("exit code %d: %s", code, out.String())
		}
		want := "# Agents\n\n" + begin + `
` + "```mermaid" + `
flowchart LR
    lamp
    lamp -->|"LampState"| panel
    panel
    panel -->|"PanelConfig"| lamp
` + "```" + `

` + "`diag`" + ` is left out: it reads all tables but PanelConfig and PanelStatus, to show them.

| table | owner | readers | lasts | what it carries: it … |
| --- | --- | --- | --- | --- |
| LampState | lamp | panel | volatile | says how a lamp \| is |
| PanelConfig | panel | lamp | durable | is what the panel wants |
| PanelStatus | panel | – | volatile | says how the panel is |
` + end + "\n\nMore.\n"
		if diff := cmp.Diff(want, readPage(t, root)); diff != "" {
			t.Fatal(diff)
		}
		if code := run([]string{"-root", root, "-check"}, &out); code != 0 {
			t.Errorf("check: exit code %d: %s", code, out.String())
		}
	}
}

func TestCheckSaysWhatDiffersAndHowToMendIt(t *testing.T) {
	root := project(t, nil)
	if err := write(root); err != nil {
		t.Fatal(err)
	}
	before := strings.Replace(readPage(t, root), "| lamp | panel |", "| lamp | nobody |", 1)
	if err := os.WriteFile(filepath.Join(root, page), []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code := run([]string{"-root", root, "-check"}, &out); code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{page, mend, `- | LampState | lamp | nobody |`, `+ | LampState | lamp | panel |`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	if readPage(t, root) != before {
		t.Error("-check has written")
	}
	lines := strings.SplitAfter(before, "\n")
	if got := difference(strings.Join(lines, ""), lines[1]+lines[0]+strings.Join(lines[2:], "")); !strings.Contains(got, "order") {
		t.Errorf("lines in another order: %s", got)
	}
}

func TestBadInputIsAClearError(t *testing.T) {
	topicsWith := func(old, new string) map[string]string {
		return map[string]string{"agents/topics/topics.go": strings.Replace(someTopics, old, new, 1)}
	}
	for _, test := range []struct {
		name    string
		changes map[string]string
		want    []string
	}{
		{"no page", map[string]string{page: ""}, []string{page}},
		{"no marker", map[string]string{page: "# Agents\n" + begin + "\n"}, []string{end, "0 times"}},
		{"two markers", map[string]string{page: emptyPage + begin + "\n"}, []string{begin, "2 times"}},
		{"markers in another order", map[string]string{page: end + "\n" + begin + "\n"}, []string{"before"}},
		{"no owner", topicsWith("{Owner: Lamp}", "{}"), []string{"topics.go:9", "LampState", "no owner"}},
		{"an unknown constant", topicsWith("Owner: Lamp", "Owner: Bulb"), []string{"topics.go:9", "LampState", "Bulb"}},
		{"an owner in quotes that is no agent", topicsWith("Owner: Lamp", `Owner: "bulb"`), []string{"LampState", "no agent"}},
		{"an odd durability", topicsWith("Durable: true", "Durable: !false"), []string{"topics.go:12", "PanelConfig", "durable"}},
		{"no table", topicsWith("agent.Table[types.LampState]{Owner: Lamp}", "1"), []string{"LampState", "no table"}},
		{"a foreign type", topicsWith("types.LampState", "LampState"), []string{"LampState", "package types"}},
		{"fields without names", topicsWith("{Owner: Lamp}", "{Lamp}"), []string{"LampState", "name the fields"}},
		{"a constant that is a number", topicsWith(`"lamp"`, "1"), []string{"Lamp", "no string"}},
		{"two in one line", topicsWith("Lamp  = \"lamp\"", `A, B = "a", "b"`), []string{"by itself"}},
		{"an unknown type", topicsWith("types.LampState", "types.Bulb"), []string{"LampState", "Bulb", typesDir}},
		{"no comment", map[string]string{"agents/types/types.go": strings.Replace(someTypes, "// LampState", "// It", 1)}, []string{"LampState", "comment"}},
		{"an agent without a package", topicsWith(`"lamp"`, `"bulb"`), []string{"agent bulb"}},
		{"no declaration at all", map[string]string{"agents/topics/topics.go": "package topics\n"}, []string{"no table"}},
		{"a name that is no table", map[string]string{"agents/lamp/lamp.go": lamp + "var _ = topics.Bulb\n"}, []string{"lamp.go:6", "Bulb", "no table"}},
		{"an owner that does not publish", map[string]string{"agents/lamp/lamp.go": "package lamp\n"}, []string{"lamp", "LampState"}},
		{"no Go", map[string]string{"agents/lamp/lamp.go": "nonsense"}, []string{"lamp.go:1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := project(t, test.changes)
			for _, args := range [][]string{nil, {"-check"}} {
				var out strings.Builder
				if code := run(append(args, "-root", root), &out); code != 1 {
					t.Errorf("exit code %d", code)
				}
				for _, want := range test.want {
					if !strings.Contains(out.String(), want) {
						t.Errorf("it does not say %q: %s", want, out.String())
					}
				}
			}
			if text := test.changes[page]; text != "" && readPage(t, root) != text {
				t.Error("the page was changed")
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"argument"}} {
		var out strings.Builder
		if code := run(args, &out); code != 2 || out.Len() == 0 {
			t.Errorf("%q: exit code %d, %q", args, code, out.String())
		}
	}
	if code := run([]string{"-h"}, &strings.Builder{}); code != 0 {
		t.Errorf("-h: exit code %d", code)
	}
}
