package crash

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	nkvserver "github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/store"
)

// faults fail some calls on the files of one directory. Safe for concurrent use.
type faults struct {
	below string

	mu       sync.Mutex     // guards all below
	chain    []fault        // one after the other
	hits     map[string]int // how many calls failed, ever
	readOnly bool           // every call that changes something fails
}

// fault fails some calls of one kind.
type fault struct {
	call  string
	skip  int // how many of them work before
	times int // how many fail then
}

// arm has calls fail from now on.
func (f *faults) arm(chain ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chain = chain
}

func (f *faults) hit(call, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(name, f.below) {
		return nil
	}
	if f.readOnly && slices.Contains([]string{"change", "write", "truncate", "rename", "remove"}, call) {
		f.hits[call]++
		return &fs.PathError{Op: call, Path: name, Err: syscall.EROFS}
	}
	if len(f.chain) == 0 || f.chain[0].call != call {
		return nil
	}
	now := &f.chain[0]
	if now.skip--; now.skip >= 0 {
		return nil
	}
	if now.times--; now.times == 0 {
		f.chain = f.chain[1:]
	}
	f.hits[call]++
	return &fs.PathError{Op: call, Path: name, Err: syscall.EIO}
}

func (f *faults) makeReadOnly(readOnly bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readOnly = readOnly
}

func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, hits := range f.hits {
		n += hits
	}
	return n
}

func (f *faults) calls() store.FileCalls {
	return store.FileCalls{
		Open: func(name string, flag int, perm fs.FileMode) (*os.File, error) {
			if err := f.hit("open", name); err != nil {
				return nil, err
			}
			if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE) != 0 {
				if err := f.hit("change", name); err != nil {
					return nil, err
				}
			}
			return os.OpenFile(name, flag, perm)
		},
		ReadAt: func(file *os.File, b []byte, off int64) (int, error) {
			if err := f.hit("read", file.Name()); err != nil {
				return 0, err
			}
			return file.ReadAt(b, off)
		},
		WriteAt: func(file *os.File, b []byte, off int64) (int, error) {
			if err := f.hit("write", file.Name()); err != nil {
				n, _ := file.WriteAt(b[:len(b)/4*f.share()], off) //nolint:errcheck // the other error counts
				return n, err
			}
			return file.WriteAt(b, off)
		},
		Sync: func(file *os.File) error {
			if err := f.hit("sync", file.Name()); err != nil {
				return err
			}
			return store.SyncFile(file)
		},
		Truncate: func(file *os.File, size int64) error {
			if err := f.hit("truncate", file.Name()); err != nil {
				return err
			}
			return file.Truncate(size)
		},
		Rename: func(from, to string) error {
			if err := f.hit("rename", from); err != nil {
				return err
			}
			return os.Rename(from, to)
		},
		Remove: func(name string) error {
			if err := f.hit("remove", name); err != nil {
				return err
			}
			return os.Remove(name)
		},
		SyncDir: func(dir string) error {
			if err := f.hit("syncdir", dir); err != nil {
				return err
			}
			return store.SyncDir(dir)
		},
	}
}

// share is how much of a failing write is written, in quarters: each in turn.
func (f *faults) share() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readOnly {
		return 0
	}
	return 1 + f.hits["write"]%4
}

