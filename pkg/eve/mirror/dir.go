package mirror

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/evenkv/nkv/pkg/eve"
)

// Modes as the original has them.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// temporary begins the names of the mirror's own temporary files. Those of others
// are never touched: they may be at it.
const temporary = eve.Temporary + "nkv"

// openDirs is how many directories are held open within a batch.
const openDirs = 64

// dirs are the directories of tables that one goroutine is at work in. Nothing in
// them leads out of base, be it a link.
type dirs struct {
	base *os.Root
	sync bool
	open map[string]*os.Root
}

// get opens a directory, and makes it if need be.
func (d *dirs) get(name string, make bool) (*os.Root, error) {
	if r := d.open[name]; r != nil {
		return r, nil
	}
	r, err := d.base.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) && make {
		if err = d.make(name); err == nil {
			r, err = d.base.OpenRoot(name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open directory %s below %s: %w", name, d.base.Name(), err)
	}
	if len(d.open) >= openDirs {
		d.close()
	}
	if d.open == nil {
		d.open = map[string]*os.Root{}
	}
	d.open[name] = r
	return r, nil
}

// make makes a directory with those above it.
func (d *dirs) make(name string) error {
	above := "."
	for part := range strings.SplitSeq(name, string(filepath.Separator)) {
		next := filepath.Join(above, part)
		err := d.base.Mkdir(next, dirMode)
		switch {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return err
		case d.sync:
			if err := syncDir(d.base, above); err != nil {
				return err
			}
		}
		above = next
	}
	return nil
}

func (d *dirs) close() {
	for _, r := range d.open {
		r.Close()
	}
	d.open = nil
}

// syncDir makes the names in a directory durable.
func syncDir(r *os.Root, name string) error {
	f, err := r.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// create makes a temporary file with this content. It is not closed.
func create(r *os.Root, content []byte) (f *os.File, name string, err error) {
	for {
		name = fmt.Sprintf("%s%016x", temporary, rand.Uint64())
		if f, err = r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, "", err
	}
	if _, err = f.Write(content); err != nil {
		f.Close()
		remove(r, name) //nolint:errcheck // the next start tries again
		return nil, "", err
	}
	return f, name, nil
}

// remove removes a file that may not be there. The backup of a long key can't be:
// no file can have its name.
func remove(r *os.Root, name string) error {
	err := r.Remove(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENAMETOOLONG) {
		return nil
	}
	return err
}

// keep gives what a file holds a second, temporary name; empty: it has none. It
// becomes the backup after the file was replaced: were they one file for a moment,
// the original, which writes its backups in place, could cut both.
func keep(r *os.Root, name string) (string, error) {
	info, err := r.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return "", nil //nolint:nilerr // nothing to keep
	}
	kept := fmt.Sprintf("%s%016x", temporary, rand.Uint64())
	if err := r.Link(name, kept); err == nil {
		return kept, nil
	}
	return copyFile(r, name) // no links in this file system
}

func copyFile(r *os.Root, name string) (string, error) {
	in, err := r.Open(name)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, kept, err := create(r, nil)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		remove(r, kept) //nolint:errcheck // the next start tries again
		return "", err
	}
	return kept, nil
}

// replace gives a temporary file its name, and with backup the file that had it
// the backup's. A backup that fails is no reason to keep an old value.
func replace(r *os.Root, temp, name string, backup bool) error {
	kept := ""
	if backup {
		kept, _ = keep(r, name)
	}
	err := r.Rename(temp, name)
	if kept == "" {
		return err
	}
	if err != nil || r.Rename(kept, name+eve.Backup) != nil {
		remove(r, kept) //nolint:errcheck // the next start tries again
	}
	return err
}

// drop removes a file; its backup goes first, so that nobody recovers it.
func drop(r *os.Root, name string, backup bool) error {
	if backup {
		if err := remove(r, name+eve.Backup); err != nil {
			return err
		}
	}
	return remove(r, name)
}
