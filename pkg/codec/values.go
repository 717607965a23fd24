package codec

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
	"unsafe"
)

// The functions below read one value each into a variable, as encoding/json
// does: null leaves it, or clears it where it can be nil.

// String reads a string.
func String[T ~string](r *Reader, v *T) error {
	switch r.peek() {
	case '"':
		text, err := r.text()
		if err == nil {
			*v = T(text)
		}
		return err
	case 'n':
		return r.literal("null")
	}
	return r.mismatch()
}

// Bool reads true or false.
func Bool[T ~bool](r *Reader, v *T) error {
	var err error
	switch r.peek() {
	case 't':
		if err = r.literal("true"); err == nil {
			*v = true
		}
	case 'f':
		if err = r.literal("false"); err == nil {
			*v = false
		}
	case 'n':
		err = r.literal("null")
	default:
		err = r.mismatch()
	}
	return err
}

// Int reads an integer that T can hold.
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64](r *Reader, v *T) error {
	literal, err := r.numeric()
	if literal == nil {
		return err
	}
	n, ok := parseInt(literal, int(unsafe.Sizeof(*v))*8)
	if !ok {
		return &TypeError{Found: "another number"}
	}
	*v = T(n)
	return nil
}

// Uint reads an integer that T can hold.
func Uint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](r *Reader, v *T) error {
	literal, err := r.numeric()
	if literal == nil {
		return err
	}
	n, ok := parseUint(literal, int(unsafe.Sizeof(*v))*8)
	if !ok {
		return &TypeError{Found: "another number"}
	}
	*v = T(n)
	return nil
}

// Float reads a number that T can hold.
func Float[T ~float32 | ~float64](r *Reader, v *T) error {
	literal, err := r.numeric()
	if literal == nil {
		return err
	}
	f, err := strconv.ParseFloat(unsafeString(literal), int(unsafe.Sizeof(*v))*8)
	if err != nil {
		return &TypeError{Found: "a number out of range"}
	}
	*v = T(f)
	return nil
}

// Bytes reads base64, or an array of numbers.
func Bytes[S ~[]E, E ~uint8](r *Reader, v *S) error {
	if r.peek() != '"' {
		return Slice(r, v, Uint[E])
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	if err != nil {
		return &TypeError{Found: "no base64"}
	}
	*v = unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(data))), len(data))[:n]
	return nil
}

// Time reads a time as time.Time unmarshals itself.
func Time(r *Reader, v *time.Time) error {
	raw, err := r.Raw()
	if err != nil {
		return err
	}
	if err := v.UnmarshalJSON(raw); err != nil {
		return &TypeError{Reason: err}
	}
	return nil
}

// Text reads a string into a type that unmarshals itself from text.
func Text[P interface {
	*T
	encoding.TextUnmarshaler
}, T any](r *Reader, v *T) error {
	if r.peek() != '"' {
		return Value(r, v)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	if err := P(v).UnmarshalText(text); err != nil {
		return &TypeError{Reason: err}
	}
	return nil
}

// Unmarshaler reads any value into a type that unmarshals itself.
func Unmarshaler[P interface {
	*T
	json.Unmarshaler
}, T any](r *Reader, v *T) error {
	raw, err := r.Raw()
	if err != nil {
		return err
	}
	if err := P(v).UnmarshalJSON(raw); err != nil {
		return &TypeError{Reason: err}
	}
	return nil
}

// Value reads what encoding/json reads into the variable.
func Value[T any](r *Reader, v *T) error {
	raw, err := r.Raw()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return &TypeError{Reason: err}
	}
	return nil
}

// Quoted reads a field with the option "string", as encoding/json does.
func Quoted[T any](r *Reader, v *T) error {
	raw, err := r.Raw()
	if err != nil {
		return err
	}
	field := quoted[T]{*v}
	if err := json.Unmarshal(slices.Concat([]byte(`{"F":`), raw, []byte("}")), &field); err != nil {
		return &TypeError{Reason: err}
	}
	*v = field.F
	return nil
}

// Slice reads an array into a slice. As in encoding/json, elements that are there
// are read over.
func Slice[S ~[]E, E any](r *Reader, v *S, element func(*Reader, *E) error) error {
	if r.Null() {
		*v = nil
		return nil
	}
	more, err := r.OpenArray()
	if err != nil {
		return err
	}
	if !more {
		*v = S{}
		return nil
	}
	s, i := *v, 0
	for ; more; i++ {
		if i >= cap(s) {
			s = slices.Grow(s, grow(i))
		}
		if i >= len(s) {
			s = s[:i+1]
		}
		if err := element(r, &s[i]); err != nil {
			return In(err, strconv.AppendInt(nil, int64(i), 10))
		}
		if more, err = r.MoreElements(); err != nil {
			return err
		}
	}
	*v = s[:i]
	return nil
}

// grow is how many elements more a slice gets that has n and is full.
func grow(n int) int { return max(4, n) }

