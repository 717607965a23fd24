package store

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// # The file
//
// A log is one file named "log". All numbers are little endian, all checksums
// CRC-32C (Castagnoli). It begins with a file header of one sector (512 bytes):
//
//	  0   8  magic "\x89nkvlog\n"
//	  8   4  format version, 1
//	 12   4  zero
//	 16  16  salt: random, another one in each file
//	 32   8  sealed: the file was synced up to this offset before it got its name
//	 40   8  sequence number of the first record
//	 48   2  length of the epoch, at most 128
//	 50   n  epoch
//	          zeros
//	508   4  checksum of bytes 0 to 507
//
// Magic, version, and the place of the checksum stay what they are in all
// versions. Records follow without gaps, each at an offset that 32 divides. A
// record is one batch. It begins with a record header of 32 bytes, which
// therefore never crosses a sector:
//
//	 0  4  head mark of this offset (see below)
//	 4  4  length of the whole record in bytes, header included; 32 divides it
//	 8  8  sequence number: one more than that of the record before
//	16  1  kind: 1 batch, 2 closed (no operations: the store was closed here)
//	17  3  zero
//	20  4  number of operations
//	24  4  checksum of the record's bytes from 32 to its end
//	28  4  checksum of the salt followed by bytes 0 to 27
//
// The body follows: the operations, zeros, and in the last 4 bytes of the record
// the end mark of their offset. Wherever the file's offset is a multiple of 512
// within a body, 4 bytes are inserted: the sector mark of that offset. The
// operations, read without sector marks, are each
//
//	uvarint  2 * length of key, plus 1 for a delete
//	bytes    key
//	uvarint  length of value (not for a delete)
//	bytes    value           (not for a delete)
//
// A mark is (h << 16) | ^h, with h the 16 high bits of
// (s + offset*8 + which) * 0x9E3779B97F4A7C15, where s is the first 8 bytes of
// the salt, which is 0 for a head mark, 1 for a sector mark, 2 for an end mark,
// and all arithmetic is modulo 2^64. So a mark has exactly 16 bits set: it is 16
// flipped bits away from zeros and from ones.
//
// # What can be told apart
//
// A durable log has at most one record in flight: the next is written after the
// sync of the one before. So a power cut can only tear the last record. What it
// leaves of it is taken to be: the file ends inside it, or some of its sectors
// were not written and hold zeros or other bytes that were never this record,
// or everything from some byte on is zero. (A sector is written wholly or not;
// what was synced stays.) The marks exist to recognize exactly this: each sector
// of a record carries bytes that only this file has at this place.
//
// A record that is not valid is therefore judged thus:
//
//   - It lies before sealed, or a valid record header follows it at any offset
//     that 32 divides: damage. A tear has nothing valid behind it.
//   - Its header does not check, but has (up to 4 bits) the head mark of its
//     offset or the sequence number that is due: the header was written, and a
//     header is written wholly, so it was changed afterwards: damage. The one
//     exception is a header followed by nothing but zeros to the end of the file:
//     a write that stopped inside it. No change of a few bits looks so, because
//     a record that was written wholly ends with a mark.
//   - Its header does not check, and has neither: it was never written: torn.
//   - Its header checks. The file ends before the record does, or a sector mark
//     or the end mark in it is missing (more than 4 bits away): torn. All marks
//     are there: it was written wholly and changed afterwards: damage.
//
// So every single flipped bit in a file is damage, wherever it lies: in the file
// header by its checksum; in a record header because mark and sequence number
// can't both be hit, the length included; in a body because CRC-32C finds it and
// a mark with one flipped bit still counts as there. The same holds for any
// damage of the last record that leaves its marks, however much it changes
// between them.
//
// What can't be told from a torn write, in the last record alone: the file was
// cut short, or whole sectors of that record were replaced by something else.
// Every earlier record is safe from that too, by the record behind it; a closed
// store's last batch is, by the record that Close writes; a compacted file is,
// by sealed. A file that was replaced by a complete older copy of itself can't
// be recognized by this package.
const (
	logName  = "log"
	tempName = "log.new"

	formatVersion = 1
	sector        = 512
	headerSize    = 32
	markSize      = 4
	alignment     = 32

	// markSlack is the number of flipped bits with which a mark still counts as
	// there. Random bytes come so close with a probability of 1e-5.
	markSlack = 4

	kindBatch  = 1
	kindClosed = 2

	markHead   = 0
	markSector = 1
	markEnd    = 2
)

var (
	magic      = [8]byte{0x89, 'n', 'k', 'v', 'l', 'o', 'g', '\n'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	order      = binary.LittleEndian
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// salt makes a file's bytes its own.
type salt [16]byte

func (s salt) mark(off int64, which uint64) uint32 {
	h := uint32((order.Uint64(s[:]) + uint64(off)*8 + which) * 0x9E3779B97F4A7C15 >> 48)
	return h<<16 | (^h & 0xFFFF)
}

// marked says whether b begins with the mark, up to markSlack flipped bits.
func (s salt) marked(b []byte, off int64, which uint64) bool {
	return bits.OnesCount32(order.Uint32(b)^s.mark(off, which)) <= markSlack
}

// fileHeader is the first sector of a file.
type fileHeader struct {
	salt   salt
	sealed int64
	first  uint64
	epoch  string
}

func (h fileHeader) encode() []byte {
	b := make([]byte, sector)
	copy(b, magic[:])
	order.PutUint32(b[8:], formatVersion)
	copy(b[16:], h.salt[:])
	order.PutUint64(b[32:], uint64(h.sealed))
	order.PutUint64(b[40:], h.first)
	order.PutUint16(b[48:], uint16(len(h.epoch)))
	copy(b[50:], h.epoch)
	order.PutUint32(b[sector-4:], checksum(b[:sector-4]))
	return b
}

// recordHeader is the decoded header of a record.
type recordHeader struct {
	length   int64
	sequence uint64
	kind     byte
	count    uint32
	body     uint32
}

func (h recordHeader) encode(b []byte, s salt, off int64) {
	order.PutUint32(b, s.mark(off, markHead))
	order.PutUint32(b[4:], uint32(h.length))
	order.PutUint64(b[8:], h.sequence)
	b[16], b[17], b[18], b[19] = h.kind, 0, 0, 0
	order.PutUint32(b[20:], h.count)
	order.PutUint32(b[24:], h.body)
	order.PutUint32(b[28:], headerChecksum(b, s))
}

// decodeRecordHeader reports whether b is a header that was written at off in
// the file with this salt.
func decodeRecordHeader(b []byte, s salt, off int64) (recordHeader, bool) {
	if order.Uint32(b) != s.mark(off, markHead) || order.Uint32(b[28:]) != headerChecksum(b, s) {
		return recordHeader{}, false
	}
	return recordHeader{
		length:   int64(order.Uint32(b[4:])),
		sequence: order.Uint64(b[8:]),
		kind:     b[16],
		count:    order.Uint32(b[20:]),
		body:     order.Uint32(b[24:]),
	}, true
}

func headerChecksum(b []byte, s salt) uint32 {
	return crc32.Update(checksum(s[:]), castagnoli, b[:headerSize-4])
}
