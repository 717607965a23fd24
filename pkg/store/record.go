package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// encoder lays out records. It is used by one goroutine at a time; its buffer
// is used again for the next record.
type encoder struct {
	salt salt
	buf  []byte
	off  int64 // of buf[0] in the file
}

// keepBuffer is the largest buffer that is kept for the next record.
const keepBuffer = 1 << 20

// encode lays out one record for offset off. The result is valid until the next
// call.
func (e *encoder) encode(off int64, sequence uint64, kind byte, batch []Op) []byte {
	if cap(e.buf) > keepBuffer {
		e.buf = nil
	}
	e.off = off
	size := int64(0)
	for i := range batch {
		size += opSize(batch[i].Key, batch[i].Value)
	}
	e.buf = slices.Grow(e.buf[:0], int(size+size/100)+4*headerSize)[:headerSize]
	var number [binary.MaxVarintLen64]byte
	for i := range batch {
		op := &batch[i]
		n := uint64(len(op.Key)) << 1
		if op.Delete {
			n |= 1
		}
		put(e, number[:binary.PutUvarint(number[:], n)])
		put(e, op.Key)
		if !op.Delete {
			put(e, number[:binary.PutUvarint(number[:], uint64(len(op.Value)))])
			put(e, op.Value)
		}
	}
	e.end()
	recordHeader{
		length:   int64(len(e.buf)),
		sequence: sequence,
		kind:     kind,
		count:    uint32(len(batch)),
		body:     checksum(e.buf[headerSize:]),
	}.encode(e.buf, e.salt, off)
	return e.buf
}

// put appends bytes to the body, with sector marks where they belong.
func put[T ~string | ~[]byte](e *encoder, p T) {
	for len(p) > 0 {
		e.sectorMark()
		n := min(len(p), int(sector-e.position()%sector))
		e.buf = append(e.buf, p[:n]...)
		p = p[n:]
	}
}

// end appends zeros and the end mark.
func (e *encoder) end() {
	for e.sectorMark(); (e.position()+markSize)%alignment != 0; e.sectorMark() {
		e.buf = append(e.buf, 0)
	}
	e.buf = order.AppendUint32(e.buf, e.salt.mark(e.position(), markEnd))
}

func (e *encoder) sectorMark() {
	if pos := e.position(); pos%sector == 0 {
		e.buf = order.AppendUint32(e.buf, e.salt.mark(pos, markSector))
	}
}

func (e *encoder) position() int64 { return e.off + int64(len(e.buf)) }

// opSize is about what an operation takes in a record.
func opSize(key string, value []byte) int64 { return int64(len(key)+len(value)) + 4 }

// checkBatch finds what makes a batch impossible to store.
func checkBatch(batch []Op) error {
	total := int64(0)
	for i := range batch {
		op := &batch[i]
		switch {
		case len(op.Key) == 0:
			return errors.New("a key is empty")
		case len(op.Key) > MaxKey:
			return fmt.Errorf("a key has %d bytes, at most %d are allowed", len(op.Key), MaxKey)
		case op.Delete && len(op.Value) > 0:
			return fmt.Errorf("the delete of key %q carries a value", op.Key)
		case len(op.Value) > MaxValue:
			return fmt.Errorf("the value of key %q has %d bytes, at most %d are allowed", op.Key, len(op.Value), MaxValue)
		}
		total += opSize(op.Key, op.Value)
	}
	// Sector marks take 1/127 on top; numbers and headers little.
	if total+total/100 > MaxBatch {
		return fmt.Errorf("the batch has %d bytes, at most %d are allowed", total, MaxBatch)
	}
	return nil
}

// stripMarks removes the sector marks from a record's body, in place, and
// returns what is left without the end mark.
func stripMarks(body []byte, off int64) []byte {
	body = body[:len(body)-markSize]
	out := body[:0]
	for len(body) > 0 {
		if off%sector == 0 {
			body, off = body[markSize:], off+markSize
		}
		n := min(int64(len(body)), sector-off%sector)
		out = append(out, body[:n]...)
		body, off = body[n:], off+n
	}
	return out
}

var errBody = errors.New("its checksums hold, but its operations can't be read")

// decodeOps calls apply for each operation of a body without marks. The value
// is a copy.
func decodeOps(body []byte, count uint32, apply func(Op)) error {
	for range count {
		n, rest, err := number(body)
		if err != nil {
			return err
		}
		if n>>1 == 0 || n>>1 > MaxKey || n>>1 > uint64(len(rest)) {
			return errBody
		}
		op := Op{Key: string(rest[:n>>1]), Delete: n&1 == 1}
		body = rest[n>>1:]
		if !op.Delete {
			if n, rest, err = number(body); err != nil {
				return err
			}
			if n > MaxValue || n > uint64(len(rest)) {
				return errBody
			}
			op.Value = append(make([]byte, 0, n), rest[:n]...)
			body = rest[n:]
		}
		apply(op)
	}
	for _, b := range body {
		if b != 0 {
			return errBody
		}
	}
	return nil
}

func number(b []byte) (uint64, []byte, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, errBody
	}
	return n, b[size:], nil
}
