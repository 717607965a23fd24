package codec

import (
	"cmp"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/tests/codec/plain"
)

// opaque reports whether a struct is copied by assignment: what it refers to
// never changes.
func opaque(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[plain.Moment]() || t.PkgPath() == "net/netip"
}

// clone copies what a pointer points to, to the last byte: what lies between
// length and capacity too, and what is not exported.
func clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type().Elem())
	cloneInto(c.Elem(), v.Elem())
	return c
}

func cloneInto(to, from reflect.Value) {
	if n, ok := from.Addr().Interface().(*big.Int); ok {
		to.Addr().Interface().(*big.Int).Set(n)
		return
	}
	if n, ok := from.Addr().Interface().(*big.Float); ok {
		to.Addr().Interface().(*big.Float).Set(n)
		return
	}
	to.Set(from)
	switch from.Kind() {
	case reflect.Struct:
		if opaque(from.Type()) {
			return
		}
		for i := range from.NumField() {
			cloneInto(open(to.Field(i)), open(from.Field(i)))
		}
	case reflect.Array:
		for i := range from.Len() {
			cloneInto(to.Index(i), from.Index(i))
		}
	case reflect.Pointer:
		if !from.IsNil() {
			p := reflect.New(from.Type().Elem())
			cloneInto(p.Elem(), from.Elem())
			to.Set(p.Convert(from.Type()))
		}
	case reflect.Slice:
		if from.IsNil() {
			return
		}
		full := from.Slice(0, from.Cap())
		s := reflect.MakeSlice(from.Type(), full.Len(), full.Len())
		for i := range full.Len() {
			cloneInto(s.Index(i), full.Index(i))
		}
		to.Set(s.Slice3(0, from.Len(), from.Cap()))
	case reflect.Map:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeMap(from.Type()))
		for it := from.MapRange(); it.Next(); {
			to.SetMapIndex(it.Key(), cloneElem(it.Value()))
		}
	}
}

// cloneElem copies a value that has no address.
func cloneElem(v reflect.Value) reflect.Value {
	boxed, c := reflect.New(v.Type()).Elem(), reflect.New(v.Type()).Elem()
	boxed.Set(v)
	cloneInto(c, boxed)
	return c
}

// same compares two values to the last bit but for capacities, NaN being NaN. It
// returns the path to a difference, or nothing.
func same(a, b reflect.Value) string {
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		if (x != y || 1/x != 1/y) && (x == x || y == y) {
			return fmt.Sprintf(": %v, %v", x, y)
		}
	case reflect.Struct:
		if a.Type().PkgPath() == "math/big" {
			if x, y := bigText(a), bigText(b); x != y {
				return fmt.Sprintf(": %s, %s", x, y)
			}
			return ""
		}
		for i := range a.NumField() {
			if d := same(a.Field(i), b.Field(i)); d != "" {
				return "." + a.Type().Field(i).Name + d
			}
		}
	case reflect.Slice, reflect.Array:
		if a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return fmt.Sprintf(": lengths %d, %d, nil %t, %t", a.Len(), b.Len(), isNil(a), isNil(b))
		}
		for i := range a.Len() {
			if d := same(a.Index(i), b.Index(i)); d != "" {
				return fmt.Sprintf("[%d]%s", i, d)
			}
		}
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return fmt.Sprintf(": lengths %d, %d, nil %t, %t", a.Len(), b.Len(), a.IsNil(), b.IsNil())
		}
		for it := a.MapRange(); it.Next(); {
			other := b.MapIndex(it.Key())
			if !other.IsValid() {
				return fmt.Sprintf("[%v]: missing", it.Key())
			}
			if d := same(it.Value(), other); d != "" {
				return fmt.Sprintf("[%v]%s", it.Key(), d)
			}
		}
	case reflect.Pointer:
		if a.UnsafePointer() == b.UnsafePointer() {
			return ""
		}
		if a.IsNil() || b.IsNil() {
			return fmt.Sprintf(": nil %t, %t", a.IsNil(), b.IsNil())
		}
		return same(a.Elem(), b.Elem())
	case reflect.Interface:
		if a.IsNil() != b.IsNil() {
			return ": one is nil"
		}
	default:
		if !a.Equal(b) {
			return fmt.Sprintf(": %q, %q", fmt.Sprint(a), fmt.Sprint(b))
		}
	}
	return ""
}

// bigText is all of a big number but for its memory.
func bigText(v reflect.Value) string {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	if n, ok := p.Interface().(*big.Float); ok {
		return fmt.Sprint(n.Text('p', 0), n.Prec(), n.Mode())
	}
	return fmt.Sprint(p.Interface())
}

func isNil(v reflect.Value) bool { return v.Kind() == reflect.Slice && v.IsNil() }

// area is memory that a value refers to and that can change.
type area struct {
	from, to uintptr
	path     string
}

// areas lists the memory that a value refers to.
func areas(v reflect.Value, path string, found []area) []area {
	add := func(p, size uintptr) {
		if size > 0 {
			found = append(found, area{p, p + size, path + " " + v.Type().String()})
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		if opaque(v.Type()) {
			return found
		}
		for i := range v.NumField() {
			found = areas(v.Field(i), path+"."+v.Type().Field(i).Name, found)
		}
	case reflect.Array:
		for i := range v.Len() {
			found = areas(v.Index(i), path+"[]", found)
		}
	case reflect.Slice:
		add(v.Pointer(), uintptr(v.Cap())*v.Type().Elem().Size())
		for i := range v.Len() {
			found = areas(v.Index(i), path+"[]", found)
		}
	case reflect.Map:
		if !v.IsNil() {
			add(v.Pointer(), 1)
		}
		for it := v.MapRange(); it.Next(); {
			found = areas(it.Value(), path+"{}", found)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			add(v.Pointer(), v.Type().Elem().Size())
			found = areas(v.Elem(), path+"*", found)
		}
	}
	return found
}

// shared names memory that two values both refer to, or nothing.
func shared(a, b reflect.Value) string {
	x, y := areas(a, "", nil), areas(b, "", nil)
	order := func(a, b area) int { return cmp.Compare(a.from, b.from) }
	slices.SortFunc(x, order)
	slices.SortFunc(y, order)
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i].to <= y[j].from:
			i++
		case y[j].to <= x[i].from:
			j++
		default:
			return strings.TrimPrefix(x[i].path, ".") + " and " + strings.TrimPrefix(y[j].path, ".")
		}
	}
	return ""
}
