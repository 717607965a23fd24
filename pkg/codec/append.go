package codec

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"
)

// safe are the ASCII bytes that stand for themselves in a JSON string with HTML
// escaped, as encoding/json writes it.
var safe = func() (table [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return table
}()

const hex = "0123456789abcdef"

// AppendString appends a JSON string.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if unsafeWord(word(s, i)) {
			break
		}
	}
	for ; i < len(s); i++ {
		if !safe[s[i]] {
			return appendEscaped(append(dst, s[:i]...), s[i:])
		}
	}
	dst = append(dst, s...)
	return append(dst, '"')
}

// Eight bytes are looked at as one number, whose bytes have their high bit set
// where a condition holds.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// word is eight bytes of a text.
func word(s string, i int) uint64 {
	_ = s[i+7]
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), i))
}

// equals finds bytes that are c. What it finds before the first one is right, so
// that it finds any exactly if there is one.
func equals(w uint64, c byte) uint64 {
	w ^= ones * uint64(c)
	return (w - ones) &^ w & highs
}

// unsafeWord reports whether one of eight bytes does not stand for itself. '<' and
// '>' differ in one bit, as do '"' and '&'.
func unsafeWord(w uint64) bool {
	return (w|(w-ones*' ')&^w|
		equals(w|ones*0x02, '>')|equals(w|ones*0x04, '&')|equals(w, '\\'))&highs != 0
}

// plainWord reports whether eight bytes stand for themselves in a text to be read.
func plainWord(w uint64) bool {
	return (w|(w-ones*' ')&^w|equals(w, '"')|equals(w, '\\'))&highs == 0
}

// appendEscaped appends the rest of a string that has something to escape, and
// the closing quote.
func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if safe[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			switch c {
			case '\\', '"':
				dst = append(dst, '\\', c)
			case '\b':
				dst = append(dst, '\\', 'b')
			case '\f':
				dst = append(dst, '\\', 'f')
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029': // JavaScript takes them for line ends
			dst = append(append(dst, s[start:i]...), '\\', 'u', '2', '0', '2', hex[r&0xF])
			start = i + size
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// AppendFloat appends a number of 32 or 64 bits; *json.UnsupportedValueError when
// it is none.
func AppendFloat(dst []byte, f float64, bits int) ([]byte, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return dst, &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: strconv.FormatFloat(f, 'g', -1, bits)}
	}
	abs, format := math.Abs(f), byte('f')
	if abs != 0 && (bits == 64 && (abs < 1e-6 || abs >= 1e21) || bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21)) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, bits)
	if n := len(dst); format == 'e' && n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-09 becomes e-9
		dst = dst[:n-1]
	}
	return dst, nil
}

// AppendBytes appends bytes in base64; null when they are nil.
func AppendBytes(dst []byte, b []byte) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// AppendTime appends a time as time.Time marshals itself.
func AppendTime(dst []byte, t time.Time) ([]byte, error) {
	n := len(dst)
	out, err := t.AppendText(append(dst, '"'))
	if err != nil {
		return dst[:n], err
	}
	return append(out, '"'), nil
}

// AppendText appends the text of a type that marshals itself as text; give it a
// pointer, which needs no allocation.
func AppendText(dst []byte, m encoding.TextMarshaler) ([]byte, error) {
	switch m.(type) {
	case *netip.Addr, *netip.AddrPort, *netip.Prefix: // their AppendText is their MarshalText
		a := m.(encoding.TextAppender)
		n := len(dst)
		out, err := a.AppendText(append(dst, '"'))
		if err != nil {
			return dst, err
		}
		for _, c := range out[n+1:] {
			if !safe[c] {
				return AppendString(out[:n], string(out[n+1:])), nil
			}
		}
		return append(out, '"'), nil
	}
	text, err := m.MarshalText()
	if err != nil {
		return dst, err
	}
	return AppendString(dst, string(text)), nil
}

// AppendValue appends what encoding/json writes for a value.
func AppendValue(dst []byte, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	return append(dst, data...), nil
}

// quoted is a field with the option "string", of a type that takes it.
type quoted[T any] struct {
	//lint:ignore SA5008 generated code uses it with the types that take the option
	F T `json:"F,string"`
}

