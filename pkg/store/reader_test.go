package store

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// sampleLog encodes a small log file as the engine does.
func sampleLog(closed bool) []byte {
	h := fileHeader{salt: salt{1, 2, 3, 4, 5, 6, 7, 8, 9}, sealed: sector, first: 1, epoch: "boot"}
	b := h.encode()
	enc := encoder{salt: h.salt}
	sequence := h.first
	add := func(kind byte, batch ...Op) {
		b = append(b, enc.encode(int64(len(b)), sequence, kind, batch)...)
		sequence++
	}
	add(kindBatch, Op{Key: "a", Value: []byte("1")}, Op{Key: "b", Value: []byte("a longer value")})
	add(kindBatch, Op{Key: "a", Value: []byte("2")})
	add(kindBatch, Op{Key: "zeros", Value: make([]byte, 1100)}, Op{Key: "b", Delete: true})
	add(kindBatch, Op{Key: "long", Value: bytes.Repeat([]byte("x"), 700)}, Op{Key: "b"})
	// The last batch spans sectors, one of which holds zeros but for one bit.
	thin := make([]byte, 1600)
	thin[800] = 1
	add(kindBatch, Op{Key: "long", Delete: true}, Op{Key: "thin", Value: thin})
	if closed {
		add(kindClosed)
	}
	return b
}

// replay reads a whole file. A nil error means that it was read to its end.
func replay(b []byte) (contents, error) {
	c := contents{live: map[string][]byte{}}
	r, err := newReader(bytes.NewReader(b), "log", int64(len(b)))
	for err == nil {
		err = r.record(c.apply)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return c, err
}

// TestEveryFlippedBit shows that no flipped bit changes a value, loses a batch
// or is taken for a torn write, and prints what it is taken for.
func TestEveryFlippedBit(t *testing.T) {
	for name, file := range map[string][]byte{"open": sampleLog(false), "closed": sampleLog(true)} {
		t.Run(name, func(t *testing.T) {
			if _, err := replay(file); err != nil {
				t.Fatal(err)
			}
			classes := map[string]int{}
			for bit := range len(file) * 8 {
				b := slices.Clone(file)
				b[bit/8] ^= 1 << (bit % 8)
				_, err := replay(b)
				var damage *DamageError
				if !errors.As(err, &damage) {
					t.Errorf("bit %d of byte %d: got error %v, want a DamageError", bit%8, bit/8, err)
					continue
				}
				classes[damage.Reason]++
			}
			t.Logf("%d bits flipped, %d refused:", len(file)*8, len(file)*8)
			for _, reason := range slices.Sorted(maps.Keys(classes)) {
				t.Logf("%6d  %s", classes[reason], reason)
			}
		})
	}
}

// TestTwoFlippedBits does the same for pairs of bits in the last record, which
// is the only one that could be taken for torn.
func TestTwoFlippedBits(t *testing.T) {
	file := sampleLog(false)
	start := bytes.LastIndex(file, []byte("long")) - headerSize
	for first := start * 8; first < (start+headerSize)*8; first++ {
		for second := first + 1; second < (start+headerSize)*8; second++ {
			b := slices.Clone(file)
			b[first/8] ^= 1 << (first % 8)
			b[second/8] ^= 1 << (second % 8)
			if _, err := replay(b); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bits %d and %d: got error %v, want ErrDamaged", first, second, err)
			}
		}
	}
}

// FuzzReader shows any bytes to the reader: it must end, and answer one of the
// errors that it says it does.
func FuzzReader(f *testing.F) {
	f.Add(sampleLog(false))
	f.Add(sampleLog(true))
	f.Add(sampleLog(true)[:700])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := replay(b)
		var torn *tornError
		switch {
		case err == nil, errors.Is(err, ErrDamaged), errors.Is(err, ErrVersion):
		case errors.As(err, &torn):
			if torn.offset < sector || torn.offset > int64(len(b)) {
				t.Fatalf("torn at %d of %d bytes", torn.offset, len(b))
			}
			// What stays after the cut must be whole, and the same.
			again, err := replay(b[:torn.offset])
			if err != nil || !maps.EqualFunc(c.live, again.live, bytes.Equal) {
				t.Fatalf("after the cut at %d: %v", torn.offset, err)
			}
		default:
			t.Fatal(err)
		}
	})
}

// FuzzBody shows a body whose checksums hold, so that the operations are read.
func FuzzBody(f *testing.F) {
	f.Add([]byte("\x02a\x01x"), uint32(1))
	f.Add([]byte("\x03a\x04bc\x00"), uint32(2))
	f.Fuzz(func(t *testing.T, body []byte, count uint32) {
		err := decodeOps(body, count, func(op Op) {
			if op.Key == "" || len(op.Key) > MaxKey || len(op.Value) > MaxValue {
				t.Fatalf("key of %d bytes, value of %d", len(op.Key), len(op.Value))
			}
		})
		if err != nil && !errors.Is(err, errBody) {
			t.Fatal(err)
		}
	})
}

// TestEncoding lays out records of every size at every place of a sector and
// reads them back.
func TestEncoding(t *testing.T) {
	h := fileHeader{salt: salt{9}, sealed: sector, first: 7}
	enc := encoder{salt: h.salt}
	for start := int64(0); start < sector; start += alignment {
		for n := range 1100 {
			b := append(h.encode(), make([]byte, start)...)
			want := Op{Key: "k", Value: []byte(strings.Repeat("v", n))}
			b = append(b, enc.encode(int64(len(b)), h.first, kindBatch, []Op{want})...)
			r, err := newReader(bytes.NewReader(b), "log", int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			r.off += start
			got := Op{}
			if err := r.record(func(op Op) { got = op }); err != nil {
				t.Fatalf("%d bytes at %d: %v", n, start, err)
			}
			if got.Key != want.Key || !bytes.Equal(got.Value, want.Value) {
				t.Fatalf("%d bytes at %d: got %d", n, start, len(got.Value))
			}
			if err := r.record(nil); !errors.Is(err, io.EOF) {
				t.Fatalf("%d bytes at %d: got error %v behind it, want EOF", n, start, err)
			}
		}
	}
}
