package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestFileIsCurrentWhenAnswered looks right after each answer.
func TestFileIsCurrentWhenAnswered(t *testing.T) {
	for _, c := range []struct {
		table, dir string
		durable    bool
	}{
		{"zedagent/AppInstanceConfig", status + "/zedagent/AppInstanceConfig", true},
		{"zedagent/AppInstanceConfig", run + "/zedagent/AppInstanceConfig", false},
		{"verifier/AppImg/VerifyConfig", status + "/verifier/AppImg/VerifyConfig", true},
		{"verifier/a/b.c/VerifyConfig", run + "/verifier/a/b.c/VerifyConfig", false},
		{"/LedBlinkCounter", run + "/global/LedBlinkCounter", false},
		{"test", status + "/test", true},
	} {
		t.Run(fmt.Sprint(c.table, " durable ", c.durable), func(t *testing.T) {
			d := boot(t, t.TempDir())
			file, restarted := d.path(c.dir, "timer.config.x.json"), d.path(c.dir, "restarted")
			check := func(path, want string) {
				t.Helper()
				if got := content(t, path); got != want {
					t.Fatalf("%s: got %q, want %q", path, got, want)
				}
			}
			d.put(c.table, "timer.config.x", "1", c.durable)
			check(file, "1")
			check(file+".bak", "(none)")
			d.put(c.table, "timer.config.x", "2", c.durable)
			check(file, "2")
			if c.durable {
				check(file+".bak", "1")
			}
			check(restarted, "(none)")
			d.mark(c.table, 1)
			check(restarted, "1")
			d.mark(c.table, 17)
			check(restarted, "17")
			check(restarted+".bak", "(none)")
			modes(t, filepath.Dir(file), file)
			d.mark(c.table, 0)
			check(restarted, "(none)")
			d.delete(c.table, "timer.config.x")
			check(file, "(none)")
			check(file+".bak", "(none)")
			d.put(c.table, "timer.config.x", "3", c.durable)
			check(file, "3")
			d.must(nkv.Request{Op: nkv.OpClear, Table: name(c.table)})
			check(file, "(none)")
			if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) > 0 {
				t.Errorf("left in the directory: %v, %v", entries, err)
			}
		})
	}
}

