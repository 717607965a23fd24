package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/store/storetest"
)

// fault fails one call, or all from one on.
type fault struct {
	mu    sync.Mutex
	call  string // which kind of call
	nth   int    // the first that fails, from 1
	last  int    // the last that fails
	count int
	err   error
	part  int // for writes: the share in percent that is written first
}

// hit counts a call and returns the error that it fails with, or nil.
func (f *fault) hit(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call != f.call {
		return nil
	}
	if f.count++; f.count < f.nth || f.count > f.last {
		return nil
	}
	return f.err
}

// arm makes the nth call from now on fail, and those up to last.
func (f *fault) arm(nth, last int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count, f.nth, f.last = 0, nth, last
}

func (f *fault) wasHit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nth > 0 && f.count >= f.nth
}

func (f *fault) calls() store.FileCalls {
	return store.FileCalls{
		Open: func(name string, flag int, perm fs.FileMode) (*os.File, error) {
			if err := f.hit("open"); err != nil {
				return nil, &fs.PathError{Op: "open", Path: name, Err: err}
			}
			return os.OpenFile(name, flag, perm)
		},
		ReadAt: func(file *os.File, b []byte, off int64) (int, error) {
			if err := f.hit("read"); err != nil {
				return 0, err
			}
			return file.ReadAt(b, off)
		},
		WriteAt: func(file *os.File, b []byte, off int64) (int, error) {
			if err := f.hit("write"); err != nil {
				n, writeErr := file.WriteAt(b[:len(b)*f.part/100], off)
				return n, errors.Join(err, writeErr)
			}
			return file.WriteAt(b, off)
		},
		Sync: func(file *os.File) error {
			if err := f.hit("sync"); err != nil {
				return err
			}
			return store.SyncFile(file)
		},
		Truncate: func(file *os.File, size int64) error {
			if err := f.hit("truncate"); err != nil {
				return err
			}
			return file.Truncate(size)
		},
		Rename: func(from, to string) error {
			if err := f.hit("rename"); err != nil {
				return err
			}
			return os.Rename(from, to)
		},
		Remove: func(name string) error {
			if err := f.hit("remove"); err != nil {
				return err
			}
			return os.Remove(name)
		},
		SyncDir: func(dir string) error {
			if err := f.hit("syncdir"); err != nil {
				return err
			}
			return store.SyncDir(dir)
		},
	}
}

func fill(i int) []store.Op {
	return []store.Op{put(fmt.Sprint("key ", i%5), strings.Repeat(fmt.Sprint(i), 500)), del(fmt.Sprint("key ", (i+2)%5))}
}

// TestFaults fails each call of a workload that compacts and reloads, one after
// the other, and checks that every answer was true.
func TestFaults(t *testing.T) {
	cases := []struct {
		call string
		err  error
		part int
	}{
		{"open", syscall.EMFILE, 0},
		{"read", syscall.EIO, 0},
		{"write", syscall.ENOSPC, 0},
		{"write", syscall.ENOSPC, 50},
		{"write", syscall.EIO, 100},
		{"sync", syscall.EIO, 0},
		{"rename", syscall.EACCES, 0},
		{"remove", syscall.EIO, 0},
		{"syncdir", syscall.EIO, 0},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s %v %d%%", c.call, c.err, c.part), func(t *testing.T) {
			storetest.CheckLeaks(t)
			outcomes := map[string]int{}
			for nth := 1; ; nth++ {
				f := &fault{call: c.call, err: c.err, part: c.part}
				f.arm(nth, nth)
				faultWorkload(t, f, c.err, outcomes)
				if !f.wasHit() {
					t.Logf("%d calls failed: %v", nth-1, outcomes)
					break
				}
			}
		})
	}
}

