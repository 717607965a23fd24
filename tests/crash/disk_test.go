package crash

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/store"
)

// smallDisk mounts a disk of 4 MiB at dir, or skips the test where it may not.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("nkv-test", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no disk can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// room is a full disk: what can be given back.
type room interface {
	take(t *testing.T)
	giveBack(t *testing.T)
}

// ballast fills a disk with a file.
type ballast string

func (b ballast) take(t *testing.T) {
	t.Helper()
	f, err := os.Create(string(b))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err = f.Write(chunk); err != nil { // the last pages too, one by one
			chunk = chunk[:len(chunk)/2]
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func (b ballast) giveBack(t *testing.T) {
	t.Helper()
	if err := os.Remove(string(b)); err != nil {
		t.Fatal(err)
	}
}

// limit lets no file of a process grow over a size, which fails a write as a full
// disk does. For where no disk may be mounted.
type limit struct{ process *testutil.Process }

func (l limit) set(t *testing.T, size uint64) {
	t.Helper()
	if err := unix.Prlimit(l.process.PID(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
}

func (l limit) take(t *testing.T)     { t.Helper(); l.set(t, 512) }
func (l limit) giveBack(t *testing.T) { t.Helper(); l.set(t, unix.RLIM_INFINITY) }

// TestG5FullDisk fills the durable store's disk under a server.
func TestG5FullDisk(t *testing.T) {
	t.Run("mounted", func(t *testing.T) {
		p := newPlace(t)
		p.Program = testutil.Build(t, "cmd/nkv-server")
		smallDisk(t, p.StoreDir)
		process := p.run()
		testFullDisk(t, p, ballast(filepath.Join(p.StoreDir, "ballast")))
		process.Kill()
		testStartOnFullDisk(t, p)
	})
	t.Run("limited", func(t *testing.T) {
		p := newPlace(t)
		process := p.run()
		testFullDisk(t, p, limit{process})
		process.Kill()
	})
}

func testFullDisk(t *testing.T, p *place, disk room) {
	random := testutil.Rand(t)
	writers := newWriters(3, 1, []int{300, 3000}, random, monotonic())
	rounds, refusals := scaled(4, 40), 0
	for range rounds {
		writeFor(t, p, writers, 20)
		disk.take(t)
		refusals += untilFull(t, p)
		c := p.connect()
		health, err := c.Health(testContext(t))
		if err != nil || health.Status == "ok" || health.Durable == "ok" {
			t.Errorf("on a full disk the server is %+v, %v", health, err)
		}
		c.Close()
		writeRefused(t, p, writers)
		settleHere(t, p, writers)
		disk.giveBack(t)
		awaitHealth(t, p)
		writeFor(t, p, writers, 5)
	}
	settleHere(t, p, writers)
	refused := 0
	for _, w := range writers {
		for _, s := range w.steps {
			if s.refused {
				refused++
			}
		}
	}
	report(t, "%d times full, %d steps, %d of them refused", rounds, taken(writers), refused+refusals)
}

// writeRefused has writers take steps of which most are refused: these must not
// happen, nor anything else change.
func writeRefused(t *testing.T, p *place, writers []*writer) {
	t.Helper()
	for _, w := range writers {
		w.unmarked = true
	}
	writeFor(t, p, writers, 10)
	for _, w := range writers {
		w.unmarked = false
	}
}

// untilFull puts ever the same key until that is refused for lack of space, and
// returns how often it was.
func untilFull(t *testing.T, p *place) int {
	t.Helper()
	c := p.connect()
	defer c.Close()
	var err error
	testutil.Await(t, settled, "the disk is full", func() bool {
		_, err = c.Put(testContext(t), pathOf("Filler", "k"), fmt.Append(nil, strings.Repeat("x", 40_000), os.Getpid(), rand.Text()), client.Durable())
		return err != nil
	})
	if !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("on a full disk: %v, want ErrUnavailable", err)
	}
	return 1
}

// testStartOnFullDisk starts the server on a full disk: it reads, refuses, and
// goes on when there is room.
func testStartOnFullDisk(t *testing.T, p *place) {
	process := p.run()
	c := p.connect()
	if _, err := c.Put(testContext(t), pathOf("Kept", "k"), []byte("before"), client.Durable()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	process.Kill()
	disk := ballast(filepath.Join(p.StoreDir, "ballast"))
	disk.take(t)
	process = p.run()
	defer process.Kill()
	c = p.connect()
	defer c.Close()
	if e, err := c.Get(testContext(t), pathOf("Kept", "k")); err != nil || string(e.Value) != "before" {
		t.Errorf("a get on a full disk: %q, %v", e.Value, err)
	}
	if _, err := c.Put(testContext(t), pathOf("Kept", "k"), []byte(strings.Repeat("after", 2000)), client.Durable()); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("a put on a full disk: %v", err)
	}
	disk.giveBack(t)
	awaitHealth(t, p)
	if e, err := c.Get(testContext(t), pathOf("Kept", "k")); err != nil || string(e.Value) != "before" {
		t.Errorf("with room again: %q, %v", e.Value, err)
	}
}

// TestG5ReadOnlyDisk makes the durable store's disk read-only under a server, as
// the system does with a disk that fails: durable changes are refused, reads and
// volatile changes go on, and so does everything when it can be written again.
func TestG5ReadOnlyDisk(t *testing.T) {
	p := newPlace(t)
	f := &faults{below: p.StoreDir, hits: map[string]int{}}
	writers := newWriters(3, 1, []int{300, 3000}, testutil.Rand(t), monotonic())
	s := p.startHere(f.calls())
	rounds := scaled(5, 50)
	for range rounds {
		writeFor(t, p, writers, 20)
		f.makeReadOnly(true)
		untilFull(t, p)
		writeRefused(t, p, writers)
		c := p.connect()
		settleAll(t, writers, server{t.Context(), c})
		if _, err := c.Put(testContext(t), pathOf("Volatile", "k"), fmt.Append(nil, rand.Text())); err != nil {
			t.Errorf("a volatile change while the durable store is read-only: %v", err)
		}
		c.Close()
		f.makeReadOnly(false)
		awaitHealth(t, p)
	}
	s.Shutdown()
	s = p.startHere(store.FileCalls{})
	settleHere(t, p, writers)
	s.Shutdown()
	report(t, "%d rounds, %d calls failed, %d steps", rounds, f.count(), taken(writers))
}

// TestG5ReadOnlyStart starts the server on a read-only disk: it says so, and finds
// everything when the disk can be written again.
func TestG5ReadOnlyStart(t *testing.T) {
	t.Run("mounted", testReadOnlyMount)
	t.Run("calls", testReadOnlyCalls) // where no disk may be mounted
}

// checkReadOnly checks what a start on a read-only disk says.
func checkReadOnly(t *testing.T, p *place, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), p.StoreDir) || !strings.Contains(err.Error(), "read-only file system") {
		t.Errorf("on a read-only disk the server says: %v", err)
	}
}

func testReadOnlyCalls(t *testing.T) {
	p := newPlace(t)
	f := &faults{below: p.StoreDir, hits: map[string]int{}}
	writers := newWriters(3, 1, []int{300, 3000}, testutil.Rand(t), monotonic())
	s := p.startHere(f.calls())
	writeFor(t, p, writers, 20)
	s.Shutdown()
	f.makeReadOnly(true)
	s, err := p.tryHere(f.calls())
	if err == nil {
		s.Shutdown()
	}
	checkReadOnly(t, p, err)
	f.makeReadOnly(false)
	s = p.startHere(f.calls())
	checkKilled(t, p, writers, false, new(uint64))
	s.Shutdown()
	report(t, "1 start on a read-only disk, %d steps", taken(writers))
}

func testReadOnlyMount(t *testing.T) {
	p := newPlace(t)
	p.Program = testutil.Build(t, "cmd/nkv-server")
	smallDisk(t, p.StoreDir)
	writers := newWriters(3, 1, []int{300, 3000}, testutil.Rand(t), monotonic())
	process := p.run()
	writeFor(t, p, writers, 20)
	process.Kill()
	for _, flags := range []uintptr{unix.MS_RDONLY, 0} {
		if err := unix.Mount("nkv-test", p.StoreDir, "tmpfs", unix.MS_REMOUNT|flags, "size=4m"); err != nil {
			t.Fatal(err)
		}
		process, err := testutil.TryProcess(t, p.ServerOptions)
		if err == nil && flags == 0 {
			checkKilled(t, p, writers, false, new(uint64))
		}
		if err == nil {
			process.Kill()
		}
		if flags != 0 {
			checkReadOnly(t, p, err)
		} else if err != nil {
			t.Errorf("with a disk that can be written again: %v", err)
		}
	}
	report(t, "1 start on a read-only disk, %d steps", taken(writers))
}
