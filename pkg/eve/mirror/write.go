package mirror

import (
	"fmt"
	"os"
	"sync"
)

// syncsAtOnce is how many files are synced side by side. File systems with a
// journal then write it once for all of them.
const syncsAtOnce = 8

// draft is a file's new content under a temporary name.
type draft struct {
	dir   string
	name  string
	stamp stamp
	open  *os.File // until it is synced
}

// draft writes content to a temporary file. With sync it has to go through settle
// before it counts.
func (d *dirs) draft(dir string, content []byte, digest sum) (*draft, error) {
	r, err := d.get(dir, true)
	if err != nil {
		return nil, err
	}
	f, name, err := create(r, content)
	if err != nil {
		return nil, fmt.Errorf("write a file in %s below %s: %w", dir, d.base.Name(), err)
	}
	info, err := f.Stat()
	if err == nil && !d.sync {
		err = f.Close()
		f = nil
	}
	w := &draft{dir: dir, name: name, open: f}
	if err != nil {
		d.discard(w)
		return nil, fmt.Errorf("write a file in %s below %s: %w", dir, d.base.Name(), err)
	}
	w.stamp = stamp{there: true, sum: digest, written: info.ModTime().UnixNano()}
	return w, nil
}

// settle makes drafts durable and closes them.
func settle(drafts []*draft) error {
	if len(drafts) == 1 {
		return drafts[0].settle()
	}
	var workers sync.WaitGroup
	failed := make([]error, syncsAtOnce)
	for i := range min(syncsAtOnce, len(drafts)) {
		workers.Go(func() {
			for n := i; n < len(drafts); n += syncsAtOnce {
				if err := drafts[n].settle(); err != nil {
					failed[i] = err
				}
			}
		})
	}
	workers.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *draft) settle() error {
	if w.open == nil {
		return nil
	}
	err := w.open.Sync()
	if closed := w.open.Close(); err == nil {
		err = closed
	}
	w.open = nil
	return err
}

// discard removes a draft.
func (d *dirs) discard(w *draft) {
	if w.open != nil {
		w.open.Close()
		w.open = nil
	}
	if r, err := d.get(w.dir, false); err == nil {
		remove(r, w.name) //nolint:errcheck // the next start tries again
	}
}

// place gives a draft its name.
func (d *dirs) place(w *draft, key string) error {
	r, err := d.get(w.dir, false)
	if err != nil {
		return err
	}
	if err := replace(r, w.name, fileName(key), d.backup(key)); err != nil {
		return fmt.Errorf("rename a file in %s below %s: %w", w.dir, d.base.Name(), err)
	}
	return nil
}

// backup reports whether a file has a backup: a durable value's does.
func (d *dirs) backup(key string) bool { return d.sync && key != counter }

// fulfil brings one file to what it is to hold, from whatever there is.
func (d *dirs) fulfil(dir, key string, f *file) error {
	if f.want == nil {
		return d.dropFile(dir, key, f)
	}
	w, err := d.draft(dir, f.want, sumOf(f.want))
	if err != nil {
		return err
	}
	if err := w.settle(); err != nil {
		d.discard(w)
		return fmt.Errorf("sync a file in %s below %s: %w", dir, d.base.Name(), err)
	}
	if err := d.place(w, key); err != nil {
		d.discard(w)
		return err
	}
	f.disk = w.stamp
	return d.settleDir(dir)
}

func (d *dirs) dropFile(dir, key string, f *file) error {
	r, err := d.get(dir, false)
	if err != nil {
		if _, gone := d.base.Lstat(dir); os.IsNotExist(gone) {
			f.disk = stamp{}
			return nil
		}
		return err
	}
	if err := drop(r, fileName(key), d.backup(key)); err != nil {
		return fmt.Errorf("remove a file in %s below %s: %w", dir, d.base.Name(), err)
	}
	f.disk = stamp{}
	return d.settleDir(dir)
}

// settleDir makes the names in a table's directory durable, if they are to be.
func (d *dirs) settleDir(dir string) error {
	if !d.sync {
		return nil
	}
	r, err := d.get(dir, false)
	if err == nil {
		err = syncDir(r, ".")
	}
	if err != nil {
		return fmt.Errorf("sync directory %s below %s: %w", dir, d.base.Name(), err)
	}
	return nil
}