// modes are the original's.
func modes(t *testing.T, dir, file string) {
	t.Helper()
	for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// An opened table has its directory, as one that the original publishes has.
func TestOpenedTableHasDirectory(t *testing.T) {
	d := boot(t, t.TempDir())
	d.open("a/T", false)
	d.open("a/s/T", true)
	for _, dir := range []string{run + "/a/T", status + "/a/s/T"} {
		if info, err := os.Stat(d.path(dir)); err != nil || !info.IsDir() {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if link, err := os.Readlink(d.path("var/run")); err != nil || link != "../run" {
		t.Errorf("var/run: %q, %v", link, err)
	}
}

// What can't be a file harms nothing else. The server refuses it before.
func TestWhatCannotBeFiles(t *testing.T) {
	d := boot(t, t.TempDir())
	outside := d.path("..", "outside")
	odd := []nkv.Request{
		{Op: nkv.OpPut, Table: wire.Table{Agent: "..", Topic: ".."}.String(), Key: "outside"},
		{Op: nkv.OpPut, Table: wire.Table{Agent: "a", Topic: "T", Scope: "../../../.."}.String(), Key: "outside"},
		{Op: nkv.OpPut, Table: name("a/T"), Key: wire.EncodeToken("../../../outside")},
		{Op: nkv.OpPut, Table: name("a/T"), Key: strings.Repeat("x", 251)},
	}
	for _, durable := range []bool{false, true} {
		for _, r := range odd {
			r.Value, r.Durable = []byte("x"), durable
			d.must(r)
		}
		d.put("a/T", "good", "1", durable)
		d.must(nkv.Request{Op: nkv.OpPut, Table: name("a/T"), Key: "empty", Durable: durable})
	}
	want := map[string]string{run + "/a/T/good.json": "1"}
	if diff := cmp.Diff(want, d.tree()); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(outside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is outside: %v", err)
	}
	d = d.again()
	if diff := cmp.Diff(want, d.tree()); diff != "" {
		t.Error(diff)
	}
}

// TestFilesFollowTables makes random changes from several sides at once, and
// compares all files with all tables now and then, also after starting again.
func TestFilesFollowTables(t *testing.T) {
	r := random(t)
	dir := t.TempDir()
	d := boot(t, dir)
	tables := []string{"a/T", "a/s/T", "b/s/t/T", "/G", "a/U"}
	for round := range 12 {
		var workers sync.WaitGroup
		for _, table := range tables {
			seed := r.Uint64()
			workers.Go(func() {
				for i := range 40 {
					change(d, table, seed+uint64(i))
				}
			})
		}
		workers.Wait()
		d.agree(fmt.Sprint("round ", round))
		if round%3 == 2 {
			before := d.wanted()
			d = d.again()
			d.agree(fmt.Sprint("started after round ", round))
			if diff := cmp.Diff(before, d.wanted()); diff != "" {
				t.Fatalf("starting again changed tables:\n%s", diff)
			}
			if len(d.report.Tables) > 0 {
				t.Fatalf("there was nothing to do, and this was reported: %+v", d.report)
			}
		}
	}
	left := 0
	filepath.WalkDir(string(d.root()), func(path string, e fs.DirEntry, err error) error {
		if strings.HasPrefix(e.Name(), "tmp") {
			left++
		}
		return err
	})
	if left > 0 {
		t.Errorf("%d temporary files are left", left)
	}
}

// change makes some change of a table, which may well be refused.
func change(d *device, table string, n uint64) {
	key := fmt.Sprint("key ", n%5)
	switch n % 11 {
	case 0:
		d.ask(nkv.Request{Op: nkv.OpDelete, Table: name(table), Key: wire.EncodeToken(key)})
	case 1:
		d.ask(nkv.Request{Op: nkv.OpMark, Table: name(table), Restart: n % 3})
	case 2:
		who := nkv.Instance{ID: table, Agent: "agent"}
		opened := d.ask(nkv.Request{Op: nkv.OpOpen, Table: name(table), Instance: who, Durable: n%2 == 0})
		d.ask(nkv.Request{Op: nkv.OpClose, Table: name(table), Instance: who, Fence: opened.Fence})
	case 3:
		d.ask(nkv.Request{Op: nkv.OpClear, Table: name(table), Match: func(key string) bool { return key < "key%203" }})
	default:
		d.ask(put(table, key, fmt.Sprint("value ", n%97), n%2 == 0))
	}
}

// TestRefusedBatchLeavesFiles has the store refuse, and the outcome unknown.
func TestRefusedBatchLeavesFiles(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		happened bool
	}{
		{"refused", store.ErrNotCommitted, false},
		{"unknown and not there", store.ErrUnknown, false},
		{"unknown and there", store.ErrUnknown, true},
	} {
		for _, durable := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " durable ", durable), func(t *testing.T) {
				d := boot(t, t.TempDir())
				d.put("a/T", "k", "1", durable)
				d.put("a/T", "gone", "1", durable)
				lane := d.volatile
				if durable {
					lane = d.durable
				}
				var once atomic.Bool
				lane.on(func(batch []store.Op, inner func([]store.Op) error) error {
					if !once.CompareAndSwap(false, true) {
						return inner(batch)
					}
					if c.happened {
						if err := inner(batch); err != nil {
							t.Error(err)
						}
					}
					return c.err
				})
				if err := d.ask(put("a/T", "k", "2", durable)).Err; err == nil {
					t.Fatal("it was accepted")
				}
				testutil.Await(t, patience, "the store takes changes", func() bool {
					return d.ask(nkv.Request{Op: nkv.OpDelete, Table: name("a/T"), Key: "gone"}).Err == nil
				})
				want := map[string]string{"k": "1"}
				if c.happened {
					want["k"] = "2"
				}
				if diff := cmp.Diff(want, d.values("a/T")); diff != "" {
					t.Error(diff)
				}
				d.agree("after it")
				d = d.again()
				d.agree("after a start")
				if len(d.report.Tables) > 0 {
					t.Errorf("the start did %+v", d.report)
				}
			})
		}
	}
}

