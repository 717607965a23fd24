package main

import (
	"fmt"
	"slices"
	"strings"
)

// The generated part of the page lies between these lines.
const (
	begin = "<!-- tables of the agents: written by `" + mend + "` -->"
	end   = "<!-- end of the tables of the agents -->"
)

// replace puts text between the page's markers.
func replace(page, text string) (string, error) {
	for _, marker := range []string{begin, end} {
		if n := strings.Count(page, marker+"\n"); n != 1 {
			return "", fmt.Errorf("%w: it has the line %q %d times; once is right", errPage, marker, n)
		}
	}
	before, rest, _ := strings.Cut(page, begin+"\n")
	_, after, ok := strings.Cut(rest, end+"\n")
	if !ok {
		return "", fmt.Errorf("%w: %q stands before %q", errPage, end, begin)
	}
	return before + begin + "\n" + text + end + "\n" + after, nil
}

// text is the generated part.
func (d *declared) text() string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart LR\n")
	for _, owner := range d.agents {
		if owner != observer {
			d.arrows(&b, owner)
		}
	}
	b.WriteString("```\n\n")
	b.WriteString(d.observed())
	b.WriteString("\n| table | owner | readers | lasts | what it carries: it … |\n| --- | --- | --- | --- | --- |\n")
	for _, t := range d.tables {
		lasts := "volatile"
		if t.durable {
			lasts = "durable"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", t.name, t.owner, readers(t), lasts, strings.ReplaceAll(t.carries, "|", `\|`))
	}
	return b.String()
}

// arrows draws an agent and, to each reader, one arrow with the tables that it
// reads.
func (d *declared) arrows(b *strings.Builder, owner string) {
	fmt.Fprintf(b, "    %s\n", owner)
	for _, reader := range d.agents {
		var names []string
		for _, t := range d.tables {
			if t.owner == owner && slices.Contains(t.readers, reader) {
				names = append(names, t.name)
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(b, "    %s -->|\"%s\"| %s\n", owner, strings.Join(names, "<br>"), reader)
		}
	}
}

func readers(t *table) string {
	if len(t.readers) == 0 {
		return "–"
	}
	return strings.Join(t.readers, ", ")
}

// observed says what the observer reads.
func (d *declared) observed() string {
	all := "all tables"
	switch last := len(d.unseen) - 1; {
	case last == 0:
		all += " but " + d.unseen[0]
	case last > 0:
		all += " but " + strings.Join(d.unseen[:last], ", ") + " and " + d.unseen[last]
	}
	return fmt.Sprintf("`%s` is left out: it reads %s, to show them.\n", observer, all)
}

// difference returns the lines that only one of two texts has: - for the first, +
// for the second.
func difference(a, b string) string {
	only := func(sign string, of, not string) (lines string) {
		there := map[string]int{}
		for line := range strings.Lines(not) {
			there[line]++
		}
		for line := range strings.Lines(of) {
			if there[line]--; there[line] < 0 {
				lines += sign + strings.TrimSuffix(line, "\n") + "\n"
			}
		}
		return lines
	}
	lines := only("- ", a, b) + only("+ ", b, a)
	if lines == "" {
		return "the lines stand in another order"
	}
	return strings.TrimSuffix(lines, "\n")
}
