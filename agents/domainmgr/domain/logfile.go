package domain

import (
	"io"
	"os"
)

// trim bounds a log. What a process writes is appended, so it may be cut off
// while the process writes: its newest part goes to "<path>.1", and the process
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
	if err := keep(path+".1", io.NewSectionReader(file, info.Size()-most, most)); err != nil {
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
