package codec

import (
	"encoding/binary"
	"encoding/json"
	"reflect"
	"testing"
)

// A fuzz input begins with two bytes that choose the type.
func choose(subjects []subject, data []byte) (subject, []byte, bool) {
	if len(data) < 2 {
		return subject{}, nil, false
	}
	return subjects[int(binary.BigEndian.Uint16(data))%len(subjects)], data[2:], true
}

// corpusOf adds, for each type, JSON of two random values with a prefix.
func corpusOf(f *testing.F, prefix ...byte) []subject {
	subjects, err := generatedSubjects()
	if err != nil {
		f.Fatal(err)
	}
	for i, s := range subjects {
		for stream := range uint64(2) {
			filler := newFiller(seeded(1, uint64(i)<<8|stream))
			filler.hostile = false
			src, err := json.Marshal(filler.value(s.plain).Interface())
			if err != nil {
				continue
			}
			f.Add(append(append(binary.BigEndian.AppendUint16(nil, uint16(i)), prefix...), src...))
		}
	}
	for _, text := range append(numbers, literals...) {
		f.Add(append(append([]byte{0, byte(len(text))}, prefix...), `{"Name":`+text+`,"name":`+text+`}`...))
	}
	return subjects
}

// Whatever the bytes, generated code accepts what encoding/json accepts, and reads
// and writes the same.
func FuzzDecode(f *testing.F) {
	subjects := corpusOf(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, src, ok := choose(subjects, data)
		if !ok {
			return
		}
		if _, _, err := checkDecode(s, src, reflect.New(s.plain)); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	})
}

// The same into a value that is there, for JSON that is nearly right. The first
// byte behind the type makes the value, by a seed; the second is even where JSON
// follows, else it makes JSON, which the rest mutates.
func FuzzDecodeInto(f *testing.F) {
	subjects := corpusOf(f, 7, 0)
	for i := range subjects {
		for stream := range 3 {
			d := seeded(4, uint64(i)<<8|uint64(stream))
			data := append(binary.BigEndian.AppendUint16(nil, uint16(i)), byte(stream), byte(stream)*2+1)
			for range 80 {
				data = append(data, d.byte())
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, rest, ok := choose(subjects, data)
		if !ok || len(rest) < 2 {
			return
		}
		filler := newFiller(seeded(2, uint64(rest[0])))
		filler.hostile = false
		into, src := filler.value(s.plain), rest[2:]
		if rest[1]%2 == 1 {
			_, tree, err := jsonOf(s, seeded(5, uint64(rest[1])))
			if err != nil {
				t.Fatal(err)
			}
			src = newMutator(&dice{data: src}).spoil(tree)
		}
		if _, _, err := checkDecode(s, src, into); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	})
}

// The bytes make a value and a change of it: it is written, copied and compared as
// encoding/json would have it.
func FuzzEqualCopy(f *testing.F) {
	subjects, err := generatedSubjects()
	if err != nil {
		f.Fatal(err)
	}
	for i := range subjects {
		d := seeded(3, uint64(i))
		data := binary.BigEndian.AppendUint16(nil, uint16(i))
		for range 300 {
			data = append(data, d.byte())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, bytes, ok := choose(subjects, data)
		if !ok {
			return
		}
		filler := newFiller(&dice{data: bytes})
		a := filler.value(s.plain)
		b := clone(a)
		for range 3 {
			filler.changeOne(b)
			for _, err := range []error{checkEncode(s, b), checkEqual(s, a, b), checkCopy(s, b)} {
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
		}
	})
}
