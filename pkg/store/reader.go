package store

import (
	"errors"
	"fmt"
	"io"
)

// reader goes through a file record by record and judges what is not valid, as
// format.go reasons. It reads through a window, so it needs little memory beside
// the largest record.
type reader struct {
	src    io.ReaderAt
	name   string
	size   int64
	header fileHeader

	off    int64  // of the next record
	next   uint64 // its sequence number
	last   int64  // offset of the last record that was read, 0 for none
	closed bool   // whether that one says that the store was closed

	window []byte
	at     int64 // offset of window[0]
}

// windowSize is how much is read at once, in bytes.
const windowSize = 256 << 10

// tornError says that the file's valid part ends at offset, and what follows is
// what a torn write leaves.
type tornError struct {
	offset int64
	reason string
}

func (e *tornError) Error() string {
	return fmt.Sprintf("torn write at offset %d: %s", e.offset, e.reason)
}

// newReader reads and checks the file header.
func newReader(src io.ReaderAt, name string, size int64) (*reader, error) {
	r := &reader{src: src, name: name, size: size}
	if size < sector {
		return nil, r.damage(0, fmt.Sprintf("it has %d bytes, less than its header", size))
	}
	b, err := r.bytes(0, sector)
	if err != nil {
		return nil, err
	}
	switch {
	case [8]byte(b[:8]) != magic:
		return nil, r.damage(0, "it does not begin like a log")
	case order.Uint32(b[sector-4:]) != checksum(b[:sector-4]):
		return nil, r.damage(0, "the checksum of its header does not hold")
	}
	if v := order.Uint32(b[8:]); v != formatVersion {
		return nil, fmt.Errorf("%s: %w: its format version is %d, this program knows %d; run the program that wrote it, or a newer one",
			name, ErrVersion, v, formatVersion)
	}
	n := int(order.Uint16(b[48:]))
	sealed := order.Uint64(b[32:])
	if n > maxEpoch || sealed < sector || sealed%alignment != 0 || sealed > 1<<62 {
		return nil, r.damage(0, "its header makes no sense though its checksum holds")
	}
	r.header = fileHeader{
		salt:   salt(b[16:32]),
		sealed: int64(sealed),
		first:  order.Uint64(b[40:]),
		epoch:  string(b[50 : 50+n]),
	}
	r.off, r.next = sector, r.header.first
	return r, nil
}

// record reads the next record and calls apply for each of its operations. It
// answers io.EOF after the last one, a *tornError, a *DamageError, or the error
// of reading.
func (r *reader) record(apply func(Op)) error {
	if r.off == r.size && r.off >= r.header.sealed {
		return io.EOF
	}
	if r.size-r.off < headerSize {
		return r.invalid("it is shorter than a record header", r.size)
	}
	b, err := r.bytes(r.off, headerSize)
	if err != nil {
		return err
	}
	h, ok := decodeRecordHeader(b, r.header.salt, r.off)
	if !ok {
		return r.badHeader(b)
	}
	if h.sequence != r.next || h.length < headerSize+markSize || h.length%alignment != 0 ||
		(h.kind != kindBatch && h.kind != kindClosed) {
		return r.damage(r.off, fmt.Sprintf("the record there is not the one with sequence number %d, which is due", r.next))
	}
	if h.length > r.size-r.off {
		return r.invalid(fmt.Sprintf("the file ends %d bytes before the record does", h.length-(r.size-r.off)), r.size)
	}
	if b, err = r.bytes(r.off, h.length); err != nil {
		return err
	}
	if checksum(b[headerSize:]) != h.body {
		return r.badBody(b)
	}
	if err := decodeOps(stripMarks(b[headerSize:], r.off+headerSize), h.count, apply); err != nil {
		// The window was changed in place; it must not be read again.
		r.window = nil
		return r.damage(r.off, err.Error())
	}
	r.dropWindow(h.length)
	r.last, r.closed = r.off, h.kind == kindClosed
	r.off += h.length
	r.next++
	return nil
}

// badHeader judges a record whose header does not check.
func (r *reader) badHeader(b []byte) error {
	claimed := r.header.salt.marked(b, r.off, markHead) || order.Uint64(b[8:]) == r.next
	if claimed {
		zero, err := r.zeroFrom(r.off + headerSize)
		if err != nil {
			return err
		}
		if !zero {
			return r.damage(r.off, "the header of the record there was changed after it was written")
		}
	}
	return r.invalid("there is no record header", r.off+headerSize)
}

// badBody judges a record whose header checks and whose body does not.
func (r *reader) badBody(b []byte) error {
	s, end := r.header.salt, int64(len(b))
	missing := !s.marked(b[end-markSize:], r.off+end-markSize, markEnd)
	for at := sector - r.off%sector; at < end; at += sector {
		missing = missing || !s.marked(b[at:], r.off+at, markSector)
	}
	if !missing {
		return r.damage(r.off, "the record there was changed after it was written")
	}
	return r.invalid("a part of the record was not written", r.off+end)
}

// invalid answers that the record at r.off is torn, unless what lies around it
// says that it once was whole.
func (r *reader) invalid(reason string, behind int64) error {
	if r.off < r.header.sealed {
		return r.damage(r.off, fmt.Sprintf("%s, but the file was complete up to offset %d", reason, r.header.sealed))
	}
	for off := behind; off+headerSize <= r.size; off += alignment {
		b, err := r.bytes(off, headerSize)
		if err != nil {
			return err
		}
		if _, ok := decodeRecordHeader(b, r.header.salt, off); ok {
			return r.damage(r.off, fmt.Sprintf("%s, but a valid record follows at offset %d", reason, off))
		}
	}
	return &tornError{offset: r.off, reason: reason}
}

func (r *reader) zeroFrom(off int64) (bool, error) {
	for off < r.size {
		b, err := r.bytes(off, min(r.size-off, windowSize))
		if err != nil {
			return false, err
		}
		for _, c := range b {
			if c != 0 {
				return false, nil
			}
		}
		off += int64(len(b))
	}
	return true, nil
}

func (r *reader) damage(off int64, reason string) error {
	return &DamageError{File: r.name, Offset: off, Reason: reason}
}

// bytes returns n bytes of the file from off, which must lie in it. They are
// valid until the next call.
func (r *reader) bytes(off, n int64) ([]byte, error) {
	if off < r.at || off+n > r.at+int64(len(r.window)) {
		want := min(max(n, windowSize), r.size-off)
		if int64(cap(r.window)) < want {
			r.window = make([]byte, want)
		}
		r.window, r.at = r.window[:want], off
		if n, err := r.src.ReadAt(r.window, off); int64(n) < want {
			r.window = r.window[:0]
			if errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read %s at offset %d: it became shorter meanwhile: %w", r.name, off, io.ErrUnexpectedEOF)
			}
			return nil, fmt.Errorf("read %s at offset %d: %w", r.name, off, err)
		}
	}
	return r.window[off-r.at : off-r.at+n], nil
}

// dropWindow frees the window when a large record made it large.
func (r *reader) dropWindow(length int64) {
	if length > 4*windowSize {
		r.window = nil
	}
}
