package imports

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var there = Options{From: "old.example/lib/pubsub", To: "new.example/pkg/pubsub", Below: []string{"legacy", "socketdriver"}}

func (o Options) back() Options { return Options{From: o.To, To: o.From, Below: o.Below} }

// tree writes files and returns their directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns all files below a directory.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		short, _ := filepath.Rel(dir, name)
		files[short] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func apply(t *testing.T, o Options, dirs ...string) *Plan {
	t.Helper()
	p, err := NewPlan(o, dirs)
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	if err := p.Write(func(c Change) { done = append(done, c.File) }); err != nil {
		t.Fatal(err)
	}
	if len(done) != len(p.Changes) {
		t.Errorf("%d files done of %d", len(done), len(p.Changes))
	}
	return p
}

// odd holds everything that a rewrite must leave as it is: a byte order mark, CRLF,
// odd layout, comments and texts with the path, a //line comment.
const odd = "\ufeff// Uses \"old.example/lib/pubsub\".\r\npackage  odd // import \"old.example/lib/pubsub\"\r\n" +
	"//line other.go:100\r\nimport (\r\n\t  \"old.example/lib/pubsub\"   // old.example/lib/pubsub\r\n" +
	"drv `old.example/lib/pubsub/socketdriver`;_ \"old.example/lib/pubsub/legacy\"\r\n\t. \"old.example/lib/pubsubber\"\r\n" +
	"x \"old.example/lib/pubsub/other\"\r\n)\r\nconst text=\"old.example/lib/pubsub\"\r\n  func f ( ) { }"

func wantOdd() string {
	text := odd
	for _, old := range []string{"\t  \"old.example/lib/pubsub\"", "`old.example/lib/pubsub/socketdriver`", "_ \"old.example/lib/pubsub/legacy\""} {
		text = strings.Replace(text, old, strings.Replace(old, there.From, there.To, 1), 1)
	}
	return text
}

func TestOnlyThePathChanges(t *testing.T) {
	dir := tree(t, map[string]string{"odd.go": odd, "sub/odd_test.go": odd, "notes.txt": odd})
	p := apply(t, there, dir)
	want := map[string]string{"odd.go": wantOdd(), "sub/odd_test.go": wantOdd(), "notes.txt": odd}
	if diff := cmp.Diff(want, read(t, dir)); diff != "" {
		t.Error(diff)
	}
	if i := p.Changes[0].Imports[0]; i.Line != 5 {
		t.Errorf("%s is said to be in line %d, not 5", i.Old, i.Line)
	}
	if p.Imports() != 6 || len(p.Left) != 2 || p.Left[0].Old != there.From+"/other" {
		t.Errorf("%d imports changed, left are %v", p.Imports(), p.Left)
	}
	if again := apply(t, there, dir); len(again.Changes) != 0 {
		t.Errorf("the second time %d files change", len(again.Changes))
	}
	apply(t, there.back(), dir)
	if diff := cmp.Diff(map[string]string{"odd.go": odd, "sub/odd_test.go": odd, "notes.txt": odd}, read(t, dir)); diff != "" {
		t.Errorf("after there and back: %s", diff)
	}
}

const user = "package p\n\nimport \"old.example/lib/pubsub\"\n"

