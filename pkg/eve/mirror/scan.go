package mirror

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// deepest is how many directories a table may be below its lane's: an agent, the
// parts of a scope, and a topic.
const deepest = 8

// listing is what is in a table's directory.
type listing struct {
	table   wire.Table
	files   map[string]fs.DirEntry // by encoded key
	backups map[string]fs.DirEntry
	drafts  map[string]sum // what a mirror's temporary files hold, by name
	strange []error        // files whose names are no keys
}

// list reads a table's directory, without the values; nil: it is not there.
func list(r *os.Root, of wire.Table, max int) (*listing, error) {
	dir, err := r.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	l := &listing{table: of, files: map[string]fs.DirEntry{}, backups: map[string]fs.DirEntry{}, drafts: map[string]sum{}}
	for _, e := range entries {
		l.add(r, e, max)
	}
	return l, nil
}

func (l *listing) add(r *os.Root, e fs.DirEntry, max int) {
	name := e.Name()
	switch {
	case name == eve.RestartedFile:
		l.files[counter] = e
	case isDraft(name):
		_, found, _ := read(r, name, max) //nolint:errcheck // then it holds nothing
		l.drafts[name] = found.sum
	case eve.IsValue(name):
		key, backup, err := eve.FileKey(name)
		if err == nil {
			err = wire.Path{Table: l.table, Key: key}.Validate()
		}
		switch {
		case err != nil && !backup:
			l.strange = append(l.strange, err)
		case err != nil:
		case backup:
			l.backups[wire.EncodeToken(key)] = e
		default:
			l.files[wire.EncodeToken(key)] = e
		}
	}
}

func isDraft(name string) bool { return strings.HasPrefix(name, temporary) && !eve.IsValue(name) }

// holds reports whether a directory has anything of a table.
func (l *listing) holds() bool {
	return len(l.files) > 0 || len(l.backups) > 0 || len(l.strange) > 0
}

// read reads a file. What is no regular one is ErrNoFile, at once and without
// opening it; one over max bytes is, too.
func read(r *os.Root, name string, max int) ([]byte, stamp, error) {
	info, err := r.Lstat(name)
	if err != nil {
		return nil, stamp{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, stamp{}, fmt.Errorf("%w: it is a %s", ErrNoFile, kindOf(info.Mode()))
	}
	f, err := r.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, stamp{}, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, stamp{}, err
	}
	if size := info.Size(); size > int64(max) {
		return nil, stamp{}, fmt.Errorf("%w: it has %d bytes, and a value %d at the most; give the server a larger max-value", ErrNoFile, size, max)
	}
	value, err := io.ReadAll(io.LimitReader(f, int64(max)+1))
	if err != nil {
		return nil, stamp{}, err
	}
	return value, stamp{there: len(value) > 0, sum: sumOf(value), written: info.ModTime().UnixNano()}, nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	}
	return "special file"
}

// walker finds what may be the directories of tables, and the mirror's temporary
// files wherever they are. It follows no links. It stays in the file system of the
// base: in run, others have theirs mounted.
type walker struct {
	base    *os.Root
	device  uint64
	found   func(dir string)
	draft   func(dir, name string)
	trouble func(error) // hears of what can't be looked into
}

func (w *walker) run() {
	info, err := w.base.Stat(".")
	if err != nil {
		w.trouble(err)
		return
	}
	w.device = device(info)
	w.walk(".", 0)
}

func (w *walker) walk(dir string, depth int) {
	if depth > 0 {
		w.found(dir)
	}
	if depth == deepest {
		return
	}
	entries, err := w.entries(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			w.trouble(err)
		}
		return
	}
	for _, e := range entries {
		if isDraft(e.Name()) && e.Type().IsRegular() {
			w.draft(dir, e.Name())
		}
		if !e.IsDir() {
			continue
		}
		if info, err := e.Info(); err == nil && device(info) == w.device {
			w.walk(path.Join(dir, e.Name()), depth+1)
		}
	}
}

func (w *walker) entries(dir string) ([]fs.DirEntry, error) {
	f, err := w.base.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// device tells file systems apart; 0 where that can't be told.
func device(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev)
	}
	return 0
}
