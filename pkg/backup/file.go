package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// maxLine is the longest line that is not a value's, in bytes.
	maxLine = 64 << 10
	// maxValue is the largest value, in bytes: more than any server takes.
	maxValue = 64 << 20
	// pageBytes is about how much Durable puts on a page, in bytes: every server takes
	// so much, whatever its largest value is. A larger record is a page of its own.
	pageBytes = wire.HeaderSpace / 2
)

// File is a backup that was found to be whole. It is read by one goroutine.
type File struct {
	Info   wire.BackupInfo
	Tables []wire.TableInfo // in the file's order
	src    io.ReadSeeker
}

// Open reads a file to its end and checks all of it. It goes on reading src later,
// which is the caller's to close.
//
// Errors: ErrDamaged, ErrVersion, or what src says.
func Open(src io.ReadSeeker) (*File, error) {
	f := &File{src: src}
	keys, size := 0, int64(0)
	for item, err := range f.items() {
		if err != nil {
			return nil, err
		}
		if item.table != nil {
			f.Tables = append(f.Tables, *item.table)
			continue
		}
		keys++
		size += int64(len(item.record.Value))
	}
	if len(f.Tables) != f.Info.Tables || keys != f.Info.Keys || size != f.Info.Bytes {
		return nil, fmt.Errorf("%w: it says that it has %d tables, %d keys, %d bytes, and has %d, %d, %d",
			ErrDamaged, f.Info.Tables, f.Info.Keys, f.Info.Bytes, len(f.Tables), keys, size)
	}
	return f, nil
}

// Durable returns the durable tables as pages for a restore, and what it is to
// announce.
func (f *File) Durable() (wire.RestoreRequest, iter.Seq2[[]byte, error]) {
	var request wire.RestoreRequest
	for _, info := range f.Tables {
		if info.Durable {
			request.Tables++
			request.Keys += info.Keys
			request.Bytes += info.Bytes
		}
	}
	return request, func(yield func([]byte, error) bool) {
		var page []byte
		durable := false
		for item, err := range f.items() {
			if err != nil {
				yield(nil, err)
				return
			}
			if item.table != nil {
				durable = item.table.Durable
			}
			if !durable {
				continue
			}
			if len(page) > 0 && len(page)+len(item.text) > pageBytes {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
			page = append(page, item.text...)
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}

// item is a table's line or a record.
type item struct {
	table  *wire.TableInfo
	record wire.Record
	text   []byte // as it stands in the file
}

// items reads the file from its beginning, and checks its last line at the end. It
// sets Info.
func (f *File) items() iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		if _, err := f.src.Seek(0, io.SeekStart); err != nil {
			yield(item{}, err)
			return
		}
		r := &reader{in: bufio.NewReaderSize(f.src, maxLine)}
		if err := r.begin(&f.Info); err != nil {
			yield(item{}, err)
			return
		}
		for missing := 0; ; {
			next, err := r.item(&missing)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(next, err) || err != nil {
				return
			}
		}
	}
}

// reader reads a file's lines, and adds them up.
type reader struct {
	in  *bufio.Reader
	all hashed
	off int64
}

// hashed is the running sum of all that was read.
type hashed interface {
	io.Writer
	Sum([]byte) []byte
}

func (r *reader) damage(format string, args ...any) error {
	return fmt.Errorf("%w: at offset %d: %s; take another copy of it", ErrDamaged, r.off, fmt.Sprintf(format, args...))
}

// line returns the next line, with its end. It is valid until the next call.
func (r *reader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, r.damage("it ends before its last line does")
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.damage("a line is too long")
	case err != nil:
		return nil, err
	}
	return line, nil
}

func (r *reader) took(text []byte) {
	r.all.Write(text) //nolint:errcheck // a hash takes all
	r.off += int64(len(text))
}

// begin reads the first two lines.
func (r *reader) begin(info *wire.BackupInfo) error {
	r.all = sha256.New()
	line, err := r.line()
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), magic)
	n, err := strconv.ParseUint(text, 10, 32)
	switch {
	case !ok, err != nil, text != strconv.FormatUint(n, 10), n == 0:
		return r.damage("it does not begin like a backup")
	case n > version:
		return fmt.Errorf("%w: the backup is of format version %d, this program knows %d; use the program that wrote it, or a newer one", ErrVersion, n, version)
	}
	r.took(line)
	if line, err = r.line(); err != nil {
		return err
	}
	if err := json.Unmarshal(line, info); err != nil {
		return r.damage("its second line: %v", err)
	}
	r.took(line)
	return nil
}

// item reads the next one; io.EOF after the last. Missing is how many records of
// the last table are still to come.
func (r *reader) item(missing *int) (item, error) {
	line, err := r.line()
	if err != nil {
		return item{}, err
	}
	switch {
	case *missing > 0:
		*missing--
		return r.record(line)
	case bytes.HasPrefix(line, []byte(trailer)):
		return item{}, r.end(line)
	}
	info, rest, ok, err := wire.NextSection(line)
	if err != nil || !ok || len(rest) > 0 {
		return item{}, r.damage("neither a table nor the end: %v", err)
	}
	*missing = info.Keys
	text := slices.Clone(line)
	r.took(text)
	return item{table: &info, text: text}, nil
}

// record reads a key's value, after its line.
func (r *reader) record(line []byte) (item, error) {
	last := line[bytes.LastIndexByte(line, ' ')+1:]
	size, err := strconv.ParseUint(string(bytes.TrimSuffix(last, []byte{'\n'})), 10, 32)
	if err != nil || size > maxValue {
		return item{}, r.damage("a key's line does not end with the size of its value")
	}
	text := append(make([]byte, 0, uint64(len(line))+size+1), line...)
	text = text[:uint64(len(line))+size+1]
	if _, err := io.ReadFull(r.in, text[len(line):]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return item{}, r.damage("it ends within a value")
		}
		return item{}, err
	}
	record, rest, err := wire.NextRecord(text)
	if err != nil || len(rest) > 0 {
		return item{}, r.damage("%v", err)
	}
	r.took(text)
	return item{record: record, text: text}, nil
}

// end checks the last line, behind which there is nothing.
func (r *reader) end(line []byte) error {
	want := trailer + hex.EncodeToString(r.all.Sum(nil)) + "\n"
	if string(line) != want {
		return r.damage("the checksum of all of it does not hold")
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return r.damage("something follows its last line")
	}
	return io.EOF
}