// TestWhatIsLeftOut: vendored code, the library itself, links, directories that are
// named twice.
func TestWhatIsLeftOut(t *testing.T) {
	files := map[string]string{
		"go.mod":                    "module old.example/lib\n",
		"pubsub/p.go":               user,
		"pubsub/socketdriver/p.go":  user,
		"pubsubber/p.go":            user,
		"vendor/p.go":               user,
		"cmd/vendor/deep/p.go":      user,
		"cmd/pubsub/p.go":           user,
		"nested/go.mod":             "module other.example\n",
		"nested/pubsub/p.go":        user,
		"nested/lib/go.mod":         "module old.example/lib/pubsub\n",
		"nested/lib/socketdrive.go": user,
	}
	dir := tree(t, files)
	target := filepath.Join(dir, "pubsub", "p.go")
	if err := os.Symlink(target, filepath.Join(dir, "cmd", "link.go")); err != nil {
		t.Fatal(err)
	}
	p := apply(t, there, dir, dir+"/cmd", filepath.Join(dir, "pubsub", "socketdriver"))
	want := map[string]string{"cmd/link.go": user}
	for name, text := range files {
		want[name] = text
	}
	for _, name := range []string{"pubsubber/p.go", "cmd/pubsub/p.go", "nested/pubsub/p.go"} {
		want[name] = strings.Replace(user, there.From, there.To, 1)
	}
	if diff := cmp.Diff(want, read(t, dir)); diff != "" {
		t.Error(diff)
	}
	if len(p.Changes) != 3 {
		t.Errorf("%d files changed, want 3", len(p.Changes))
	}
	if info, err := os.Lstat(filepath.Join(dir, "cmd", "link.go")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
}

func TestAFileThatCanNotBeParsedStopsAll(t *testing.T) {
	files := map[string]string{
		"a.go":       user,
		"broken.go":  user + "func {",
		"broken2.go": strings.TrimPrefix(user, "package p"),
		"other.go":   "no Go, and no such import",
	}
	dir := tree(t, files)
	_, err := NewPlan(there, []string{dir})
	if !errors.Is(err, ErrParse) {
		t.Fatalf("got %v, want ErrParse", err)
	}
	for _, name := range []string{"broken.go", "broken2.go"} {
		if !strings.Contains(err.Error(), filepath.Join(dir, name)) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "other.go") {
		t.Errorf("a file without the import counts: %v", err)
	}
	if diff := cmp.Diff(files, read(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestModesAreKept(t *testing.T) {
	dir := tree(t, map[string]string{"a.go": user, "b.go": user})
	for name, mode := range map[string]fs.FileMode{"a.go": 0o755, "b.go": 0o600} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, there, dir)
	for name, mode := range map[string]fs.FileMode{"a.go": 0o755, "b.go": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, mode)
		}
	}
	if n := len(read(t, dir)); n != 2 {
		t.Errorf("%d files afterwards, want 2", n)
	}
}

// TestAFailedWriteLeavesTheFile: the rename fails, because a directory took the
// file's place.
func TestAFailedWriteLeavesTheFile(t *testing.T) {
	dir := tree(t, map[string]string{"a.go": user, "b.go": user})
	p, err := NewPlan(there, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	b := filepath.Join(dir, "b.go")
	if err := errors.Join(os.Remove(b), os.Mkdir(b, 0o755)); err != nil {
		t.Fatal(err)
	}
	done := 0
	if err := p.Write(func(Change) { done++ }); !errors.Is(err, ErrFile) || done != 1 {
		t.Errorf("got %v after %d files, want ErrFile after 1", err, done)
	}
	if n := len(read(t, dir)); n != 1 {
		t.Errorf("%d files afterwards, want 1", n)
	}
}

// TestWritingReplaces: whoever has the old file open goes on reading the old text.
func TestWritingReplaces(t *testing.T) {
	dir := tree(t, map[string]string{"a.go": user})
	before, err := os.Open(filepath.Join(dir, "a.go"))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	apply(t, there, dir)
	text := make([]byte, 2*len(user))
	if n, _ := before.Read(text); string(text[:n]) != user {
		t.Errorf("got %q", text[:n])
	}
}

func TestWrongOptions(t *testing.T) {
	dir := tree(t, map[string]string{"a.go": user})
	for _, o := range []Options{
		{From: "", To: there.To}, {From: there.From, To: ""}, {From: there.From, To: `a"b/pubsub`},
		{From: there.From, To: "new.example/other"}, {From: there.From, To: there.From},
	} {
		if _, err := NewPlan(o, []string{dir}); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%+v: got %v, want ErrInvalidOption", o, err)
		}
	}
	if _, err := NewPlan(there, []string{filepath.Join(dir, "none")}); !errors.Is(err, ErrFile) {
		t.Errorf("no such directory: got %v, want ErrFile", err)
	}
}
