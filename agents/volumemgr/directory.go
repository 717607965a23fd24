package volumemgr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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

// check reads a file and returns its size; ErrDamaged when its checksum is not
// the stated one.
func check(ctx context.Context, path, stated string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	hash := sha256.New()
	n, err := io.Copy(hash, reader{ctx, file})
	if err != nil {
		return 0, err
	}
	return n, compare(path, stated, hash)
}

// layOut makes a volume's file: of a content's file, or blank when that is
// empty, with the given size, or with the content's when that is 0. The file
// appears under its name when it is complete and on disk; one that has the name
// already is never replaced, since an application may use it. ErrDamaged when
// the content has not its checksum.
func layOut(ctx context.Context, file volumeFile) error {
	// A name of its own: another instance that has not ended yet may be making
	// the same volume.
	out, err := os.CreateTemp(filepath.Dir(file.path), filepath.Base(file.path)+".*"+unfinished)
	if err != nil {
		return named(err, file)
	}
	err = errors.Join(fill(ctx, out, file), out.Close())
	if err == nil {
		err = os.Link(out.Name(), file.path) // unlike a rename it replaces nothing
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return named(errors.Join(err, removeFile(out.Name()), syncDirectory(filepath.Dir(file.path))), file)
}

// named has an error name the volume's file: the name of the unfinished one is
// another with each try, and the problem would seem new each time.
func named(err error, file volumeFile) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &link):
		return &fs.PathError{Op: link.Op, Path: file.path, Err: link.Err}
	case errors.As(err, &at) && at.Path != file.from:
		return &fs.PathError{Op: at.Op, Path: file.path, Err: at.Err}
	}
	return err
}

// fill writes a volume and brings it to disk.
func fill(ctx context.Context, out *os.File, file volumeFile) error {
	var n int64
	if file.content != "" {
		in, err := os.Open(file.from)
		if err != nil {
			return err
		}
		defer in.Close() //nolint:errcheck // it was only read
		hash := sha256.New()
		if n, err = io.Copy(io.MultiWriter(out, hash), reader{ctx, in}); err != nil {
			return err
		}
		if err := compare(file.from, file.sha256, hash); err != nil {
			return err
		}
	}
	if file.bytes > n {
		if err := out.Truncate(file.bytes); err != nil { // a hole: it takes no space until it is written to
			return err
		}
	}
	return errors.Join(out.Chmod(0o644), out.Sync())
}

// compare returns ErrDamaged when the checksum is not the stated one; empty:
// none is stated.
func compare(path, stated string, hash hash.Hash) error {
	if sum := hex.EncodeToString(hash.Sum(nil)); stated != "" && !strings.EqualFold(stated, sum) {
		return fmt.Errorf("%w: %s has SHA-256 %s, stated is %s", ErrDamaged, path, sum, stated)
	}
	return nil
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

// list returns the names of a directory.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}