// TestUnwritableFileRefusesChange puts something in the way of a directory.
func TestUnwritableFileRefusesChange(t *testing.T) {
	for _, durable := range []bool{false, true} {
		d := boot(t, t.TempDir())
		d.put("a/T", "k", "1", durable)
		base := run
		if durable {
			base = status
		}
		write(t, d.path(base, "b"), "in the way")
		err := d.ask(put("b/T", "k", "1", durable)).Err
		if !errors.Is(err, nkv.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
		if v := d.values("b/T"); v != nil {
			t.Errorf("the table has %v", v)
		}
		d.put("a/T", "k", "2", durable)
		unlink(t, d.path(base, "b"))
		d.put("b/T", "k", "2", durable)
		d.agree("when it is gone")
	}
}

// TestFullDisk fills the file system of the files, not of the stores.
func TestFullDisk(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprint("durable ", durable), func(t *testing.T) {
			dir := t.TempDir()
			root := filepath.Join(dir, "root")
			if err := os.Mkdir(root, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("none", root, "tmpfs", 0, "size=256k"); err != nil {
				t.Skipf("no file system can be mounted: %v", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(root, 0); err != nil {
					t.Error(err)
				}
			})
			d := boot(t, dir)
			d.put("a/T", "k", "1", durable)
			large := strings.Repeat("x", 40<<10)
			stored := 0
			var err error
			for ; err == nil && stored < 100; stored++ {
				err = d.ask(put("a/T", fmt.Sprint(stored), large, durable)).Err
			}
			if !errors.Is(err, nkv.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("after %d: got %v, want ErrUnavailable for the full disk", stored, err)
			}
			d.agree("when it is full")
			if err := d.ask(put("a/T", "k", large, durable)).Err; !errors.Is(err, nkv.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
			if got := d.values("a/T")["k"]; got != "1" {
				t.Errorf("a refused change happened: %d bytes", len(got))
			}
			d.delete("a/T", "0") // makes room
			d.delete("a/T", "1")
			d.put("a/T", "k", large, durable)
			d.agree("when there is room")
			d.end()
		})
	}
}

// TestRenameFailsAfterCommit: the change happened, and the file follows as soon as
// it can.
func TestRenameFailsAfterCommit(t *testing.T) {
	for _, durable := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint("durable ", durable, " restart ", restart), func(t *testing.T) {
				d := boot(t, t.TempDir())
				dir := d.path(run, "a/T")
				if durable {
					dir = d.path(status, "a/T")
				}
				d.open("a/T", durable)
				blocker := filepath.Join(dir, "k.json")
				write(t, filepath.Join(blocker, "x"), "in the way")
				d.put("a/T", "k", "1", durable)
				d.put("a/T", "other", "1", durable)
				if got := content(t, filepath.Join(dir, "other.json")); got != "1" {
					t.Errorf("another key's file: %q", got)
				}
				if !strings.Contains(d.log.String(), "behind its table") {
					t.Errorf("it is not logged: %s", d.log)
				}
				if restart {
					d = d.again()
					if diff := cmp.Diff(map[string]string{"k": "1", "other": "1"}, d.values("a/T")); diff != "" {
						t.Fatal(diff)
					}
				}
				if err := os.RemoveAll(blocker); err != nil {
					t.Fatal(err)
				}
				testutil.Await(t, patience, "the file is there", func() bool { return content(t, blocker) == "1" })
				d.agree("when it is gone")
				d.put("a/T", "k", "2", durable)
				d.agree("after another change")
			})
		}
	}
}

// A deletion whose file can't be removed is one, also after a start.
func TestUnlinkFailsAfterCommit(t *testing.T) {
	d := boot(t, t.TempDir())
	d.put("a/T", "k", "1", true)
	file := d.path(status, "a/T/k.json")
	unlink(t, file)
	write(t, file+"/x", "in the way")
	d.delete("a/T", "k")
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	d = d.again()
	if v := d.values("a/T"); v != nil {
		t.Errorf("the table has %v", v)
	}
	d.agree("at the end")
}

