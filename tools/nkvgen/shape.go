package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/types"
	"reflect"
	"strings"

	"github.com/evenkv/nkv/pkg/codec"
)

// fingerprint is that of pkg/agent for a type without generated code, so that
// builds with and without it agree.
func fingerprint(t types.Type) string {
	w := shape{seen: map[string]bool{}}
	w.walk(t)
	sum := sha256.Sum256([]byte(w.text.String()))
	return hex.EncodeToString(sum[:8])
}

// shape writes what a type looks like in JSON, as pkg/agent/shape.go does.
type shape struct {
	text strings.Builder
	seen map[string]bool
}

// typeText is a type as reflect writes it.
func typeText(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string { return p.Name() })
}

func (w *shape) walk(t types.Type) {
	t = types.Unalias(t)
	_, isStruct := t.Underlying().(*types.Struct)
	if hasMethod(t, "MarshalJSON", true) && hasMethod(t, "UnmarshalJSON", true) && !hasMethod(t, "AppendJSON", true) ||
		hasMethod(t, "MarshalText", true) && hasMethod(t, "UnmarshalText", true) {
		fmt.Fprintf(&w.text, "%s;", typeText(t))
		return
	}
	_, named := t.(*types.Named)
	switch u := t.Underlying().(type) {
	case *types.Struct:
		w.fields(t, u)
		return
	case *types.Pointer, *types.Slice, *types.Array, *types.Map:
		if named && !isStruct && w.again(t) {
			return
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		w.text.WriteString("ptr[")
		w.walk(u.Elem())
	case *types.Slice:
		w.text.WriteString("slice[")
		w.walk(u.Elem())
	case *types.Array:
		fmt.Fprintf(&w.text, "array[%d:", u.Len())
		w.walk(u.Elem())
	case *types.Map:
		fmt.Fprintf(&w.text, "map[%s]", kindName(u.Key()))
		w.walk(u.Elem())
	default:
		fmt.Fprintf(&w.text, "%s;", kindName(t))
	}
}

func kindName(t types.Type) string {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return types.Typ[u.Kind()].Name() // not byte, but uint8
	case *types.Struct:
		return "struct"
	case *types.Array:
		return "array"
	case *types.Pointer:
		return "ptr"
	}
	return t.String()
}

func (w *shape) again(t types.Type) bool {
	name := types.TypeString(t, nil)
	if w.seen[name] {
		fmt.Fprintf(&w.text, "again %s;", typeText(t))
		return true
	}
	w.seen[name] = true
	return false
}

func (w *shape) fields(t types.Type, u *types.Struct) {
	if w.again(t) {
		return
	}
	w.text.WriteString("struct{")
	for i := range u.NumFields() {
		f := u.Field(i)
		tag := reflect.StructTag(u.Tag(i)).Get("json")
		if tag == "-" {
			continue
		}
		fmt.Fprintf(&w.text, "%s %q ", f.Name(), tag)
		w.walk(f.Type())
	}
	w.text.WriteString("}")
}

// foldName is a name as names in any case are compared.
func foldName(name string) string { return string(codec.Fold(nil, []byte(name))) }
