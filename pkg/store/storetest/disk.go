package storetest

import (
	"bytes"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

// Disk remembers what was done to files and what of it was synced, so that it
// can tell what a power cut may leave. It is safe for concurrent use. It watches
// one directory; what lies there at the first call counts as synced.
type Disk struct {
	// Step, when set, is called before and after each call that changes or syncs
	// something, with no lock held. It must be set before the first use.
	Step func()

	// FailSync, when set, is asked before each sync of a file. When it returns an
	// error, the sync fails with it, and what was to be synced is lost to the
	// medium for good although the system goes on showing it, as common file
	// systems do. It must be set before the first use.
	FailSync func() error

	mu      sync.Mutex
	nodes   map[*os.File]*node
	names   map[string]*node // as the system shows them
	durable map[string]*node // as they were when the directory was synced
	dir     string           // the directory; empty: its first content was not noted yet
}

// node is one file, whatever its name.
type node struct {
	synced  []byte
	changes []change // since then
}

// change is a write of data at off or, without data, a cut at off.
type change struct {
	off  int64
	data []byte
}

// sectorSize is the unit that a power cut keeps or loses wholly.
const sectorSize = 512

// NewDisk returns a Disk.
func NewDisk() *Disk {
	return &Disk{nodes: map[*os.File]*node{}, names: map[string]*node{}, durable: map[string]*node{}}
}

// Calls returns the calls that the Disk watches.
func (d *Disk) Calls() store.FileCalls {
	return store.FileCalls{
		Open: d.open, WriteAt: d.writeAt, Sync: d.sync, Truncate: d.truncate,
		Rename: d.rename, Remove: d.remove, SyncDir: d.syncDir,
	}
}

func (d *Disk) step() {
	if d.Step != nil {
		d.Step()
	}
}

// load notes what lies in a directory before it is used, as being on the medium.
func (d *Disk) load(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dir != "" {
		return nil
	}
	d.dir = dir
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		n := &node{synced: b}
		d.names[e.Name()], d.durable[e.Name()] = n, n
	}
	return nil
}

func (d *Disk) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if err := d.load(filepath.Dir(name)); err != nil {
		return nil, err
	}
	d.step()
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	base := filepath.Base(name)
	n := d.names[base]
	if n == nil {
		n = &node{}
		d.names[base] = n
	}
	if flag&os.O_TRUNC != 0 {
		n.changes = append(n.changes, change{})
	}
	d.nodes[f] = n
	return f, nil
}

func (d *Disk) writeAt(f *os.File, b []byte, off int64) (int, error) {
	d.note(f, change{off, bytes.Clone(b)})
	d.step()
	return f.WriteAt(b, off)
}

func (d *Disk) truncate(f *os.File, size int64) error {
	d.note(f, change{off: size})
	d.step()
	return f.Truncate(size)
}

func (d *Disk) note(f *os.File, c change) {
	d.step()
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[f]
	n.changes = append(n.changes, c)
}

func (d *Disk) sync(f *os.File) error {
	d.step()
	if d.FailSync != nil {
		if err := d.FailSync(); err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.nodes[f].changes = nil
			return err
		}
	}
	d.mu.Lock()
	n := d.nodes[f]
	for _, c := range n.changes {
		n.synced = c.apply(n.synced)
	}
	n.changes = nil
	d.mu.Unlock()
	d.step()
	return nil
}

func (d *Disk) rename(from, to string) error {
	d.step()
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d.mu.Lock()
	from, to = filepath.Base(from), filepath.Base(to)
	d.names[to] = d.names[from]
	delete(d.names, from)
	d.mu.Unlock()
	d.step()
	return nil
}

func (d *Disk) remove(name string) error {
	d.step()
	if err := os.Remove(name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, filepath.Base(name))
	return nil
}

func (d *Disk) syncDir(dir string) error {
	d.mu.Lock()
	watched := dir == d.dir
	d.mu.Unlock()
	if !watched {
		return nil
	}
	d.step()
	d.mu.Lock()
	d.durable = maps.Clone(d.names)
	d.mu.Unlock()
	d.step()
	return nil
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		return append([]byte(nil), b[:min(int64(len(b)), c.off)]...)
	}
	if grow := c.off + int64(len(c.data)) - int64(len(b)); grow > 0 {
		b = append(b[:len(b):len(b)], make([]byte, grow)...)
	} else {
		b = bytes.Clone(b)
	}
	copy(b[c.off:], c.data)
	return b
}

// Cut makes a new directory with what a power cut at this instant may leave:
// names as they were or as they are, and of what was not synced, any part.
func (d *Disk) Cut(t testing.TB, r *rand.Rand) string {
	t.Helper()
	dir := t.TempDir()
	d.mu.Lock()
	names := d.names
	if r.IntN(2) == 0 {
		names = d.durable
	}
	left := map[string][]byte{}
	for name, n := range names {
		left[name] = n.cut(r)
	}
	d.mu.Unlock()
	for name, b := range left {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cut returns what may be left of a file: some first changes wholly, and of the
// next one the beginning, or any sectors with zeros or older bytes between them.
func (n *node) cut(r *rand.Rand) []byte {
	b := n.synced
	whole := r.IntN(len(n.changes) + 1)
	for _, c := range n.changes[:whole] {
		b = c.apply(b)
	}
	if whole == len(n.changes) {
		return b
	}
	c := n.changes[whole]
	if len(c.data) == 0 {
		return b
	}
	if r.IntN(2) == 0 {
		n := r.IntN(len(c.data))
		if c.off+int64(n) < int64(len(b)) {
			// What was there before is replaced sector by sector.
			n -= int((c.off + int64(n)) % sectorSize)
		}
		c.data = c.data[:max(n, 0)]
		return c.apply(b)
	}
	after := c.apply(b)
	garbage := r.IntN(2) == 0
	for at := c.off - c.off%sectorSize; at < int64(len(after)); at += sectorSize {
		if r.IntN(2) == 0 {
			loseSector(r, after, b, at, garbage)
		}
	}
	return after
}

// loseSector gives the sector at its old bytes and, where it had none, zeros or
// anything.
func loseSector(r *rand.Rand, after, before []byte, at int64, garbage bool) {
	for i := at; i < min(at+sectorSize, int64(len(after))); i++ {
		switch {
		case i < int64(len(before)):
			after[i] = before[i]
		case garbage && at >= int64(len(before)):
			after[i] = byte(r.Uint32())
		default:
			after[i] = 0
		}
	}
}