// faultWorkload opens a log, commits, reloads and closes, while f fails a call.
func faultWorkload(t *testing.T, f *fault, cause error, outcomes map[string]int) {
	t.Helper()
	dir := t.TempDir()
	opts := store.Options{Dir: dir, Sync: true, Floor: 4 << 10, Files: f.calls()}
	l, err := store.OpenLog(opts)
	if err != nil {
		outcomes["opening failed"]++
		if !errors.Is(err, cause) {
			t.Fatalf("open: got error %v, want one for %v", err, cause)
		}
		if l, err = store.OpenLog(opts); err != nil {
			t.Fatalf("open again: %v", err)
		}
	}
	want := storetest.Model{}
	for i := range 24 {
		batch := fill(i)
		err := l.Commit(batch)
		switch {
		case err == nil:
			want.Apply(batch)
		case !errors.Is(err, cause):
			t.Fatalf("commit: got error %v, want one for %v", err, cause)
		case errors.Is(err, store.ErrUnknown):
			outcomes["unknown"]++
			want = healUnknown(t, l, batch, want)
		case errors.Is(err, store.ErrNotCommitted):
			outcomes["not committed"]++
		default:
			t.Fatalf("commit: got error %v, want ErrUnknown or ErrNotCommitted", err)
		}
		storetest.Check(t, l, want)
		if i == 12 {
			if err := l.Reload(); err != nil {
				outcomes["reload failed"]++
				wantRefused(t, l)
				if err := l.Reload(); err != nil {
					t.Fatalf("reload again: %v", err)
				}
			}
			storetest.Check(t, l, want)
		}
	}
	if err := l.Close(); err != nil {
		outcomes["close failed"]++
	}
	again := openLog(t, store.Options{Dir: dir})
	storetest.Check(t, again, want)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantRefused(t *testing.T, l *store.Log) {
	t.Helper()
	if err := l.Commit([]store.Op{put("refused", "x")}); !errors.Is(err, store.ErrUnknown) {
		t.Fatalf("commit before a reload: got error %v, want ErrUnknown", err)
	}
}

// healUnknown reloads, and returns which of the two states came out.
func healUnknown(t *testing.T, l *store.Log, batch []store.Op, want storetest.Model) storetest.Model {
	t.Helper()
	wantRefused(t, l)
	storetest.Check(t, l, want)
	if err := l.Reload(); err != nil {
		t.Fatalf("reload: %v", err)
	}
	if after := want.With(batch); maps.Equal(storetest.Contents(t, l), after) {
		return after
	}
	return want // which the caller checks
}

// TestFullDisk shows that a store on a full disk refuses, goes on, and
// recovers, and that what it refused is nowhere.
func TestFullDisk(t *testing.T) {
	storetest.CheckLeaks(t)
	for _, part := range []int{0, 30, 99} {
		f := &fault{call: "write", err: syscall.ENOSPC, part: part}
		dir := t.TempDir()
		l := openLog(t, store.Options{Dir: dir, Sync: true, Files: f.calls()})
		want := storetest.Model{}
		for i := range 30 {
			full := i%3 != 0
			if full {
				f.arm(1, 1<<30)
			} else {
				f.arm(0, 0)
			}
			batch := fill(i)
			err := l.Commit(batch)
			if full && (!errors.Is(err, store.ErrNotCommitted) || !errors.Is(err, syscall.ENOSPC)) {
				t.Fatalf("got error %v, want ErrNotCommitted for ENOSPC", err)
			}
			if !full {
				if err != nil {
					t.Fatal(err)
				}
				want.Apply(batch)
			}
			storetest.Check(t, l, want)
			left := openLog(t, store.Options{Dir: storetest.CopyDir(t, dir)})
			storetest.Check(t, left, want)
			left.Close()
		}
		f.arm(1, 1<<30)
		if err := l.Close(); err != nil {
			t.Fatalf("close on a full disk: %v", err)
		}
		f.arm(0, 0)
		storetest.Check(t, openLog(t, store.Options{Dir: dir}), want)
	}
}

// TestWriteThatCannotBeTakenBack fails a write and the cut after it.
func TestWriteThatCannotBeTakenBack(t *testing.T) {
	storetest.CheckLeaks(t)
	f := &fault{call: "write", err: syscall.EIO, part: 50}
	calls, fail := f.calls(), false
	truncate := calls.Truncate
	calls.Truncate = func(file *os.File, size int64) error {
		if fail {
			return syscall.EROFS
		}
		return truncate(file, size)
	}
	l := openLog(t, store.Options{Dir: t.TempDir(), Files: calls})
	if err := l.Commit(fill(0)); err != nil {
		t.Fatal(err)
	}
	fail = true
	f.arm(1, 1)
	err := l.Commit(fill(1))
	if !errors.Is(err, store.ErrUnknown) || !errors.Is(err, syscall.EIO) || !errors.Is(err, syscall.EROFS) {
		t.Fatalf("got error %v, want ErrUnknown for EIO and EROFS", err)
	}
	wantRefused(t, l)
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, l, storetest.Model{}.With(fill(0)))
	if err := l.Commit(fill(2)); err != nil {
		t.Fatal(err)
	}
}

