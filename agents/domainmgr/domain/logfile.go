package domain

import (
	"errors"
	"io"
	"os"
	"strings"
)

// RemoveLog removes the log of an application, which must not get a process
// meanwhile.
func (d *Dir) RemoveLog(key string) error { return d.removeLog(Name(key)) }

// Sweep removes the logs of all applications but those with these keys. None of
// the others may get a process meanwhile.
func (d *Dir) Sweep(keys []string) error {
	entries, err := os.ReadDir(d.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	kept := map[string]bool{}
	for _, key := range keys {
		kept[Name(key)] = true
	}
	var errs []error
	for _, e := range entries {
		name, ending, _ := strings.Cut(e.Name(), ".") // a name has no dot
		switch "." + ending {
		case logSuffix, logSuffix + olderSuffix:
			if !kept[name] {
				errs = append(errs, d.removeLog(name))
			}
		}
	}
	return errors.Join(errs...)
}

func (d *Dir) removeLog(name string) error {
	var errs []error
	for _, path := range []string{d.logPath(name), d.logPath(name) + olderSuffix} {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// trim bounds a log. What a process writes is appended, so it may be cut off
// while the process writes: its newest part goes to a file beside it, and the process
// goes on at the beginning. Lines that are written meanwhile may get lost.
func trim(path string, most int64) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() <= most {
		return err
	}
	if err := keep(path+olderSuffix, io.NewSectionReader(file, info.Size()-most, most)); err != nil {
		return err
	}
	return file.Truncate(0)
}

func keep(path string, from io.Reader) error {
	old, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(old, from)
	if closing := old.Close(); err == nil {
		err = closing
	}
	return err
}
