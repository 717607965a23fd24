package mirror

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

type sum [sha256.Size]byte

func sumOf(content []byte) sum { return sha256.Sum256(content) }

// stamp is what a file holds, and when that was written, in nanoseconds; renaming
// a file does not change it.
type stamp struct {
	there   bool // there is a file with something in it
	sum     sum
	written int64
}

// note is what the mirror keeps in the store about one file. It gets there in the
// batch that changes the value, before the file is touched, so it tells what the
// file held before, too:
//
//   - wants: the file is to hold want. It may still hold had.
//   - not wants, but had: the file is to go. It may still hold had.
//   - neither: no note; the mirror has no file there.
type note struct {
	wants bool
	want  sum
	had   stamp
	stale bool // want could not be written yet
}

func (n note) empty() bool { return !n.wants && !n.had.there }

// The form of a note: a byte for the form, one for the flags, want, had.
const (
	noteForm = 1

	noteWants = 1 << 0
	noteHad   = 1 << 1
	noteStale = 1 << 2
)

func (n note) encode() []byte {
	b := make([]byte, 2, 2+2*sha256.Size+8)
	b[0] = noteForm
	if n.wants {
		b[1] |= noteWants
		b = append(b, n.want[:]...)
	}
	if n.had.there {
		b[1] |= noteHad
		b = append(b, n.had.sum[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(n.had.written))
	}
	if n.stale {
		b[1] |= noteStale
	}
	return b
}

func decodeNote(b []byte) (note, error) {
	if len(b) < 2 || b[0] != noteForm || b[1]&^(noteWants|noteHad|noteStale) != 0 {
		return note{}, fmt.Errorf("%w: %d bytes; a newer version may have written it", ErrNote, len(b))
	}
	n := note{wants: b[1]&noteWants != 0, stale: b[1]&noteStale != 0}
	n.had.there = b[1]&noteHad != 0
	size := 2
	if n.wants {
		size += sha256.Size
	}
	if n.had.there {
		size += sha256.Size + 8
	}
	if len(b) != size {
		return note{}, fmt.Errorf("%w: it has %d bytes instead of %d", ErrNote, len(b), size)
	}
	b = b[2:]
	if n.wants {
		b = b[copy(n.want[:], b):]
	}
	if n.had.there {
		b = b[copy(n.had.sum[:], b):]
		n.had.written = int64(binary.BigEndian.Uint64(b))
	}
	return n, nil
}
