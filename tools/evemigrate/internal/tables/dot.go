package tables

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// colours of the arrows of tables with findings; where a table has several, the
// first of these counts.
var colours = []struct{ kind, colour string }{
	{NoPublisher, "red"},
	{Publishers, "magenta"},
	{Durability, "orange"},
	{Unresolved, "blue"},
	{NoSubscriber, "gray"},
}

// arrow leads from who publishes to who reads.
type arrow struct{ from, to, colour string }

const nobody = "nobody"

// DOT writes a graph in the language of Graphviz: an arrow from agent to agent for
// the tables of each, coloured by what was found. With findings, only tables that
// have some. Where nobody publishes, the arrow comes dashed from the owner.
func (r *Report) DOT(w io.Writer, findings bool) error {
	arrows := map[arrow]map[string]bool{}
	for _, t := range r.Tables {
		colour := t.colour()
		if findings && colour == "" {
			continue
		}
		for _, from := range agents(t.Publishers, t.Owner) {
			for _, to := range agents(t.Subscribers, nobody) {
				a := arrow{from, to, colour}
				if arrows[a] == nil {
					arrows[a] = map[string]bool{}
				}
				arrows[a][t.label(from)] = true
			}
		}
	}
	var b strings.Builder
	b.WriteString("digraph tables {\n\trankdir=LR;\n\tnode [shape=box];\n")
	for _, c := range colours {
		fmt.Fprintf(&b, "\t// %s: %s\n", c.colour, c.kind)
	}
	for _, a := range slices.SortedFunc(maps.Keys(arrows), compareArrows) {
		label := strings.Join(slices.Sorted(maps.Keys(arrows[a])), "\n")
		fmt.Fprintf(&b, "\t%s -> %s [label=%s", quote(a.from), quote(a.to), quote(label))
		if a.colour != "" {
			fmt.Fprintf(&b, ", color=%s, fontcolor=%[1]s", a.colour)
		}
		if a.colour == "red" {
			b.WriteString(", style=dashed")
		}
		b.WriteString("];\n")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func compareArrows(a, b arrow) int {
	return cmp.Or(strings.Compare(a.from, b.from), strings.Compare(a.to, b.to), strings.Compare(a.colour, b.colour))
}

// quote writes a text as Graphviz reads it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func (t *Table) colour() string {
	for _, c := range colours {
		if slices.ContainsFunc(t.Findings, func(f Finding) bool { return f.Kind == c.kind }) {
			return c.colour
		}
	}
	return ""
}

// label is the table's name without its owner where that is who publishes.
func (t *Table) label(from string) string {
	name := t.Topic
	if t.Scope != "" {
		name = t.Scope + "/" + name
	}
	if t.Owner != from {
		name = t.Owner + "/" + name
	}
	return name
}

// agents are those of the ends, each once, or the one that stands for nobody.
func agents(ends []End, none string) []string {
	if len(ends) == 0 {
		return []string{none}
	}
	names := map[string]bool{}
	for _, e := range ends {
		names[e.Agent] = true
	}
	return slices.Sorted(maps.Keys(names))
}
