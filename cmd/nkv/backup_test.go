package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/evenkv/nkv/pkg/server"
)

// kept is a server with durable and volatile tables, and a backup of it in a file.
func kept(t *testing.T) (s shell, file string) {
	t.Helper()
	s = shell{t, startServer(t, server.Options{Version: "v9"})}
	s.must("put", "zedagent.Config.a", "1", "--durable")
	s.must("put", "zedagent.Config.b", "\x00\xff", "--raw")
	s.must("put", "zedagent.Gone.k", "1", "--durable")
	s.must("put", "nim.Status.up", "true")
	file = filepath.Join(t.TempDir(), "backup")
	want(t, "backup", s.must("backup", file), "3 tables, 4 keys, 8 B as of revision 4\n")
	return s, file
}

func TestBackupAndRestore(t *testing.T) {
	s, file := kept(t)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("%d files are left: %v", len(left), err)
	}
	s.must("put", "zedagent.Config.a", "2")
	s.must("del", "zedagent.Config.b")
	s.must("put", "zedagent.New.k", "2", "--durable")
	s.must("put", "nim.Status.up", "false")
	before := s.must("tree", ">")

	plan := s.must("restore", file, "--dry-run")
	_, plan, _ = strings.Cut(plan, "\n") // the first line has the time
	want(t, "what would be replaced", plan, ""+
		"TABLE            OWNER  KEYS NOW  IN BACKUP  IS\n"+
		"zedagent.Config  none          1          2  replaced\n"+
		"zedagent.Gone    none          1          1  replaced\n"+
		"zedagent.New     none          1          -  removed\n")
	if r := s.run("restore", file); r.code != exitUsage || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("without --yes: exit code %d\n%s", r.code, r.stderr)
	}
	want(t, "after a dry run and a refusal, the tree", s.must("tree", ">"), before)

	said := s.must("restore", file, "--yes")
	if !strings.HasPrefix(said, "2 durable tables, 3 keys, 4 B restored; the store id is now ") {
		t.Error(said)
	}
	want(t, "a", s.must("get", "zedagent.Config.a"), "1")
	want(t, "b", s.must("get", "zedagent.Config.b"), "\x00\xff")
	want(t, "up", s.must("get", "nim.Status.up"), "false") // volatile tables stay
	if r := s.run("get", "zedagent.New.k"); r.code != exitNotFound {
		t.Errorf("what is not in the backup: exit code %d", r.code)
	}
}

func TestBackupThroughPipes(t *testing.T) {
	s, file := kept(t)
	piped := s.must("backup", "-")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	body := func(text string) string { return strings.SplitN(text, "\n", 3)[2] } // without the time
	if cut := strings.LastIndex(piped, "sha256"); body(piped)[:len(body(piped))-72] != body(string(whole))[:len(body(string(whole)))-72] {
		t.Errorf("a pipe and a file get different backups, of %d and %d bytes; the end is at %d", len(piped), len(whole), cut)
	}
	other := shell{t, startServer(t, server.Options{})}
	r := other.feed(piped, "restore", "-") // a server without durable tables needs no yes
	if r.code != exitDone || !strings.Contains(r.stdout, "3 keys") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	want(t, "a", other.must("get", "zedagent.Config.a"), "1")
	if r := other.run("get", "nim.Status.up"); r.code != exitNotFound {
		t.Errorf("a volatile table was restored: exit code %d", r.code)
	}
	if r := other.feed(piped, "restore", "-"); r.code != exitUsage {
		t.Errorf("on a server with durable tables, without --yes: exit code %d", r.code)
	}
}

func TestBackupJSON(t *testing.T) {
	s, file := kept(t)
	var saved struct {
		File     string
		Tables   int
		Keys     int
		Revision uint64
	}
	if err := json.Unmarshal([]byte(s.must("backup", file, "--json")), &saved); err != nil || saved.File != file || saved.Keys != 4 {
		t.Errorf("%+v, %v", saved, err)
	}
	var plan struct{ Tables []replacement }
	if err := json.Unmarshal([]byte(s.must("restore", file, "--dry-run", "--json")), &plan); err != nil || len(plan.Tables) != 2 || *plan.Tables[0].Now != 2 {
		t.Errorf("%+v, %v", plan, err)
	}
	var restored struct {
		Keys  int
		Store string
	}
	if err := json.Unmarshal([]byte(s.must("restore", file, "--yes", "--json")), &restored); err != nil || restored.Keys != 3 || restored.Store == "" {
		t.Errorf("%+v, %v", restored, err)
	}
}

// TestRestoreUnderASmallLimit restores to a server that takes small values, and so
// small messages, only.
func TestRestoreUnderASmallLimit(t *testing.T) {
	s := shell{t, startServer(t, server.Options{MaxValue: 1000})}
	for i := range 200 {
		s.must("put", fmt.Sprint("zedagent.Config.", i), strings.Repeat("v", 1000), "--raw", "--durable")
	}
	file := filepath.Join(t.TempDir(), "backup")
	s.must("backup", file)
	s.must("del", "zedagent.Config", "--all", "--yes")
	if said := s.must("restore", file, "--yes"); !strings.HasPrefix(said, "1 durable table, 200 keys, ") {
		t.Error(said)
	}
}

// TestBackupReplacesFilesOnly has backup write over what is no file: root would
// replace a device by a file.
func TestBackupReplacesFilesOnly(t *testing.T) {
	s, file := kept(t)
	dir := filepath.Dir(file)
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, link, dir} {
		before, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		r := s.run("backup", name)
		if after, err := os.Lstat(name); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s was replaced: %v", name, err)
		}
		if r.code != exitUsage || !strings.Contains(r.stderr, "nkv backup -") {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("%d files are left: %v", len(left), err)
	}
}

// TestRestoreRefusesADamagedFile also shows that nothing is changed then.
func TestRestoreRefusesADamagedFile(t *testing.T) {
	s, file := kept(t)
	before := s.must("tables", ">")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"damaged": strings.Replace(string(whole), "zedagent.Gone", "zedagent.Lost", 1),
		"cut":     string(whole[:len(whole)/2]),
		"newer":   strings.Replace(string(whole), "backup 1", "backup 2", 1),
		"empty":   "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := s.run("restore", file, "--yes")
		if r.code != exitFailed || !strings.Contains(r.stderr, "nothing was changed") || !strings.Contains(r.stderr, file) {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
	}
	if r := s.run("restore", file+".none", "--yes"); r.code != exitFailed {
		t.Errorf("no file: exit code %d: %s", r.code, r.stderr)
	}
	if r := s.run("backup", filepath.Join(file, "not a directory")); r.code != exitFailed {
		t.Errorf("no directory: exit code %d: %s", r.code, r.stderr)
	}
	want(t, "the tables after that", s.must("tables", ">"), before)
}