// AppendQuoted appends what encoding/json writes for a field with the option
// "string".
func AppendQuoted[T any](dst []byte, v *T) ([]byte, error) {
	data, err := json.Marshal(&quoted[T]{*v})
	if err != nil {
		return dst, err
	}
	return append(dst, bytes.TrimSuffix(bytes.TrimPrefix(data, []byte(`{"F":`)), []byte("}"))...), nil
}

// AppendSlice appends the elements of a slice; null when it is nil.
func AppendSlice[S ~[]E, E any](dst []byte, s S, element func([]byte, *E) ([]byte, error)) ([]byte, error) {
	if s == nil {
		return append(dst, "null"...), nil
	}
	return AppendArray(dst, s, element)
}

// AppendArray appends the elements of an array.
func AppendArray[E any](dst []byte, s []E, element func([]byte, *E) ([]byte, error)) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i := range s {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = element(dst, &s[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// AppendPointer appends what a pointer points to; null when it is nil.
func AppendPointer[E any](dst []byte, p *E, element func([]byte, *E) ([]byte, error)) ([]byte, error) {
	if p == nil {
		return append(dst, "null"...), nil
	}
	return element(dst, p)
}

// named is a map's key with its name in JSON.
type named[K any] struct {
	name string
	key  K
}

// AppendMap appends a map in the order of its keys' names; null when it is nil.
// Name gives a key's name.
func AppendMap[M ~map[K]E, K comparable, E any](dst []byte, m M, name func(K) (string, error), element func([]byte, *E) ([]byte, error)) ([]byte, error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	var few [16]named[K] // on the stack
	keys, err := names(few[:0], m, name)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	var v E
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, k.name), ':')
		v = m[k.key]
		if dst, err = element(dst, &v); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// The functions below append one value each, for the elements of slices, arrays,
// maps and pointers.

// WriteString appends a string.
func WriteString[T ~string](dst []byte, v *T) ([]byte, error) {
	return AppendString(dst, string(*v)), nil
}

// WriteBool appends true or false.
func WriteBool[T ~bool](dst []byte, v *T) ([]byte, error) {
	return strconv.AppendBool(dst, bool(*v)), nil
}

// WriteInt appends an integer.
func WriteInt[T ~int | ~int8 | ~int16 | ~int32 | ~int64](dst []byte, v *T) ([]byte, error) {
	return strconv.AppendInt(dst, int64(*v), 10), nil
}

// WriteUint appends an integer.
func WriteUint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](dst []byte, v *T) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(*v), 10), nil
}

// WriteFloat32 appends a number.
func WriteFloat32[T ~float32](dst []byte, v *T) ([]byte, error) {
	return AppendFloat(dst, float64(*v), 32)
}

// WriteFloat64 appends a number.
func WriteFloat64[T ~float64](dst []byte, v *T) ([]byte, error) {
	return AppendFloat(dst, float64(*v), 64)
}

// WriteBytes appends bytes in base64.
func WriteBytes[S ~[]E, E ~uint8](dst []byte, v *S) ([]byte, error) {
	if *v == nil {
		return append(dst, "null"...), nil
	}
	return AppendBytes(dst, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(*v))), len(*v))), nil
}

// WriteTime appends a time.
func WriteTime(dst []byte, v *time.Time) ([]byte, error) { return AppendTime(dst, *v) }

// WriteText appends the text of a type that marshals itself as text.
func WriteText[P interface {
	*T
	encoding.TextMarshaler
}, T any](dst []byte, v *T) ([]byte, error) {
	return AppendText(dst, P(v))
}

// WriteValue appends what encoding/json writes for what v points to.
func WriteValue[T any](dst []byte, v *T) ([]byte, error) { return AppendValue(dst, v) }

// CloseObject ends an object whose members, from start on, each began with a comma.
func CloseObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// NonZero reports whether a number is not 0, nor -0.
func NonZero[T ~float32 | ~float64](f T) bool { return f != 0 }

// IsZero reports what the option "omitzero" asks of a struct or an array.
func IsZero[T any](v *T) bool { return reflect.ValueOf(v).Elem().IsZero() }
