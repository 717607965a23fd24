package tables

import (
	"strings"
	"testing"
)

func known(text string) value { return value{true, text} }

// made is a report about one table: its ends are written as side, agent, durability
// and build tags.
func made(texts ...string) *Report {
	r := newReport()
	for i, text := range texts {
		part := strings.Fields(text)
		end := End{
			Agent: part[1], Durable: part[2], publishes: part[0] == "pub", Position: "a.go:" + string(rune('1'+i)),
			owner: known("lamp"), scope: known(""), topic: known("State"),
		}
		if part[1] == "?" {
			end.owner = value{text: "name"}
		}
		for _, tags := range part[3:] {
			r.add(newPublication, end.Position, []End{end}, tags)
		}
		if len(part) == 3 {
			r.add(newPublication, end.Position, []End{end}, "")
		}
	}
	r.finish()
	return r
}

// TestFindings: each with the least that makes it, and without.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		ends string
		want string
	}{
		{"pub lamp false; sub panel false", ""},
		{"pub lamp true; sub panel true; sub diag true", ""},
		{"sub panel false", "no publisher"},
		{"pub lamp false", "no subscriber"},
		{"pub lamp false; pub other false; sub panel false", "several publishers"},
		{"pub lamp false; pub lamp false; sub panel false", "several publishers"},
		{"pub lamp false k; pub other false plain; sub panel false k plain", ""},
		{"pub lamp false k plain; pub other false plain; sub panel false k plain", "several publishers"},
		{"pub lamp true; sub panel false", "durability differs"},
		{"pub lamp false; sub panel false; sub diag true", "durability differs"},
		{"pub lamp ?(x); sub panel true", "unresolved"},
		{"pub lamp true; sub panel ?(x)", "unresolved"},
		{"pub ? true; pub lamp true; sub panel true", "unresolved"},
		{"pub ? true; pub lamp true", "unresolved, no subscriber"},
		{"sub panel true; sub panel false", "no publisher, durability differs"},
	} {
		var kinds []string
		for _, table := range made(strings.Split(c.ends, "; ")...).Tables {
			for _, f := range table.Findings {
				kinds = append(kinds, f.Kind)
			}
		}
		if got := strings.Join(kinds, ", "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.ends, got, c.want)
		}
	}
}

// TestWhatMayBeMissingIsNamed: a call of which only the topic is known may be the
// publisher that isn't found.
func TestWhatMayBeMissingIsNamed(t *testing.T) {
	text := func(ends ...string) string { return made(ends...).table("lamp/State").Findings[0].Text }
	if got := text("sub panel true", "pub ? true"); !strings.HasSuffix(got, "; unless it is this one: ? (a.go:2)") {
		t.Errorf("got %q", got)
	}
	if got := text("sub panel true", "sub ? true"); strings.Contains(got, "unless") {
		t.Errorf("another reader is no publisher: %q", got)
	}
}

func TestQuote(t *testing.T) {
	if got, want := quote("a\"b\\c\nd?(ü)"), `"a\"b\\c\nd?(ü)"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
