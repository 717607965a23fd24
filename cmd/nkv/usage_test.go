package main

import (
	"strings"
	"testing"

	"github.com/evenkv/nkv/pkg/wire"
)

// A command line that can't be understood is told apart before any server is
// asked, with what may have been meant.
func TestUsageErrors(t *testing.T) {
	s := shell{t, "unix:///nowhere/s"}
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"delte", "a.B.k"}, []string{`unknown verb "delte"`, "did you mean: nkv del\n"}},
		{[]string{"subscribe"}, []string{"did you mean: nkv watch"}},
		{[]string{"xyzzy"}, []string{"the verbs are: auth backup completion del get"}},
		{[]string{"xyzzy", "--create"}, []string{`unknown verb "xyzzy"`}},
		{[]string{"help", "pit"}, []string{"did you mean: nkv put"}},
		{[]string{"put", "a.B.k", "1", "--expct", "1"}, []string{"unknown flag: --expct", "did you mean: --expect"}},
		{[]string{"put", "a.B.k", "1", "--expect", "x"}, []string{"--expect", "see: nkv put --help"}},
		{[]string{"get"}, []string{"too few arguments", "write: nkv get PATH"}},
		{[]string{"ls", "a.B.c", "a.B.d"}, []string{`"a.B.d" is one too many`, "quote a pattern"}},
		{[]string{"get", "a.B.c d"}, []string{"a.B.c%20d", "a.B --key 'c d'"}},
		{[]string{"get", "a.B.c.d"}, []string{"has 4 tokens", "a.B.c%2Ed", "a.B --key c.d"}},
		{[]string{"get", "a.B.c%2ed"}, []string{"%2e", "a.B.c%252ed"}},
		{[]string{"get", "a.B"}, []string{"that is a table", "nkv ls a.B", "a.B --key KEY"}},
		{[]string{"get", "a"}, []string{"a path is agent.topic.key"}},
		{[]string{"get", "a.B."}, []string{"the key after the last dot is missing"}},
		{[]string{"get", "a.B.*"}, []string{"nkv ls 'a.B.*'"}},
		{[]string{"get", "a.B", "--key", ""}, []string{"--key", "the key is empty"}},
		{[]string{"get", "a.B.c", "--key", "d"}, []string{"the table in that is: a.B"}},
		{[]string{"get", "a b.C", "--key", "d"}, []string{"each part is encoded: a%20b.C"}},
		{[]string{"ls", "a.>.b"}, []string{"only be the last token", "a pattern is"}},
		{[]string{"watch", "a.B.c.d"}, []string{"a.B.c%2Ed"}},
		{[]string{"tree", "--depth", "4"}, []string{"--depth is 4; it takes 1 to 3"}},
		{[]string{"put", "a.B.k", "1", "--create", "--expect", "1"}, []string{"exclude each other"}},
		{[]string{"del", "a.B.k", "a.B.l", "--expect", "1"}, []string{"go with one table or path; 2 are given"}},
		{[]string{"del", "a.B", "--all", "--expect", "1"}, []string{"--all goes with neither"}},
		{[]string{"completion", "tcsh"}, []string{"bash, zsh or fish"}},
		{[]string{"health", "--timeout", "0s"}, []string{"--timeout is 0s"}},
	} {
		r := s.run(test.args...)
		if r.code != exitUsage || r.stdout != "" {
			t.Errorf("nkv %q: exit code %d, stdout %q", test.args, r.code, r.stdout)
		}
		for _, says := range test.says {
			if !strings.Contains(r.stderr, says) {
				t.Errorf("nkv %q does not say %q:\n%s", test.args, says, r.stderr)
			}
		}
	}
}

// Without anybody to ask, removing a table wants a word more.
func TestClearWantsToBeSure(t *testing.T) {
	s := filled(t)
	r := s.run("del", "--all", "nim.Status")
	if r.code != exitUsage || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("exit code %d, stderr %s", r.code, r.stderr)
	}
	want(t, "the key", s.must("get", "nim.Status.up"), "true")
}

// What a hint says to write can be written.
func TestPathHintsAreRight(t *testing.T) {
	s := shell{t, "unix:///nowhere/s"}
	for _, path := range []string{"a.B.c.d", "a.B.c d", "a.B@e.x/y:z", "a.B.%", "a.B.%2e.é"} {
		hint := pathHint(path)
		_, after, _ := strings.Cut(hint, "): ")
		encoded, _, _ := strings.Cut(after, "\n")
		got, err := wire.ParsePath(encoded)
		if err != nil || got.Key != strings.SplitN(path, ".", 3)[2] {
			t.Errorf("%s: the hint %q leads to key %q, %v", path, hint, got.Key, err)
		}
		if r := s.run("get", encoded); r.code != exitUnreachable {
			t.Errorf("nkv get %s: %+v", encoded, r)
		}
	}
}

func TestNearest(t *testing.T) {
	verbs := []string{"get", "put", "del", "watch", "ls", "tree", "tables", "trace", "health", "version"}
	for word, wanted := range map[string]string{
		"gte": "get", "got": "get", "GET": "get", "wach": "watch", "watchh": "watch", "tre": "tree", "tabels": "tables",
		"trcae": "trace", "heal": "health", "l": "", "x": "", "": "", "frobnicate": "", "ab": "",
	} {
		if got := nearest(word, verbs); got != wanted {
			t.Errorf("nearest to %q is %q, wanted %q", word, got, wanted)
		}
	}
}