// TestUnlinkFailsForAWhile puts something in the way of the backup: the file goes as
// soon as it can, also when nothing else happens.
func TestUnlinkFailsForAWhile(t *testing.T) {
	d := boot(t, t.TempDir())
	d.put("a/T", "k", "1", true)
	file := d.path(status, "a/T/k.json")
	write(t, file+eve.Backup+"/x", "in the way")
	d.delete("a/T", "k")
	if err := os.RemoveAll(file + eve.Backup); err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the file is gone", func() bool { return content(t, file) == "(none)" })
}

// TestLateFile: what is written late is as good as what is written in time. A crash
// while that goes on loses nothing, and who removes it afterwards means it.
func TestLateFile(t *testing.T) {
	d := boot(t, t.TempDir())
	d.open("a/T", true)
	file := d.path(status, "a/T/k.json")
	write(t, file+"/x", "in the way")
	d.put("a/T", "k", "1", true)
	d.end()
	again := start(t, d.dir, true)
	var images []string
	again.durable.on(func(batch []store.Op, inner func([]store.Op) error) error {
		err := inner(batch)
		images = append(images, copyTree(t, d.dir))
		return err
	})
	if _, err := again.mirror.Import(context.Background(), again.core); err != nil {
		t.Fatal(err)
	}
	again.durable.on(nil)
	for n, dir := range images {
		if err := os.RemoveAll(filepath.Join(dir, "root", status, "a/T/k.json")); err != nil {
			t.Fatal(err)
		}
		crashed := boot(t, dir)
		if diff := cmp.Diff(map[string]string{"k": "1"}, crashed.values("a/T")); diff != "" {
			t.Errorf("image %d: %s", n, diff)
		}
		crashed.agree(fmt.Sprint("image ", n))
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the file is there", func() bool { return content(t, file) == "1" })
	again.end()
	unlink(t, file)
	if v := boot(t, d.dir).values("a/T"); v != nil {
		t.Errorf("after its file was removed, the table has %v", v)
	}
}

// TestLongKeys has keys whose files' names are as long as can be, or whose backups'
// would be longer.
func TestLongKeys(t *testing.T) {
	d := boot(t, t.TempDir())
	for n := eve.MaxKey - len(eve.Backup); n <= eve.MaxKey; n++ {
		key := strings.Repeat("k", n)
		d.put("a/T", key, "1", true)
		d.put("a/T", key, "2", true)
		d.agree(fmt.Sprint(n, " bytes"))
		d.delete("a/T", key)
		d.agree(fmt.Sprint(n, " bytes, deleted"))
	}
	if strings.Contains(d.log.String(), "behind its table") {
		t.Errorf("the log says %s", d.log)
	}
}

// Someone removes the directories of a running server.
func TestDirectoryVanishes(t *testing.T) {
	for _, durable := range []bool{false, true} {
		d := boot(t, t.TempDir())
		d.put("a/T", "k", "1", durable)
		if err := errors.Join(os.RemoveAll(d.path(run, "a")), os.RemoveAll(d.path(status, "a"))); err != nil {
			t.Fatal(err)
		}
		d.put("a/T", "k", "2", durable)
		d.agree("after the next change")
	}
}

// TestMoveMovesFiles moves tables between the lanes.
func TestMoveMovesFiles(t *testing.T) {
	d := boot(t, t.TempDir())
	d.open("a/T", false)
	for i := range 20 {
		d.put("a/T", fmt.Sprint(i), fmt.Sprint(i), false)
	}
	d.mark("a/T", 3)
	for i, durable := range []bool{true, false, true, false} {
		d.open("a/T", durable)
		d.agree(fmt.Sprint("move ", i))
		for dir, there := range map[string]bool{status: durable, run: !durable} {
			if _, err := os.Stat(d.path(dir, "a/T")); (err == nil) != there {
				t.Errorf("move %d: %s: %v", i, dir, err)
			}
		}
		d.put("a/T", "0", fmt.Sprint("after ", i), false)
		d.agree(fmt.Sprint("change after move ", i))
	}
	d = d.again()
	d.agree("after a start")
	if len(d.report.Tables) > 0 {
		t.Errorf("the start did %+v", d.report)
	}
}
