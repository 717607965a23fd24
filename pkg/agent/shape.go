package agent

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// shape is what a type looks like in JSON, in short. Two builds whose shapes
// differ can still share a table: unknown fields are ignored, missing ones zero.
type shape struct{ fingerprint string }

// shapeOf walks a type. A field that would not survive a JSON round trip is
// ErrType.
func shapeOf(t reflect.Type) (shape, error) {
	if g, ok := reflect.New(t).Interface().(generated); ok {
		return shape{g.Fingerprint()}, nil // nkvgen has looked at the fields
	}
	w := walker{seen: map[reflect.Type]bool{}}
	if err := w.walk(t, t.String()); err != nil {
		return shape{}, err
	}
	sum := sha256.Sum256([]byte(w.text.String()))
	return shape{hex.EncodeToString(sum[:8])}, nil
}

// walker writes a type's shape.
type walker struct {
	text strings.Builder
	seen map[reflect.Type]bool
}

func (w *walker) walk(t reflect.Type, at string) error {
	if marshals(t) && !hasGenerated(t) {
		fmt.Fprintf(&w.text, "%s;", t)
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.fields(t, at)
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		if t.Name() != "" && w.again(t) {
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		fmt.Fprintf(&w.text, "%s[", t.Kind())
		if t.Kind() == reflect.Array {
			fmt.Fprintf(&w.text, "%d:", t.Len())
		}
		return w.walk(t.Elem(), at)
	case reflect.Map:
		if err := mapKey(t.Key(), at); err != nil {
			return err
		}
		fmt.Fprintf(&w.text, "map[%s]", t.Key().Kind())
		return w.walk(t.Elem(), at)
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%w: %s is a %s (%s), which does not survive JSON; give the field a concrete type, or leave it out with the tag `json:\"-\"`", ErrType, at, t.Kind(), t)
	}
	fmt.Fprintf(&w.text, "%s;", t.Kind())
	return nil
}

// again reports whether a type was walked before: a type may contain itself.
func (w *walker) again(t reflect.Type) bool {
	if w.seen[t] {
		fmt.Fprintf(&w.text, "again %s;", t)
		return true
	}
	w.seen[t] = true
	return false
}

func (w *walker) fields(t reflect.Type, at string) error {
	if w.again(t) {
		return nil
	}
	w.text.WriteString("struct{")
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		// JSON sets the exported fields of an embedded struct, but it can't make
		// one that a pointer of an unexported type is to point to.
		embedded := f.Anonymous && f.Type.Kind() == reflect.Struct
		switch {
		case tag == "-":
			continue
		case !f.IsExported() && !embedded:
			return fmt.Errorf("%w: %s.%s is not exported, so JSON leaves it out; export it, or leave it out with the tag `json:\"-\"`", ErrType, at, f.Name)
		}
		fmt.Fprintf(&w.text, "%s %q ", f.Name, tag)
		if err := w.walk(f.Type, at+"."+f.Name); err != nil {
			return err
		}
	}
	w.text.WriteString("}")
	return nil
}

// hasGenerated reports whether a type has generated code, which writes what its
// fields say.
func hasGenerated(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[generated]())
}

// marshals reports whether a type writes and reads itself.
func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Interface {
		return false
	}
	return p.Implements(reflect.TypeFor[json.Marshaler]()) && p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func mapKey(t reflect.Type, at string) error {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return nil
	}
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return fmt.Errorf("%w: %s is a map with keys of %s, which JSON does not take; use strings or integers", ErrType, at, t)
}
