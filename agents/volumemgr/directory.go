package volumemgr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

// unfinished ends the names of files that are being made here.
const unfinished = ".tmp"

// Directory is where content and volumes lie. Its methods are safe for
// concurrent use on different files.
type Directory struct{ path string }

// OpenDirectory makes the directory when it is not there.
func OpenDirectory(path string) (Directory, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Directory{}, fmt.Errorf("directory %s: %w", path, err)
	}
	d := Directory{abs}
	for _, dir := range []string{d.contents(), d.volumes()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Directory{}, err
		}
	}
	return d, nil
}

func (d Directory) contents() string { return filepath.Join(d.path, "content") }
func (d Directory) volumes() string  { return filepath.Join(d.path, "volumes") }

// Content is the file of one generation of a content tree.
func (d Directory) Content(id string, generation int64) string {
	return filepath.Join(d.contents(), fileName(id, generation))
}

// Volume is the file of one generation of a volume.
func (d Directory) Volume(id string, generation int64) string {
	return filepath.Join(d.volumes(), fileName(id, generation))
}

// fileName is one-to-one, and has no '.' and no '/' of the id's.
func fileName(id string, generation int64) string {
	return wire.EncodeToken(id) + "#" + strconv.FormatInt(generation, 10)
}

// size returns a file's size; false: it is not there, or no file.
func size(path string) (int64, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// check reads a file and returns its size and checksum; ErrDamaged when the
// checksum is not the stated one.
func check(ctx context.Context, path, stated string) (int64, string, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer file.Close() //nolint:errcheck // it was only read
	hash := sha256.New()
	n, err := io.Copy(hash, reader{ctx, file})
	if err != nil {
		return 0, "", err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if stated != "" && !strings.EqualFold(stated, sum) {
		return 0, "", fmt.Errorf("%w: %s has SHA-256 %s, stated is %s", ErrDamaged, path, sum, stated)
	}
	return n, sum, nil
}

// layOut makes a volume's file: of a content's file, or blank when that is
// empty, with the given size, or with the content's when that is 0. It replaces
// nothing: the file appears under its name when it is complete and on disk.
func layOut(ctx context.Context, path, content string, bytes int64) (int64, error) {
	tmp := path + unfinished
	n, err := fill(ctx, tmp, content, bytes)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err == nil {
		err = syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return 0, errors.Join(err, removeFile(tmp))
	}
	return n, nil
}

func fill(ctx context.Context, path, content string, bytes int64) (n int64, err error) {
	out, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() {
		if closing := out.Close(); err == nil {
			err = closing
		}
	}()
	if content != "" {
		in, err := os.Open(content)
		if err != nil {
			return 0, err
		}
		defer in.Close() //nolint:errcheck // it was only read
		if n, err = io.Copy(out, reader{ctx, in}); err != nil {
			return 0, err
		}
	}
	switch {
	case bytes == 0:
	case bytes < n:
		return 0, fmt.Errorf("%w: it has %d bytes, its content %d", ErrTooSmall, bytes, n)
	default:
		n = bytes
		if err := out.Truncate(bytes); err != nil { // a hole: it takes no space until it is written to
			return 0, err
		}
	}
	return n, out.Sync()
}

// reader ends a long copy when ctx does.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// sweep removes every file of a directory but those that keep says. A name is
// kept with whatever was appended to it: a download has files beside its target.
func sweep(dir string, keep func(name string) bool) (removed []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".") // no name of ours has a '.'
		if keep(name) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if err := os.RemoveAll(path); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, path)
	}
	return removed, errors.Join(errs...)
}
