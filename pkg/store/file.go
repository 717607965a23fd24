package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// file is an open log file that records can be appended to. It has one owner at
// a time: the goroutine that uses the log, or a compaction until it hands over.
type file struct {
	calls    FileCalls
	f        *os.File
	name     string
	header   fileHeader
	enc      encoder
	end      int64  // where the next record goes
	sequence uint64 // of the next record
}

func newFile(calls FileCalls, f *os.File, name string, h fileHeader, end int64, sequence uint64) *file {
	return &file{calls: calls, f: f, name: name, header: h, enc: encoder{salt: h.salt}, end: end, sequence: sequence}
}

// createFile makes a file without a header under the temporary name. It gets
// its header in seal and its name in rename.
func createFile(calls FileCalls, dir, epoch string) (*file, error) {
	h := fileHeader{first: 1, epoch: epoch}
	if _, err := rand.Read(h.salt[:]); err != nil {
		return nil, fmt.Errorf("make a salt: %w", err)
	}
	name := filepath.Join(dir, tempName)
	f, err := calls.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create a new log file: %w", err)
	}
	return newFile(calls, f, name, h, sector, h.first), nil
}

// append writes one record and returns how many of its bytes were written.
// Only when err is nil is the record part of the file.
func (f *file) append(kind byte, batch []Op) (int, error) {
	b := f.enc.encode(f.end, f.sequence, kind, batch)
	n, err := f.calls.writeAt(f.f, b, f.end)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("write %d bytes to %s at offset %d: %w", len(b), f.name, f.end, err)
	}
	f.end += int64(n)
	f.sequence++
	return n, nil
}

func (f *file) sync() error {
	if err := f.calls.sync(f.f); err != nil {
		return fmt.Errorf("sync %s: %w", f.name, err)
	}
	return nil
}

// begin makes a file ready for records. A volatile log's file gets a header on
// the medium at once, so that after a power cut its epoch can be read, whatever
// became of its records: they are not synced at all.
func (f *file) begin(durable bool) error {
	if durable {
		return nil
	}
	if err := f.seal(); err != nil {
		return err
	}
	return f.sync()
}

// complete seals the file and, if it is durable, puts it on the medium.
func (f *file) complete(durable bool) error {
	if err := f.seal(); err != nil || !durable {
		return err
	}
	return f.sync()
}

// seal writes the file header: once it is on the medium, the records up to the
// present end must be there too.
func (f *file) seal() error {
	f.header.sealed = f.end
	b := f.header.encode()
	n, err := f.calls.writeAt(f.f, b, 0)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("write the header of %s: %w", f.name, err)
	}
	return nil
}

// rename gives the file its name, in place of the one that had it.
func (f *file) rename(dir string) error {
	name := filepath.Join(dir, logName)
	if err := f.calls.rename(f.name, name); err != nil {
		return fmt.Errorf("put the new log file in place: %w", err)
	}
	f.name = name
	return nil
}

// hasName says whether the log's name still stands for this file.
func (f *file) hasName(dir string) bool {
	mine, err1 := f.f.Stat()
	named, err2 := os.Stat(filepath.Join(dir, logName))
	return err1 == nil && err2 == nil && os.SameFile(mine, named)
}

// discard closes and removes a file that was not put in place. The next opening
// removes it too.
func (f *file) discard() {
	f.f.Close()
	_ = f.calls.remove(f.name)
}

// contents are what a replay found.
type contents struct {
	live  map[string][]byte
	bytes int64 // sum of opSize over live
	torn  *tornError
	size  int64 // of the file as found
	last  int64 // offset of the last record, 0 for none
	clean bool  // the last record says that the store was closed
}

func (c *contents) apply(op Op) {
	if old, ok := c.live[op.Key]; ok {
		c.bytes -= opSize(op.Key, old)
	}
	if op.Delete {
		delete(c.live, op.Key)
		return
	}
	c.live[op.Key] = op.Value
	c.bytes += opSize(op.Key, op.Value)
}

// readFile opens the log file of dir and replays it. It changes nothing. With an
// epoch that is not the file's, contents are empty and stale is true.
func readFile(calls FileCalls, dir, epoch string) (f *file, c contents, stale bool, err error) {
	name := filepath.Join(dir, logName)
	osFile, err := calls.open(name, os.O_RDWR, 0)
	if err != nil {
		return nil, c, false, fmt.Errorf("open log: %w", err)
	}
	defer func() {
		if err != nil {
			osFile.Close()
		}
	}()
	info, err := osFile.Stat()
	if err != nil {
		return nil, c, false, fmt.Errorf("look at log: %w", err)
	}
	c.size, c.live = info.Size(), make(map[string][]byte)
	r, err := newReader(&callReader{calls, osFile}, name, c.size)
	if err != nil {
		return nil, c, false, err
	}
	stale = epoch != "" && r.header.epoch != epoch
	for !stale && err == nil {
		err = r.record(c.apply)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &c.torn) {
		return nil, c, false, err
	}
	c.last, c.clean = r.last, r.closed
	return newFile(calls, osFile, name, r.header, r.off, r.next), c, stale, nil
}

// callReader reads a file through the calls.
type callReader struct {
	calls FileCalls
	f     *os.File
}

func (r *callReader) ReadAt(b []byte, off int64) (int, error) { return r.calls.readAt(r.f, b, off) }
