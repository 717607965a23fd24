package domain

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// errHeld: a process of the application lives, or somebody is about to start one.
var errHeld = errors.New("the lock is held")

// lock takes the lock of an application; errHeld when it is not free. It belongs
// to the open file (flock(2)): to close the file gives it up, unless a process
// inherited it.
func (d *Dir) lock(name string, create bool) (*os.File, error) {
	flags := os.O_RDWR | unix.O_NOFOLLOW
	if create {
		flags |= os.O_CREATE
		if err := os.MkdirAll(d.path, 0o700); err != nil { // somebody may have removed it
			return nil, fmt.Errorf("make the directory of applications: %w", err)
		}
	}
	for {
		file, err := os.OpenFile(d.lockPath(name), flags, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the application's lock: %w", err)
		}
		d.fault("opened")
		if err := flock(file); err != nil {
			file.Close()
			return nil, err
		}
		if d.current(file, name) {
			return file, nil
		}
		// It was removed by who held the lock before: what is there now counts.
		file.Close()
	}
}

func flock(file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("%s: %w", file.Name(), errHeld)
		}
		return fmt.Errorf("lock %s: %w", file.Name(), err)
	}
}

// current reports whether a locked file is the one that stands in the directory.
func (d *Dir) current(file *os.File, name string) bool {
	own, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(d.lockPath(name))
	return err == nil && os.SameFile(own, there)
}

// forget removes the lock file of an application that has no process, and reports
// whether that is so.
func (d *Dir) forget(name string) (bool, error) {
	file, err := d.lock(name, false)
	switch {
	case errors.Is(err, errHeld):
		return false, nil
	case errors.Is(err, os.ErrNotExist):
		found, err := d.marked()
		return err == nil && len(found[name]) == 0, err
	case err != nil:
		return false, err
	}
	defer file.Close()
	found, err := d.marked()
	if err != nil || len(found[name]) > 0 {
		return false, err
	}
	if err := os.Remove(d.lockPath(name)); err != nil {
		return false, fmt.Errorf("remove the application's lock: %w", err)
	}
	return true, nil
}
