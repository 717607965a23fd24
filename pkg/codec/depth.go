package codec

import (
	"errors"
	"fmt"
	"reflect"
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

// within reports whether a value has at most so many levels. A chain of pointers is
// no level, but must end.
func within(v reflect.Value, levels int) bool {
	if levels < 0 {
		return false
	}
	for range maxDepth {
		if v.Kind() != reflect.Pointer {
			break
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return false
	case reflect.Struct:
		for i := range v.NumField() {
			if !within(v.Field(i), levels-1) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !within(v.Index(i), levels-1) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !within(it.Value(), levels-1) {
				return false
			}
		}
	}
	return true
}
