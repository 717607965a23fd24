package tables

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNoCallIsLeftOut counts the calls in the text of the sample, whose calls all
// have the parenthesis behind the name but for two, and compares.
func TestNoCallIsLeftOut(t *testing.T) {
	r := scan(t, Options{Dir: "testdata/sample", Tags: []string{"", "k"}, Tests: true})
	want := map[string]int{newPublication: 1, newSubscription: 1} // (ps.NewPublication)(...), open := ps.NewSubscription
	for name := range want {
		want[name] += count(t, "testdata/sample", name+"(")
	}
	want[newPublication]-- // the method of an interface
	for name, n := range want {
		if r.Calls[name] != n {
			t.Errorf("%s: %d calls found, %d are there", name, r.Calls[name], n)
		}
	}
	ends := 0
	for _, table := range r.Tables {
		ends += len(table.ends())
	}
	if ends < r.Calls[newPublication]+r.Calls[newSubscription] {
		t.Errorf("%d ends of %v calls", ends, r.Calls)
	}
}

// count counts a text in Go files whose names have none of the parts left out.
func count(t *testing.T, dir, text string, without ...string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		left := func(part string) bool { return strings.Contains(name, part) }
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || slices.ContainsFunc(without, left) {
			return err
		}
		data, err := os.ReadFile(name)
		n += bytes.Count(data, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (r *Report) table(name string) *Table {
	for _, t := range r.Tables {
		if t.String() == name {
			return t
		}
	}
	return nil
}

func TestTags(t *testing.T) {
	const tagged, either = "variants/Tagged", "variants/Either"
	plain := scan(t, Options{Dir: "testdata/sample", Patterns: []string{"./variants"}, Tags: []string{""}})
	if plain.table(tagged) != nil {
		t.Error("without the tag its file is read")
	}
	if e := plain.table(either); e == nil || len(e.Publishers) != 1 {
		t.Errorf("without the tag: %+v", e)
	}
	both := scan(t, Options{Dir: "testdata/sample", Patterns: []string{"./variants"}, Tags: []string{"", "other,k"}})
	if both.table(tagged) == nil {
		t.Error("with the tag its file is not read")
	}
	if e := both.table(either); e == nil || len(e.Publishers) != 2 || len(e.Findings) != 0 || len(e.Subscribers) != 1 {
		t.Errorf("two publishers that never are in one program: %+v", e)
	} else if !slices.Equal(e.Subscribers[0].Tags, []string{"", "other,k"}) {
		t.Errorf("the tags of a file without any: %q", e.Subscribers[0].Tags)
	}
	if n := both.Calls[newSubscription]; n != 1 {
		t.Errorf("a call that is there with each list of tags counts %d times", n)
	}
}

func TestTestsAreLookedIntoOnlyWhenAsked(t *testing.T) {
	for _, tests := range []bool{false, true} {
		r := scan(t, Options{Dir: "testdata/sample", Patterns: []string{"./variants"}, Tests: tests})
		if found := r.table("variants/Tested") != nil; found != tests {
			t.Errorf("tests %v: found %v", tests, found)
		}
		if n := r.Calls[newPublication]; n != 1 {
			t.Errorf("tests %v: the publication outside of tests counts %d times", tests, n)
		}
	}
}

// TestAnotherLibrary: of the original nothing is found then, of the project's own
// package all.
func TestAnotherLibrary(t *testing.T) {
	r := scan(t, Options{Dir: "testdata/sample", Patterns: []string{"./cmd/..."}, PubSub: "example.com/fork/pubsub"})
	if r.Calls[newSubscription] != 1 || r.table("lamp/Own") == nil {
		t.Errorf("got %v", r.Calls)
	}
	forked := sample(t)
	rewrite(t, forked, Original, "github.com/lf-edge/eve/pkg/pillar/fork")
	if err := os.Rename(filepath.Join(forked, "library", "pubsub"), filepath.Join(forked, "library", "fork")); err != nil {
		t.Fatal(err)
	}
	r = scan(t, Options{Dir: filepath.Join(forked, "sample"), PubSub: "github.com/lf-edge/eve/pkg/pillar/fork"})
	want := scan(t, Options{Dir: "testdata/sample"})
	for name, n := range want.Calls {
		if r.Calls[name] != n {
			t.Errorf("%s: %d calls in the fork, %d in the original", name, r.Calls[name], n)
		}
	}
}

// sample copies the sample tree, to be changed.
func sample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func rewrite(t *testing.T, dir, from, to string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, bytes.ReplaceAll(data, []byte(from), []byte(to)), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBrokenSourceIsReadAsFarAsItGoes: what does not parse or type-check is warned
// of, and its calls are found.
func TestBrokenSourceIsReadAsFarAsItGoes(t *testing.T) {
	dir := filepath.Join(sample(t), "sample")
	const text = `package half

import (
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

func run(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: "half", TopicType: types.Literal{}})
	if x := {
}
`
	if err := os.Mkdir(filepath.Join(dir, "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half", "half.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := scan(t, Options{Dir: dir})
	if r.table("half/Literal") == nil {
		t.Error("the call above the syntax error is not found")
	}
	errs := strings.Join(r.TypeErrors, "\n")
	for _, part := range []string{"half/half.go:10", "example.com/nowhere/device", "broken/broken.go"} {
		if !strings.Contains(errs, part) {
			t.Errorf("of %s nothing is said in\n%s", part, errs)
		}
	}
	if strings.Contains(errs, "native") {
		t.Errorf("a missing C header counts as an error:\n%s", errs)
	}
}

func TestTheLibraryItselfIsLeftOut(t *testing.T) {
	r := scan(t, Options{Dir: "testdata/library"})
	if len(r.Tables) != 0 || len(r.Calls) != 0 {
		t.Errorf("got %v", r.Calls)
	}
}

func TestWhatCanNotBeScanned(t *testing.T) {
	empty := t.TempDir()
	for name, c := range map[string]struct {
		o    Options
		want error
		says string
	}{
		"no such package": {Options{Dir: "testdata/sample", Patterns: []string{"./nowhere"}}, ErrLoad, "nowhere"},
		"no module":       {Options{Dir: empty}, ErrLoad, "go"},
		"no directory":    {Options{Dir: filepath.Join(empty, "none")}, ErrLoad, "none"},
		"a flag":          {Options{Dir: "testdata/sample", Mod: "sometimes"}, ErrLoad, "sometimes"},
		"tags":            {Options{Dir: "testdata/sample", Tags: []string{"a b"}}, ErrInvalidOption, `"a b"`},
	} {
		if _, err := Scan(t.Context(), c.o); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Scan(ended, Options{Dir: "testdata/sample"}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended before it began: got %v", err)
	}
}

// TestOriginal scans a checkout of EVE's pkg/pillar that NKV_EVE_PILLAR names. The
// calls are counted in its text as well: outside of the library, tests, testdata and
// what is vendored.
func TestOriginal(t *testing.T) {
	dir := os.Getenv("NKV_EVE_PILLAR")
	if dir == "" {
		t.Skip("NKV_EVE_PILLAR does not name a checkout of EVE's pkg/pillar")
	}
	start := time.Now()
	r := scan(t, Options{Dir: dir, Tags: []string{"", "k"}, Mod: "vendor"})
	t.Logf("%v, %d tables, %d ends of %v in %v", r.Calls, len(r.Tables), ends(r), r.Findings(), time.Since(start).Round(time.Millisecond))
	if r.Calls[newPublication] != 123 || r.Calls[newSubscription] != 236 {
		t.Errorf("got %v, wanted are 123 publications and 236 subscriptions", r.Calls)
	}
	for _, name := range []string{newPublication, newSubscription} {
		if n := count(t, dir, name+"(", "vendor/", "testdata/", "_test.go", dir+"/pubsub/"); r.Calls[name] != n {
			t.Errorf("%s: %d calls found, %d are in the text", name, r.Calls[name], n)
		}
	}
	missing := r.table("zedrouter/CipherMetrics")
	if missing == nil || len(missing.Publishers) != 0 || len(missing.Subscribers) != 1 || missing.Subscribers[0].Agent != "zedagent" ||
		len(missing.Findings) != 1 || missing.Findings[0].Kind != NoPublisher {
		t.Errorf("zedrouter's CipherMetrics: %+v", missing)
	}
	for _, table := range r.Tables {
		if !table.resolved() && table.Subscribers[0].Package != "github.com/lf-edge/eve/pkg/pillar/cmd/ipcmonitor" { // its table is a flag
			t.Errorf("not resolved: %s %s", table, where(table.ends()))
		}
	}
}

func ends(r *Report) int {
	n := 0
	for _, t := range r.Tables {
		n += len(t.ends())
	}
	return n
}
