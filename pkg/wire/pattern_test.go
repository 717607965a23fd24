package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/evenkv/nkv/pkg/wire"
)

// universe is what the patterns of the tests are tried on.
var universe = []wire.Path{
	{wire.Table{"a", "T", ""}, "k"}, {wire.Table{"a", "T", ""}, "l"}, {wire.Table{"a", "T", "s"}, "k"},
	{wire.Table{"a", "U", ""}, "k"}, {wire.Table{"b", "T", ""}, "k"}, {wire.Table{"b", "T", "s"}, "l"},
	{wire.Table{"a", "T", ""}, "*"}, {wire.Table{"a", "T", ""}, ">"}, {wire.Table{"a", "T", ""}, "$mark"},
	{wire.Table{"*", ">", ""}, "k"}, {wire.Table{"a.T", "T", ""}, "k"}, {wire.Table{"a", "T.k", ""}, "k"},
}

// natsMatches is how NATS matches a subject.
func natsMatches(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range p {
		if token == ">" {
			return len(s) > i
		}
		if i >= len(s) || token != "*" && token != s[i] {
			return false
		}
	}
	return len(p) == len(s)
}

func TestPattern(t *testing.T) {
	for _, tc := range []struct {
		pattern, table, key, subject string
		matches                      []string // of the universe, as written on the wire
	}{
		{">", "", "", "nkv.v1.event.>", []string{"a.T.k", "a.T.l", "a.T@s.k", "a.U.k", "b.T.k", "b.T@s.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark", "%2A.%3E.k", "a%2ET.T.k", "a.T%2Ek.k"}},
		{"*.*", "", "", "nkv.v1.event.*.*.*", []string{"a.T.k", "a.T.l", "a.T@s.k", "a.U.k", "b.T.k", "b.T@s.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark", "%2A.%3E.k", "a%2ET.T.k", "a.T%2Ek.k"}},
		{"*.>", "", "", "nkv.v1.event.*.*.*", []string{"a.T.k", "a.T.l", "a.T@s.k", "a.U.k", "b.T.k", "b.T@s.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark", "%2A.%3E.k", "a%2ET.T.k", "a.T%2Ek.k"}},
		{"*.*.>", "", "", "nkv.v1.event.*.*.*", []string{"a.T.k", "a.T.l", "a.T@s.k", "a.U.k", "b.T.k", "b.T@s.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark", "%2A.%3E.k", "a%2ET.T.k", "a.T%2Ek.k"}},
		{"*.*.k", "", "k", "nkv.v1.event.*.*.*", []string{"a.T.k", "a.T@s.k", "a.U.k", "b.T.k", "%2A.%3E.k", "a%2ET.T.k", "a.T%2Ek.k"}},
		{"a.>", "", "", "nkv.v1.event.a.*.*", []string{"a.T.k", "a.T.l", "a.T@s.k", "a.U.k", "a.T.%2A", "a.T.%3E", "a.T.%24mark", "a.T%2Ek.k"}},
		{"a.*", "", "", "nkv.v1.event.a.*.*", []string{"a.T.k", "a.T.l", "a.T@s.k", "a.U.k", "a.T.%2A", "a.T.%3E", "a.T.%24mark", "a.T%2Ek.k"}},
		{"a.*.l", "", "l", "nkv.v1.event.a.*.*", []string{"a.T.l"}},
		{"*.T@s", "", "", "nkv.v1.event.*.T@s.*", []string{"a.T@s.k", "b.T@s.l"}},
		{"a.T", "a.T", "", "nkv.v1.event.a.T.*", []string{"a.T.k", "a.T.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark"}},
		{"a.T.*", "a.T", "", "nkv.v1.event.a.T.*", []string{"a.T.k", "a.T.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark"}},
		{"a.T.>", "a.T", "", "nkv.v1.event.a.T.*", []string{"a.T.k", "a.T.l", "a.T.%2A", "a.T.%3E", "a.T.%24mark"}},
		{"a.T.k", "a.T", "k", "nkv.v1.event.a.T.*", []string{"a.T.k"}},
		{"a.T.%2A", "a.T", "%2A", "nkv.v1.event.a.T.*", []string{"a.T.%2A"}},
		{"a.T@s.k", "a.T@s", "k", "nkv.v1.event.a.T@s.*", []string{"a.T@s.k"}},
		{"a.T@s", "a.T@s", "", "nkv.v1.event.a.T@s.*", []string{"a.T@s.k"}},
		{"none.T", "none.T", "", "nkv.v1.event.none.T.*", nil},
	} {
		t.Run(tc.pattern, func(t *testing.T) {
			p, err := wire.ParsePattern(tc.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if p.String() != tc.pattern {
				t.Errorf("String() = %q", p.String())
			}
			if table, ok := p.Table(); table != tc.table || ok != (tc.table != "") {
				t.Errorf("Table() = %q, %t, want %q", table, ok, tc.table)
			}
			if key, ok := p.Key(); key != tc.key || ok != (tc.key != "") {
				t.Errorf("Key() = %q, %t, want %q", key, ok, tc.key)
			}
			if got := p.EventSubject(); got != tc.subject {
				t.Errorf("EventSubject() = %q, want %q", got, tc.subject)
			}
			want := map[string]bool{}
			for _, path := range tc.matches {
				want[path] = true
			}
			for _, path := range universe {
				text := path.String()
				if got := p.Match(text); got != want[text] {
					t.Errorf("Match(%q) = %t", text, got)
				}
				checkPattern(t, p, path)
			}
			if len(want) != len(tc.matches) {
				t.Errorf("the case names a path twice")
			}
		})
	}
}

// checkPattern checks what holds for every pattern and path: the parts of a
// match agree, and the event subject brings what matches and the table's marks.
func checkPattern(t *testing.T, p wire.Pattern, path wire.Path) {
	t.Helper()
	text, table := path.String(), path.Table.String()
	_, key, _ := wire.SplitPath(text)
	if both := p.MatchTable(table) && p.MatchKey(key); both != p.Match(text) {
		t.Errorf("%s, %s: MatchTable and MatchKey say %t, Match says %t", p, text, both, !both)
	}
	if one, ok := p.Table(); ok && p.MatchTable(table) != (one == table) {
		t.Errorf("%s: Table is %s, MatchTable(%s) is %t", p, one, table, p.MatchTable(table))
	}
	for _, subject := range []string{wire.EventSubject(text), wire.MarkSubject(table)} {
		if got := natsMatches(p.EventSubject(), subject); got != p.MatchTable(table) {
			t.Errorf("%s: subject %s brings %s: %t, want %t", p, p.EventSubject(), subject, got, !got)
		}
	}
}

func TestPatternRefuses(t *testing.T) {
	long := strings.Repeat("n", wire.MaxName+1)
	for _, text := range []string{
		"", "a", "*", ".", "a.", ".T", "a..k", "a.T.", "a.T.k.l", "a.T.k.>", ">.T", ">.>", "a.>.k", "a*.T", "a.T*", "a.T@*", "a.*@s", "a.>@s",
		"a.@s", "a.T@", "a@s.T", "a.T.k@s", "a.T.$mark", "a.T.%6B", "a b.T", "a.T.\xff",
		long + ".T", "a." + long, "a.T@" + long, "a.T." + long, strings.Repeat("n", wire.MaxPath+1),
	} {
		if p, err := wire.ParsePattern(text); !errors.Is(err, wire.ErrInvalidPattern) && !errors.Is(err, wire.ErrInvalidPath) {
			t.Errorf("ParsePattern(%q) = %v, %v, want an error", text, p, err)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"", ">", "*.*", "a.>", "a.T", "a.T.*", "a.T@s.k", "*.>", "*.*.k", "a.T@.k", "a.>.k", "*"} {
		f.Add(seed, "a.T.k")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		p, err := wire.ParsePattern(text)
		if err != nil {
			if !errors.Is(err, wire.ErrInvalidPattern) && !errors.Is(err, wire.ErrInvalidPath) {
				t.Errorf("ParsePattern(%q): %v", text, err)
			}
			return
		}
		if name, ok := p.Table(); ok {
			if _, err := wire.ParseTable(name); err != nil {
				t.Errorf("%q lies in table %q, which is none: %v", text, name, err)
			}
		}
		if parsed, err := wire.ParsePath(path); err == nil {
			checkPattern(t, p, parsed)
		}
		if _, err := wire.ParsePath(text); err == nil && !p.Match(text) {
			t.Errorf("%q does not match itself", text)
		}
	})
}