// startHere starts a server in this process.
func (p *place) startHere(files store.FileCalls) *nkvserver.Server {
	p.t.Helper()
	s, err := p.tryHere(files)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// tryHere starts a server in this process, or says why it does not.
func (p *place) tryHere(files store.FileCalls) (*nkvserver.Server, error) {
	return nkvserver.Start(p.t.Context(), nkvserver.Options{
		Socket: p.Socket, StoreDir: p.StoreDir, VolatileDir: p.VolatileDir, OwnerGrace: p.OwnerGrace, Files: files,
	})
}

// troubles are the chains of faults that a round has one of: calls of a commit and
// of a compaction, and, after a failed sync, those of the reading again.
func troubles() [][]string {
	return [][]string{
		{"write"}, {"sync"}, {"rename"}, {"syncdir"}, {"open"},
		{"write", "truncate"}, {"sync", "open"}, {"sync", "read"}, {"sync", "write", "remove"},
		{"sync", "sync"}, {"sync", "rename"}, {"sync", "syncdir"},
	}
}

// TestG5DiskErrors fails calls on the files of the durable store under writers:
// each answer is true, nothing but what was asked for changes, the server goes on
// by itself, and what it shows then is what it finds after a restart.
func TestG5DiskErrors(t *testing.T) {
	random := testutil.Rand(t)
	p := newPlace(t)
	f := &faults{below: p.StoreDir, hits: map[string]int{}}
	writers := newWriters(4, 1, []int{300, 60_000}, random, monotonic())
	unknown := 0
	s := p.startHere(f.calls())
	rounds := scaled(60, 1200)
	for round := range rounds {
		kinds := troubles()[round%len(troubles())]
		var chain []fault
		for i, call := range kinds {
			skip := 0
			if i == 0 && (call == "write" || call == "sync") {
				skip = random.IntN(12)
			}
			chain = append(chain, fault{call, skip, 1 + random.IntN(2)})
		}
		f.arm(chain...)
		unknown += liveOn(t, p, writers)
		f.arm()
		awaitHealth(t, p)
		settleHere(t, p, writers)
		if round%6 == 5 {
			s.Shutdown()
			s = p.startHere(f.calls())
			settleHere(t, p, writers)
		}
		if t.Failed() {
			t.Fatalf("with failing %q; the stores are in %s", kinds, saved(t, p.dir))
		}
	}
	s.Shutdown()
	for _, kinds := range troubles() {
		for _, call := range kinds {
			if f.hits[call] == 0 {
				t.Errorf("%s never failed", call)
			}
		}
	}
	report(t, "%d rounds, %d calls failed: %v, %d steps, %d outcomes unknown", rounds, f.count(), f.hits, taken(writers), unknown)
}

func settleHere(t *testing.T, p *place, writers []*writer) {
	t.Helper()
	c := p.connect()
	defer c.Close()
	settleAll(t, writers, server{t.Context(), c})
}

// liveOn has each writer take steps until one has an unknown outcome, and returns
// how many had.
func liveOn(t *testing.T, p *place, writers []*writer) int {
	t.Helper()
	var writing sync.WaitGroup
	var unknown atomic.Int64
	for _, w := range writers {
		c := p.connect(client.Name(agentName))
		defer c.Close()
		writing.Go(func() {
			for range 16 {
				if !w.step(t, server{t.Context(), c}) {
					unknown.Add(1)
					return
				}
			}
		})
	}
	writing.Wait()
	return int(unknown.Load())
}

// awaitHealth waits until the server takes all changes.
func awaitHealth(t *testing.T, p *place) {
	t.Helper()
	c := p.connect()
	defer c.Close()
	testutil.Await(t, settled, "the server takes changes again", func() bool {
		_, err1 := c.Put(testContext(t), pathOf("Health", "k"), fmt.Append(nil, rand.Uint64()), client.Durable())
		_, err2 := c.Put(testContext(t), pathOf("VolatileHealth", "k"), fmt.Append(nil, rand.Uint64()))
		if err1 != nil || err2 != nil {
			return false
		}
		health, err := c.Health(testContext(t))
		return err == nil && health.Status == "ok"
	})
}

// TestG5FlippedBits starts the server program on stores with one flipped bit each.
// It refuses, naming the file, the place and what to do; or the bit harmed nobody.
func TestG5FlippedBits(t *testing.T) {
	random := testutil.Rand(t)
	now := monotonic()
	p := newPlace(t)
	p.Program = testutil.Build(t, "cmd/nkv-server")
	writers := newWriters(3, 1, []int{20, 2000}, random, now)
	process := p.run()
	writeFor(t, p, writers, 25)
	process.Kill()
	refused, harmless := 0, 0
	for _, dir := range []string{p.StoreDir, p.VolatileDir} {
		name := filepath.Join(dir, "log")
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for range scaled(12, 400) {
			b := append([]byte(nil), whole...)
			bit := random.IntN(len(b) * 8)
			b[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			process, err := testutil.TryProcess(t, p.ServerOptions)
			if err == nil {
				harmless++
				checkKilled(t, p, writers, false, new(uint64))
				process.Kill()
				continue
			}
			refused++
			for _, says := range []string{name, "offset ", "restore it from a backup"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("bit %d of byte %d: the message does not say %q: %v", bit%8, bit/8, says, err)
				}
			}
		}
		if err := os.WriteFile(name, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	process = p.run()
	checkKilled(t, p, writers, false, new(uint64))
	process.Kill()
	report(t, "%d bits flipped, %d refused, %d harmless", refused+harmless, refused, harmless)
}
