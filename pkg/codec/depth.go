package codec

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ErrDepth: a value is nested deeper than anyone could read it again, or without
// end.
var ErrDepth = errors.New("nested too deeply")

// CheckDepth refuses values that are nested deeper than 10,000 objects and lists.
// Generated code calls it for types that contain themselves.
func CheckDepth(v any) error {
	if !within(reflect.ValueOf(v), maxDepth) {
		return fmt.Errorf("%w: more than %d objects and lists in each other", ErrDepth, maxDepth)
	}
	return nil
}

// within reports whether a value has at most so many levels in JSON. A chain of
// pointers is no level, but must end.
func within(v reflect.Value, levels int) bool {
	for range maxDepth {
		if v.Kind() != reflect.Pointer {
			break
		}
		v = v.Elem()
	}
	if !v.IsValid() || marshalsItself(v.Type()) {
		return true // nil, or nobody's business
	}
	switch v.Kind() {
	case reflect.Pointer:
		return false
	case reflect.Struct:
		return levels > 0 && fieldsWithin(v, levels-1)
	case reflect.Slice:
		return v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 || levels > 0 && elementsWithin(v, levels-1)
	case reflect.Array:
		return levels > 0 && elementsWithin(v, levels-1)
	case reflect.Map:
		if v.IsNil() {
			return true
		}
		for it := v.MapRange(); it.Next(); {
			if levels == 0 || !within(it.Value(), levels-1) {
				return false
			}
		}
		return levels > 0
	}
	return true
}

func elementsWithin(v reflect.Value, levels int) bool {
	if scalar(v.Type().Elem().Kind()) {
		return true
	}
	for i := range v.Len() {
		if !within(v.Index(i), levels) {
			return false
		}
	}
	return true
}

// fieldsWithin looks at the fields that are written. Those of an embedded struct
// are on the level of the struct around it, unless that is around itself: then
// they are not written.
func fieldsWithin(v reflect.Value, levels int, around ...reflect.Type) bool {
	around = append(around, v.Type())
	for i := range v.NumField() {
		f, field := v.Type().Field(i), v.Field(i)
		if scalar(f.Type.Kind()) {
			continue
		}
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		under := field
		if f.Anonymous && under.Kind() == reflect.Pointer {
			under = under.Elem()
		}
		inner := f.Anonymous && under.Kind() == reflect.Struct
		switch {
		case tag == "-" || !f.IsExported() && !inner:
		case strings.Contains(options, "omit") && field.IsZero():
		case inner && name == "" && !marshalsItself(under.Type()):
			if !slices.Contains(around, under.Type()) && !fieldsWithin(under, levels, around...) {
				return false
			}
		case !within(field, levels):
			return false
		}
	}
	return true
}

func scalar(k reflect.Kind) bool { return k < reflect.Array || k == reflect.String }

// marshalsItself reports whether a type is written by a method that was not
// generated.
func marshalsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.NumMethod() > 0 && !p.Implements(reflect.TypeFor[generated]()) &&
		(p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]()))
}

// generated is what generated types have and no others.
type generated interface {
	AppendJSON([]byte) ([]byte, error)
	DecodeJSON([]byte) error
}
