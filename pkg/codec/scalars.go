package codec

import (
	"net/netip"
	"slices"
	"strconv"
)

// The functions below take and return scalars by value: the values of maps have no
// address, and would be allocated to get one.

// PutString appends a string.
func PutString[T ~string](dst []byte, v T) ([]byte, error) { return AppendString(dst, string(v)), nil }

// PutBool appends true or false.
func PutBool[T ~bool](dst []byte, v T) ([]byte, error) { return strconv.AppendBool(dst, bool(v)), nil }

// PutInt appends an integer.
func PutInt[T ~int | ~int8 | ~int16 | ~int32 | ~int64](dst []byte, v T) ([]byte, error) {
	return strconv.AppendInt(dst, int64(v), 10), nil
}

// PutUint appends an integer.
func PutUint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](dst []byte, v T) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(v), 10), nil
}

// PutFloat32 appends a number.
func PutFloat32[T ~float32](dst []byte, v T) ([]byte, error) {
	return AppendFloat(dst, float64(v), 32)
}

// PutFloat64 appends a number.
func PutFloat64[T ~float64](dst []byte, v T) ([]byte, error) {
	return AppendFloat(dst, float64(v), 64)
}

// ReadString reads a string.
func ReadString[T ~string](r *Reader) (v T, err error) {
	err = String(r, &v)
	return v, err
}

// ReadBool reads true or false.
func ReadBool[T ~bool](r *Reader) (v T, err error) {
	err = Bool(r, &v)
	return v, err
}

// ReadInt reads an integer.
func ReadInt[T ~int | ~int8 | ~int16 | ~int32 | ~int64](r *Reader) (v T, err error) {
	err = Int(r, &v)
	return v, err
}

// ReadUint reads an integer.
func ReadUint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](r *Reader) (v T, err error) {
	err = Uint(r, &v)
	return v, err
}

// ReadFloat reads a number.
func ReadFloat[T ~float32 | ~float64](r *Reader) (v T, err error) {
	err = Float(r, &v)
	return v, err
}

// SameString is EqualString.
func SameString[T ~string](a, b T) bool { return EqualString(&a, &b) }

// SameScalar is EqualScalar.
func SameScalar[T comparable](a, b T) bool { return a == b }

// SameFloat is EqualFloat.
func SameFloat[T ~float32 | ~float64](a, b T) bool { return EqualFloat(&a, &b) }

// AppendMapOf is AppendMap for scalars.
func AppendMapOf[M ~map[K]E, K comparable, E any](dst []byte, m M, name func(K) (string, error), element func([]byte, E) ([]byte, error)) ([]byte, error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	var few [16]named[K] // on the stack
	keys, err := names(few[:0], m, name)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, k.name), ':')
		if dst, err = element(dst, m[k.key]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// names returns a map's keys in the order of their names.
func names[M ~map[K]E, K comparable, E any](keys []named[K], m M, name func(K) (string, error)) ([]named[K], error) {
	for key := range m {
		text, err := name(key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, named[K]{text, key})
	}
	slices.SortFunc(keys, func(a, b named[K]) int {
		if a.name < b.name {
			return -1
		}
		if a.name > b.name {
			return 1
		}
		return 0
	})
	return keys, nil
}

// MapOf is Map for scalars.
func MapOf[M ~map[K]E, K comparable, E any](r *Reader, v *M, key func([]byte) (K, error), element func(*Reader) (E, error)) error {
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
	for more {
		name, err := r.Name()
		if err != nil {
			return err
		}
		k, err := key(name)
		if err != nil {
			return err
		}
		e, err := element(r)
		if err != nil {
			return In(err, name)
		}
		(*v)[k] = e
		if more, err = r.MoreMembers(); err != nil {
			return err
		}
	}
	return nil
}

// EqualMapOf is EqualMap for scalars.
func EqualMapOf[M ~map[K]E, K comparable, E any](a, b *M, element func(a, b E) bool) bool {
	if (*a == nil) != (*b == nil) || len(*a) != len(*b) {
		return false
	}
	for k, x := range *a {
		if y, ok := (*b)[k]; !ok || !element(x, y) {
			return false
		}
	}
	return true
}

// Addr reads an address as netip.Addr unmarshals itself.
func Addr(r *Reader, v *netip.Addr) error {
	if r.peek() != '"' {
		return Value(r, v)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		*v = netip.Addr{}
		return nil
	}
	if *v, err = netip.ParseAddr(unsafeString(text)); err != nil {
		return &TypeError{Found: "no address"}
	}
	return nil
}

// Prefix reads a subnet as netip.Prefix unmarshals itself.
func Prefix(r *Reader, v *netip.Prefix) error {
	if r.peek() != '"' {
		return Value(r, v)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		*v = netip.Prefix{}
		return nil
	}
	if *v, err = netip.ParsePrefix(unsafeString(text)); err != nil {
		return &TypeError{Found: "no subnet"}
	}
	return nil
}
