package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math"
	"time"
	"unicode/utf8"
)

// Two values are equal when they encode to the same JSON. One that can't be
// encoded is equal to nothing, not even to itself.

// EqualString compares strings: what is no UTF-8 is the same in JSON.
func EqualString[T ~string](a, b *T) bool {
	if *a == *b {
		return true
	}
	if utf8.ValidString(string(*a)) && utf8.ValidString(string(*b)) {
		return false
	}
	return bytes.Equal(AppendString(nil, string(*a)), AppendString(nil, string(*b)))
}

// EqualScalar compares booleans and integers.
func EqualScalar[T comparable](a, b *T) bool { return *a == *b }

// EqualFloat compares numbers: 0 is not -0, and what is no number equals nothing.
func EqualFloat[T ~float32 | ~float64](a, b *T) bool {
	x, y := float64(*a), float64(*b)
	return x == y && math.Signbit(x) == math.Signbit(y) && !math.IsInf(x, 0)
}

// EqualBytes compares bytes: nil is not empty.
func EqualBytes[S ~[]E, E ~uint8](a, b *S) bool {
	if (*a == nil) != (*b == nil) || len(*a) != len(*b) {
		return false
	}
	for i := range *a {
		if (*a)[i] != (*b)[i] {
			return false
		}
	}
	return true
}

// EqualTime compares times as they are written: the instant in its zone. A
// monotonic clock does not count, nor does a zone's name.
func EqualTime(a, b *time.Time) bool {
	_, x := a.Zone()
	_, y := b.Zone()
	if day := 24 * 60 * 60; x == y && x%60 == 0 && -day < x && x < day {
		if !a.Equal(*b) {
			return false
		}
		year := a.Year()
		return 0 <= year && year <= 9999
	}
	return sameText(a, b)
}

// sameText compares times by what is written.
func sameText(a, b *time.Time) bool {
	var x, y [64]byte
	s, err := AppendTime(x[:0], *a)
	if err != nil {
		return false
	}
	t, err := AppendTime(y[:0], *b)
	return err == nil && bytes.Equal(s, t)
}

// EqualText compares types that marshal themselves as text.
func EqualText[P interface {
	*T
	encoding.TextMarshaler
}, T any](a, b *T) bool {
	s, err := AppendText(nil, P(a))
	if err != nil {
		return false
	}
	t, err := AppendText(nil, P(b))
	return err == nil && bytes.Equal(s, t)
}

// EqualComparable compares types that marshal themselves as text, never fail, and
// are the same where they are the same in memory.
func EqualComparable[P interface {
	*T
	encoding.TextMarshaler
}, T comparable](a, b *T) bool {
	return *a == *b || EqualText[P](a, b)
}

// EqualValue compares what encoding/json writes.
func EqualValue[T any](a, b *T) bool {
	s, err := json.Marshal(a)
	if err != nil {
		return false
	}
	t, err := json.Marshal(b)
	return err == nil && bytes.Equal(s, t)
}

// EqualAppended compares what a generated type writes: for the rare pairs that
// differ in memory and may be the same in JSON.
func EqualAppended[T any](a, b *T, write func([]byte, *T) ([]byte, error)) bool {
	s, err := write(nil, a)
	if err != nil {
		return false
	}
	t, err := write(nil, b)
	return err == nil && bytes.Equal(s, t)
}

// EqualSlice compares slices: nil is not empty.
func EqualSlice[S ~[]E, E any](a, b *S, element func(a, b *E) bool) bool {
	return (*a == nil) == (*b == nil) && len(*a) == len(*b) && EqualArray(*a, *b, element)
}

// EqualArray compares elements of which there are as many.
func EqualArray[E any](a, b []E, element func(a, b *E) bool) bool {
	for i := range a {
		if !element(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

// EqualPointer compares what pointers point to.
func EqualPointer[P ~*E, E any](a, b *P, element func(a, b *E) bool) bool {
	if *a == nil || *b == nil {
		return *a == *b
	}
	return element(*a, *b)
}

// EqualMap compares maps: nil is not empty.
func EqualMap[M ~map[K]E, K comparable, E any](a, b *M, element func(a, b *E) bool) bool {
	if (*a == nil) != (*b == nil) || len(*a) != len(*b) {
		return false
	}
	var x, y E
	var ok bool
	for k := range *a {
		x = (*a)[k]
		if y, ok = (*b)[k]; !ok || !element(&x, &y) {
			return false
		}
	}
	return true
}

// ValidKeys reports whether all keys of a map are UTF-8, so that no two of them
// have the same name in JSON.
func ValidKeys[M ~map[K]E, K ~string, E any](m M) bool {
	for k := range m {
		if !utf8.ValidString(string(k)) {
			return false
		}
	}
	return true
}
