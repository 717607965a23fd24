package crash

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/evenkv/nkv/pkg/store"
)

// call is what a process did to a disk.
type call int

const (
	makeDir  call = iota // name
	create               // name, file
	write                // file, off, data
	truncate             // file, off
	rename               // name, to
	unlink               // name
	syncFile             // file: what was done to it before began is on the medium
	syncDir              // name: likewise, of the names in it
)

// event is a call. Files have numbers, whatever their names; names are paths
// below the disk's root.
type event struct {
	call     call
	at       int64 // of a sync: when it returned; else when it began
	began    int64 // of a sync
	name, to string
	file     int
	off      int64
	data     []byte
}

// recorder records what stores do through their file calls. Safe for concurrent
// use.
type recorder struct {
	root string
	now  clock

	mu     sync.Mutex // guards all below
	events []event
	open   map[*os.File]int
	names  map[string]int // files, by name
	dirs   map[string]bool
	files  int
	dead   bool             // the process counts as killed: nothing it does has an effect
	fatal  func(event) bool // whether the process is killed right after a call; nil: never
}

func newRecorder(root string, now clock) *recorder {
	return &recorder{root: root, now: now, open: map[*os.File]int{}, names: map[string]int{}, dirs: map[string]bool{".": true}}
}

var errDead = &fs.PathError{Op: "any call", Path: "of a killed process", Err: syscall.EIO}

// add appends an event. The lock is held.
func (r *recorder) add(e event) {
	e.at = r.now()
	r.events = append(r.events, e)
	if r.fatal != nil && r.fatal(e) {
		r.dead = true
	}
}

func (r *recorder) below(name string) string {
	rel, err := filepath.Rel(r.root, name)
	if err != nil {
		return name
	}
	return rel
}

// noteDirs records directories that were made without the file calls' knowing,
// before what follows. The lock is held.
func (r *recorder) noteDirs() {
	err := filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
		if name := r.below(path); err == nil && d.IsDir() && !r.dirs[name] {
			r.dirs[name] = true
			r.add(event{call: makeDir, name: name})
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err) // a temporary directory of the test's own
	}
}

// live says what kills the next process; nil: nothing does.
func (r *recorder) live(fatal func(event) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead, r.fatal = false, fatal
}

// kill has nothing that the process does have an effect, as if it were gone.
func (r *recorder) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = true
}

// trace returns what was recorded.
func (r *recorder) trace() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// did does and records a change, unless the process is dead.
func (r *recorder) did(e event, do func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return errDead
	}
	r.add(e)
	return do()
}

func (r *recorder) calls() store.FileCalls {
	return store.FileCalls{
		Open: r.openFile,
		WriteAt: func(f *os.File, b []byte, off int64) (n int, err error) {
			err = r.did(event{call: write, file: r.number(f), off: off, data: bytes.Clone(b)}, func() error {
				n, err = f.WriteAt(b, off)
				return err
			})
			return n, err
		},
		Truncate: func(f *os.File, size int64) error {
			return r.did(event{call: truncate, file: r.number(f), off: size}, func() error { return f.Truncate(size) })
		},
		Rename: func(from, to string) error {
			number := r.named(from)
			return r.did(event{call: rename, name: r.below(from), to: r.below(to), file: number}, func() error {
				r.names[r.below(to)] = number
				delete(r.names, r.below(from))
				return os.Rename(from, to)
			})
		},
		Remove: func(name string) error {
			if _, err := os.Stat(name); err != nil {
				return err
			}
			return r.did(event{call: unlink, name: r.below(name)}, func() error {
				delete(r.names, r.below(name))
				return os.Remove(name)
			})
		},
		// The recorded disk is what counts, so nothing is really synced.
		Sync:    func(f *os.File) error { return r.synced(event{call: syncFile, file: r.number(f)}) },
		SyncDir: func(dir string) error { return r.synced(event{call: syncDir, name: r.below(dir)}) },
	}
}

func (r *recorder) number(f *os.File) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[f]
}

func (r *recorder) named(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[r.below(name)]
}

func (r *recorder) synced(e event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return errDead
	}
	r.noteDirs()
	e.began = r.now()
	r.add(e)
	return nil
}

func (r *recorder) openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return nil, errDead
	}
	r.noteDirs()
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	rel := r.below(name)
	number, known := r.names[rel]
	switch {
	case !known:
		r.files++
		number = r.files
		r.names[rel] = number
		r.add(event{call: create, name: rel, file: number})
	case flag&os.O_TRUNC != 0:
		r.add(event{call: truncate, file: number})
	}
	r.open[f] = number
	return f, nil
}

// parent returns the directory that a name is in, and its last part.
func parent(name string) (dir, base string) {
	dir, base = filepath.Split(name)
	if dir = strings.TrimSuffix(dir, "/"); dir == "" {
		dir = "."
	}
	return dir, base
}
