package access_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/server/access"
)

const patience = 10 * time.Second

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(content, "HASH", hash)), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestEdit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agents.yaml")
	e, err := access.OpenEdit(file)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.Add(access.Identity{Name: "nim", Agents: []string{"nim"}, UIDs: []uint32{7}})
	e.Add(access.Identity{Name: "alice", Role: access.Operator, Passwords: []string{hash}})
	e.Add(access.Identity{Name: "nim", Agents: []string{"nim", "0"}, Reads: []string{"*.Status"}, UIDs: []uint32{7, 8}, GIDs: []uint32{9}})
	if err := e.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	rules, err := access.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	got := rules.Identities()
	for i := range got {
		got[i] = access.Identity{Name: got[i].Name, Role: got[i].Role, Agents: got[i].Agents, Reads: got[i].Reads, Passwords: got[i].Passwords, UIDs: got[i].UIDs, GIDs: got[i].GIDs}
	}
	want := []access.Identity{
		{Name: "nim", Agents: []string{"nim", "0"}, Reads: []string{"*.Status"}, UIDs: []uint32{7, 8}, GIDs: []uint32{9}},
		{Name: "alice", Role: access.Operator, Passwords: []string{hash}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(access.Identity{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestEditKeeps: what was written by hand stays, and what would be wrong is not
// saved.
func TestEditKeeps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agents.yaml")
	write(t, file, "# All agents.\n\n# Who they are:\nidentities:\n  nim: # networks\n    uids: [7]\n  old:\n    uids: [8]\n# Not for all:\nsecret:\n  - vault.> # keys\n")
	e, err := access.OpenEdit(file)
	if err != nil {
		t.Fatal(err)
	}
	e.Add(access.Identity{Name: "new", UIDs: []uint32{9}})
	if err := e.Remove("old"); err != nil {
		t.Error(err)
	}
	if err := e.Remove("old"); !errors.Is(err, access.ErrUnknown) {
		t.Error(err)
	}
	if err := e.Save(); err != nil {
		t.Fatal(err)
	}
	e.Close()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := "# All agents.\n\n# Who they are:\nidentities:\n  nim: # networks\n    uids: [7]\n  new:\n    uids: [9]\n# Not for all:\nsecret:\n  - vault.> # keys\n"
	if diff := cmp.Diff(want, string(content)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for name, wrong := range map[string]access.Identity{
		"no credentials": {Name: "x"}, "a uid that is taken": {Name: "x", UIDs: []uint32{7}}, "a password that is no hash": {Name: "x", Passwords: []string{"p"}},
	} {
		e, err := access.OpenEdit(file)
		if err != nil {
			t.Fatal(err)
		}
		e.Add(wrong)
		if err := e.Save(); !errors.Is(err, access.ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
		e.Close()
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if after, readErr := os.ReadFile(file); readErr != nil || string(after) != want || len(left) != 1 || err != nil {
		t.Errorf("a save that failed left %q, %v, %v", after, left, err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Load(file); !errors.Is(err, access.ErrFile) || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a file that everybody may write: %v", err)
	}
}

// TestEditsAtOnce: of edits at the same time, none is lost, also through a link to
// the file, which stays one.
func TestEditsAtOnce(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	file, link := filepath.Join(elsewhere, "real.yaml"), filepath.Join(dir, "agents.yaml")
	write(t, file, "identities: {old: {uids: [1]}}")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	const many = 20
	var wait sync.WaitGroup
	for i := range many {
		path := file
		if i%2 == 0 {
			path = link
		}
		wait.Go(func() {
			e, err := access.OpenEdit(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer e.Close()
			e.Add(access.Identity{Name: fmt.Sprint("n", i), UIDs: []uint32{uint32(100 + i)}})
			if err := e.Save(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	rules, err := access.Load(file)
	if err != nil || len(rules.Identities()) != 1+many {
		t.Errorf("%d of %d edits are left, %v", len(rules.Identities())-1, many, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is not one any more: %v, %v", info, err)
	}
}

// TestFile: a file that changes is read again, in whatever way it is replaced.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agents.yaml")
	write(t, file, "identities: {a: {uids: [1]}}")
	f, rules, err := access.OpenFile(file)
	if err != nil || len(rules.Identities()) != 1 {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changes := make(chan int, 100)
	done := make(chan error, 1)
	go func() {
		done <- f.Watch(ctx, func() {
			if rules, err := f.Reload(false); err != nil {
				changes <- -1
			} else if rules != nil {
				changes <- len(rules.Identities())
			}
		})
	}()
	expect := func(want int) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Errorf("%d identities; want %d", got, want)
			}
		case <-time.After(patience):
			t.Fatal("the change was not noticed")
		}
	}
	// Before the watch stands nothing would be told; it looks once when it does.
	testutil.Await(t, patience, "it is watched", func() bool {
		write(t, file, "identities: {a: {uids: [1]}, b: {uids: [2]}}")
		select {
		case got := <-changes:
			return got == 2
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	write(t, file+".new", "identities: {a: {uids: [1]}}")
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	expect(1)
	write(t, file, "identities: {")
	expect(-1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect(-1)
	write(t, file, "identities: {a: {uids: [1]}, b: {uids: [2]}}")
	expect(2)
	if rules, err := f.Reload(false); rules != nil || err != nil {
		t.Errorf("unchanged: %v, %v", rules, err)
	}
	if rules, err := f.Reload(true); rules == nil || err != nil {
		t.Errorf("unchanged, always: %v, %v", rules, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestFileBehindLinks: a file is read again that a link leads to elsewhere, where
// nothing is watched, and what is none is refused, and does not hold anybody up.
func TestFileBehindLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	file, target := filepath.Join(dir, "agents.yaml"), filepath.Join(elsewhere, "real.yaml")
	write(t, target, "identities: {a: {uids: [1]}}")
	if err := os.Symlink(target, file); err != nil {
		t.Fatal(err)
	}
	f, _, err := access.OpenFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f.LookEvery(10 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks, changes, done := make(chan struct{}, 1000), make(chan int, 10), make(chan error, 1)
	go func() {
		done <- f.Watch(ctx, func() {
			if rules, err := f.Reload(false); err == nil && rules != nil {
				changes <- len(rules.Identities())
			}
			select {
			case looks <- struct{}{}:
			default:
			}
		})
	}()
	<-looks // it watches
	write(t, target, "identities: {a: {uids: [1]}, b: {uids: [2]}}")
	select {
	case got := <-changes:
		if got != 2 {
			t.Errorf("%d identities", got)
		}
	case <-time.After(patience):
		t.Error("the change behind the link was not noticed")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}

	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{pipe, dir, "/dev/null"} {
		if _, err := access.Load(wrong); !errors.Is(err, access.ErrFile) || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if err := os.Chmod(elsewhere, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Load(file); !errors.Is(err, access.ErrFile) || !strings.Contains(err.Error(), "its directory "+elsewhere) {
		t.Errorf("a directory that everybody may write: %v", err)
	}
	if err := os.Chmod(elsewhere, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Load(file); err != nil {
		t.Errorf("a sticky directory: %v", err)
	}
}

// TestDocumentedFile: the file in docs/access.md is one, and does what the page
// says.
func TestDocumentedFile(t *testing.T) {
	page, err := os.ReadFile("../../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	content, after, whole := strings.Cut(rest, "```")
	if !found || !whole {
		t.Fatal("there is no file in the page")
	}
	rules := parse(t, strings.ReplaceAll(content, "$2a$10$…", hash))
	verdict := acting(t, rules, "downloader", "downloader").Read("vaultmgr.Key")
	if !strings.Contains(after, "no: "+verdict.Rule+"\n") {
		t.Errorf("the page does not show %q", verdict.Rule)
	}
}
