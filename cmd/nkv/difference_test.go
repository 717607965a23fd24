package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestDifferences(t *testing.T) {
	for _, test := range []struct{ name, old, new, lines string }{
		{"equal", `{"a":1}`, `{"a":1}`, ``},
		{"white space", `{"a": [1, 2]}`, `{"a":[1,2]}`, ``},
		{"order of names", `{"a":1,"b":2}`, `{"b":2,"a":1}`, ``},
		{"first value", ``, `{"b":1,"a":{"c":[]}}`, "+ b: 1\n+ a: {\"c\":[]}\n"},
		{"last value", `{"b":1}`, ``, "- b: 1\n"},
		{"first value without fields", ``, `{}`, "+ {}\n"},
		{"first scalar", ``, `"x"`, "+ \"x\"\n"},
		{"scalar", `1`, `"1"`, "~ 1 → \"1\"\n"},
		{"kinds", `{"a":1}`, `[1]`, "~ {\"a\":1} → [1]\n"},
		{"fields", `{"same":0,"gone":1,"new":2}`, `{"same":0,"new":3,"more":{"x":null}}`, "- gone: 1\n~ new: 2 → 3\n+ more: {\"x\":null}\n"},
		{"null is a value", `{"a":null}`, `{"a":0,"b":null}`, "~ a: null → 0\n+ b: null\n"},
		{"nested", `{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":2}}}`, "~ a.b.c: 1 → 2\n"},
		{"odd names", `{"a.b":{"":1}}`, `{"a.b":{"":2}}`, "~ [\"a.b\"][\"\"]: 1 → 2\n"},
		{"large numbers", `{"n":12345678901234567890}`, `{"n":12345678901234567891}`, "~ n: 12345678901234567890 → 12345678901234567891\n"},
		{"element changed", `{"p":[{"n":"eth0"},{"n":"eth1"}]}`, `{"p":[{"n":"eth0"},{"n":"eth2"}]}`, "~ p[1].n: \"eth1\" → \"eth2\"\n"},
		{"element inserted in front", `[1,2,3]`, `[0,1,2,3]`, "+ [0]: 0\n"},
		{"element removed within", `[1,2,3]`, `[1,3]`, "- [1]: 2\n"},
		{"equal elements", `[1,1]`, `[1,1,1]`, "+ [2]: 1\n"},
		{"emptied", `{"p":[1]}`, `{"p":[]}`, "- p[0]: 1\n"},
		{"name twice", `{"a":1,"a":2}`, `{"a":2}`, ``},
		{"control characters", ``, "\"a\u0085\"", "+ \"a\\u0085\"\n"},
	} {
		var lines strings.Builder
		for _, d := range differences(bytesOf(test.old), bytesOf(test.new)) {
			fmt.Fprintln(&lines, d.line(screen{}))
		}
		want(t, test.name, lines.String(), test.lines)
	}
}

// bytesOf returns nil for none.
func bytesOf(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// Two values differ when, and only when, there are differences, and these
// name fields that differ.
func TestDifferencesOfRandomValues(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		old, new := encode(t, randomValue(random, 4)), encode(t, randomValue(random, 4))
		if found := differences(old, old); len(found) > 0 {
			t.Fatalf("%s differs from itself: %v", old, found)
		}
		found := differences(old, new)
		if (string(old) == string(new)) != (len(found) == 0) {
			t.Fatalf("%s and %s: %v", old, new, found)
		}
		for _, d := range found {
			if string(d.Old) == string(d.New) {
				t.Fatalf("%s and %s: %s is on both sides: %s", old, new, d.Field, d.Old)
			}
		}
	}
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func randomValue(random *rand.Rand, depth int) any {
	switch n := random.IntN(6); {
	case n < 2 && depth > 0:
		m := map[string]any{}
		for range random.IntN(4) {
			m[string(rune('a'+random.IntN(3)))] = randomValue(random, depth-1)
		}
		return m
	case n < 4 && depth > 0:
		l := []any{}
		for range random.IntN(4) {
			l = append(l, randomValue(random, depth-1))
		}
		return l
	case n == 4:
		return nil
	}
	return random.IntN(3)
}

// A value that nests deeper than a comparison goes is compared as a whole, and
// quickly.
func TestDifferencesOfDeepValues(t *testing.T) {
	deep := func(inner string) []byte {
		return []byte(strings.Repeat(`{"a":`, 5000) + inner + strings.Repeat(`}`, 5000))
	}
	found := differences(deep("1"), deep("2"))
	if len(found) != 1 || strings.Count(found[0].Field, "a") != deepest {
		t.Errorf("%d differences", len(found))
	}
}
