package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkv/nkv/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const sampleTree = "internal/tables/testdata/sample"

// call runs the program.
func call(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs); code != want {
		t.Errorf("evemigrate %s: exit code %d, want %d: %s", strings.Join(args, " "), code, want, &errs)
	}
	return out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args string
		want int
		says string
	}{
		{"--help", 0, ""},
		{"", 0, ""},
		{"tables --help", 0, ""},
		{"completion bash", 0, ""},
		{"nothing", 2, "nothing"},
		{"tables --nothing", 2, "--nothing"},
		{"tables --format xml", 2, "table, json, dot"},
		{"tables -C " + sampleTree + " ./nowhere", 1, "nowhere"},
		{"tables -C " + sampleTree + " ./variants", 0, ""},
		{"tables -C " + sampleTree + " ./variants --fail", 0, ""},
		{"tables -C " + sampleTree + " ./findings", 0, ""},
		{"tables -C " + sampleTree + " ./findings --fail", 1, "findings"},
		{"imports", 2, "arg"},
		{"imports --to example.com/else .", 2, "last elements"},
		{"imports ./nowhere", 1, "nowhere"},
		{"driver extra", 2, "extra"},
	} {
		if _, said := call(t, c.want, strings.Fields(c.args)...); !strings.Contains(said, c.says) {
			t.Errorf("%s: it says %q, not %q", c.args, said, c.says)
		}
	}
}

func TestTablesCommand(t *testing.T) {
	out, said := call(t, 0, "tables", "-C", sampleTree, "--tags", "", "--tags", "k", "--mod", "readonly", "./variants", "./findings")
	for _, line := range []string{"variants/k.go", "variants/plain.go"} {
		if !strings.Contains(out, line) {
			t.Errorf("%s is not in\n%s", line, out)
		}
	}
	if strings.Contains(out, "several publishers  variants") || said != "" {
		t.Errorf("it says\n%s%s", out, said)
	}
	out, _ = call(t, 0, "tables", "-C", sampleTree, "--findings", "./findings")
	if strings.Contains(out, "OWNER") || !strings.Contains(out, "no publisher") {
		t.Errorf("only findings are\n%s", out)
	}
	out, said = call(t, 0, "tables", "-C", sampleTree, "--format", "json", "./broken")
	if !strings.Contains(said, "warning: 2 errors") {
		t.Errorf("of broken source it says %q", said)
	}
	var report struct{ Tables []struct{ Owner string } }
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Tables) != 1 || report.Tables[0].Owner != "broken" {
		t.Errorf("%v: %s", err, out)
	}
	if out, _ = call(t, 0, "tables", "-C", sampleTree, "--format", "dot", "./findings"); !strings.HasPrefix(out, "digraph") {
		t.Errorf("as a graph\n%s", out)
	}
}

func TestFormatsAreCompleted(t *testing.T) {
	if out, _ := call(t, 0, "__complete", "tables", "--format", ""); !strings.HasPrefix(out, "table\njson\ndot\n") {
		t.Errorf("got %q", out)
	}
}

// TestImportsCommand goes there and back on a copy of the sample tree; between, the
// same calls are found in it.
func TestImportsCommand(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("internal/tables/testdata")); err != nil {
		t.Fatal(err)
	}
	lamp := filepath.Join(dir, "sample", "lamp", "lamp.go")
	before, err := os.ReadFile(lamp)
	if err != nil {
		t.Fatal(err)
	}
	same := func(want bool) {
		t.Helper()
		if now, err := os.ReadFile(lamp); err != nil || bytes.Equal(now, before) != want {
			t.Errorf("the file is as before: %v, wanted is %v (%v)", !want, want, err)
		}
	}
	out, _ := call(t, 0, "imports", "--dry-run", dir)
	if !strings.Contains(out, lamp+":7: github.com/lf-edge/eve/pkg/pillar/pubsub -> github.com/evenkv/nkv/pkg/pubsub\n") || !strings.HasSuffix(out, " files would change, 16 imports\n") {
		t.Errorf("dry, it says\n%s", out)
	}
	same(true)
	out, _ = call(t, 0, "imports", dir)
	if !strings.Contains(out, lamp+"\n") || !strings.HasSuffix(out, " files changed, 16 imports\n") {
		t.Errorf("it says\n%s", out)
	}
	same(false)
	if out, _ = call(t, 0, "imports", dir); out != "0 files changed, 0 imports\n" {
		t.Errorf("the second time it says\n%s", out)
	}
	call(t, 0, "imports", "--undo", filepath.Dir(lamp))
	same(true)
}