// failingSyncs is a disk whose syncs fail while fail is set.
func failingSyncs(fail *bool) *storetest.Disk {
	disk := storetest.NewDisk()
	disk.FailSync = func() error {
		if *fail {
			return syscall.EIO
		}
		return nil
	}
	return disk
}

// TestSyncThatLies runs on a disk whose failed sync drops what was written while
// the system goes on showing it. What a reload, or a new opening, shows then
// must survive a power cut.
func TestSyncThatLies(t *testing.T) {
	for _, heal := range []string{"reload", "reopen", "reset"} {
		t.Run(heal, func(t *testing.T) {
			storetest.CheckLeaks(t)
			r := storetest.Rand(t)
			for round := range 20 {
				var fail bool
				disk := failingSyncs(&fail)
				opts := store.Options{Dir: t.TempDir(), Sync: true, Files: disk.Calls()}
				l := openLog(t, opts)
				for i := range round {
					if err := l.Commit(fill(i)); err != nil {
						t.Fatal(err)
					}
				}
				fail = true
				if err := l.Commit(fill(round)); !errors.Is(err, store.ErrUnknown) {
					t.Fatalf("got error %v, want ErrUnknown", err)
				}
				if err := l.Reload(); err == nil {
					t.Fatal("reload succeeded while syncs fail")
				}
				wantRefused(t, l)
				fail = false
				l = healed(t, heal, l, opts)
				shown := storetest.Contents(t, l)
				left := openLog(t, store.Options{Dir: disk.Cut(t, r)})
				storetest.Check(t, left, shown)
				left.Close()
				if err := l.Commit(fill(round + 1)); err != nil {
					t.Fatal(err)
				}
				left = openLog(t, store.Options{Dir: disk.Cut(t, r)})
				storetest.Check(t, left, shown.With(fill(round+1)))
				left.Close()
				l.Close()
			}
		})
	}
}

// TestCloseWhoseSyncFails closes a log on such a disk, and goes on with it.
func TestCloseWhoseSyncFails(t *testing.T) {
	storetest.CheckLeaks(t)
	r := storetest.Rand(t)
	for round := range 20 {
		var fail bool
		disk := failingSyncs(&fail)
		opts := store.Options{Dir: t.TempDir(), Sync: true, Files: disk.Calls()}
		l := openLog(t, opts)
		want := storetest.Model{}
		for i := range round {
			want.Apply(fill(i))
			if err := l.Commit(fill(i)); err != nil {
				t.Fatal(err)
			}
		}
		fail = true
		if err := l.Close(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("close: got error %v, want EIO", err)
		}
		fail = false
		l = openLog(t, opts)
		storetest.Check(t, l, want)
		if err := l.Commit(fill(round)); err != nil {
			t.Fatal(err)
		}
		left := openLog(t, store.Options{Dir: disk.Cut(t, r)})
		storetest.Check(t, left, want.With(fill(round)))
		left.Close()
		l.Close()
	}
}

func healed(t *testing.T, how string, l *store.Log, opts store.Options) *store.Log {
	t.Helper()
	var err error
	switch how {
	case "reload":
		err = l.Reload()
	case "reset":
		err = l.Reset()
	case "reopen":
		if err = l.Close(); err == nil {
			l = openLog(t, opts)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestVolatileAfterPowerCut shows that a volatile log, of which nothing but its
// headers is synced, starts empty in the next epoch whatever a power cut left.
func TestVolatileAfterPowerCut(t *testing.T) {
	storetest.CheckLeaks(t)
	r := storetest.Rand(t)
	var mu sync.Mutex // guards r and left
	var left []string
	disk := storetest.NewDisk()
	disk.Step = func() {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, disk.Cut(t, r))
	}
	l := openLog(t, store.Options{Dir: t.TempDir(), Epoch: "boot 1", Floor: 4 << 10, Files: disk.Calls()})
	for i := 0; l.Stats().Compactions < 3; i++ {
		if err := l.Commit(fill(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range left {
		next := openLog(t, store.Options{Dir: dir, Epoch: "boot 2"})
		storetest.Check(t, next, storetest.Model{})
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d power cuts", len(left))
}