// Array reads an array into an array: elements too many are read and left out,
// missing ones become zero.
func Array[E any](r *Reader, v []E, element func(*Reader, *E) error) error {
	if r.Null() {
		return nil
	}
	more, err := r.OpenArray()
	i := 0
	for ; more && err == nil; i++ {
		if i < len(v) {
			err = element(r, &v[i])
		} else {
			err = r.Skip()
		}
		if err != nil {
			return In(err, strconv.AppendInt(nil, int64(i), 10))
		}
		more, err = r.MoreElements()
	}
	if err == nil && i < len(v) {
		clear(v[i:])
	}
	return err
}

// Pointer reads a value into what a pointer points to, which is made when it is
// nil; null makes it nil.
func Pointer[P ~*E, E any](r *Reader, v *P, element func(*Reader, *E) error) error {
	if r.Null() {
		*v = nil
		return nil
	}
	if *v == nil {
		*v = new(E)
	}
	return element(r, *v)
}

// Map reads an object into a map, beside what is there.
func Map[M ~map[K]E, K comparable, E any](r *Reader, v *M, key func([]byte) (K, error), element func(*Reader, *E) error) error {
	if r.Null() {
		*v = nil
		return nil
	}
	more, err := r.OpenObject()
	if err != nil {
		return err
	}
	if *v == nil {
		*v = M{}
	}
	var zero, e E
	for more {
		name, err := r.Name()
		if err != nil {
			return err
		}
		k, err := key(name)
		if err != nil {
			return err
		}
		e = zero
		if err := element(r, &e); err != nil {
			return In(err, name)
		}
		(*v)[k] = e
		if more, err = r.MoreMembers(); err != nil {
			return err
		}
	}
	return nil
}

// Object reads an object into a struct. Member reads one member, by its exact name,
// and reports whether there is such a field; fold returns the exact name of the
// field that a name in another case stands for, nil for none.
func Object[T any](r *Reader, v *T, member func(*Reader, *T, []byte) (known bool, err error), fold func([]byte) []byte) error {
	if r.Null() {
		return nil
	}
	more, err := r.OpenObject()
	for more && err == nil {
		var name []byte
		if name, err = r.Name(); err != nil {
			return err
		}
		known, err := member(r, v, name)
		if !known {
			if exact := fold(name); exact != nil {
				_, err = member(r, v, exact)
			} else {
				err = r.Skip()
			}
		}
		if err != nil {
			return In(err, name)
		}
		if more, err = r.MoreMembers(); err != nil {
			return err
		}
	}
	return err
}

// Decode reads a text that holds one value and nothing else.
func Decode[T any](data []byte, v *T, value func(*Reader, *T) error) error {
	r := readers.Get().(*Reader)
	*r = NewReader(data)
	err := value(r, v)
	if err == nil {
		err = r.End()
	}
	*r = Reader{} // keep nothing of the input
	readers.Put(r)
	return err
}

// readers are those that Decode does not use now.
var readers = sync.Pool{New: func() any { return new(Reader) }}

// StringKey is the key of a map with strings.
func StringKey[K ~string](name []byte) (K, error) { return K(name), nil }

// IntKey is the key of a map with integers.
func IntKey[K ~int | ~int8 | ~int16 | ~int32 | ~int64](name []byte) (k K, err error) {
	n, err := strconv.ParseInt(string(name), 10, int(unsafe.Sizeof(k))*8)
	if err != nil {
		return k, &TypeError{Found: "a name that is no such number"}
	}
	return K(n), nil
}

// UintKey is the key of a map with integers.
func UintKey[K ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](name []byte) (k K, err error) {
	n, err := strconv.ParseUint(string(name), 10, int(unsafe.Sizeof(k))*8)
	if err != nil {
		return k, &TypeError{Found: "a name that is no such number"}
	}
	return K(n), nil
}

// TextKey is the key of a map with keys that unmarshal themselves from text.
func TextKey[P interface {
	*K
	encoding.TextUnmarshaler
}, K comparable](name []byte) (k K, err error) {
	if err := P(&k).UnmarshalText(name); err != nil {
		return k, &TypeError{Reason: err}
	}
	return k, nil
}

// The names of a map's keys.

// StringName is the name of a string.
func StringName[K ~string](k K) (string, error) { return string(k), nil }

// IntName is the name of an integer.
func IntName[K ~int | ~int8 | ~int16 | ~int32 | ~int64](k K) (string, error) {
	return strconv.FormatInt(int64(k), 10), nil
}

// UintName is the name of an integer.
func UintName[K ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](k K) (string, error) {
	return strconv.FormatUint(uint64(k), 10), nil
}

// TextName is the name of a key that marshals itself as text.
func TextName[K encoding.TextMarshaler](k K) (string, error) {
	text, err := k.MarshalText()
	return string(text), err
}

// Fold returns a name such that two names fold to the same exactly if
// encoding/json takes them for the same. The result is short-lived: it may share
// the buffer.
func Fold(buffer []byte, name []byte) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			buffer = append(buffer, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(name[i:])
		buffer = utf8.AppendRune(buffer, foldRune(r))
		i += size
	}
	return buffer
}
