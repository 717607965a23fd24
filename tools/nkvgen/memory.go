package main

import (
	"fmt"
	"go/types"
	"strings"
)

// copier returns the name of a function that copies a type, and generates it when
// it needs one. A copy is made in memory, whatever methods the type has; only what
// can't be seen from here is copied through its JSON.
func (g *generator) copier(t types.Type) string {
	t = types.Unalias(t)
	codec := g.codec() + "."
	if plainMemory(t, nil) {
		return codec + "CopyPlain"
	}
	if st := g.generated(t); st != nil && st.named.Obj().Pkg() == g.source.pkg.Types {
		return g.funcName("copy", t, "")
	}
	if g.elsewhere(t) || g.generated(t) != nil {
		return g.emit("copy", t, "", "to, from *"+g.typeName(t), "", "*to = from.DeepCopy()")
	}
	if _, ok := t.Underlying().(*types.Struct); ok && !g.visible(t, nil) {
		return codec + "CopyValue"
	}
	name := g.funcName("copy", t, "")
	if g.emitted[name] {
		return name // a type may contain itself
	}
	g.emitted[name] = true
	g.functions = append(g.functions, fmt.Sprintf("func %s(to, from *%s) {\n%s\n}\n", name, g.typeName(t), g.copying(t)))
	return name
}

// copying is the body of the function that copies a type.
func (g *generator) copying(t types.Type) string {
	codec := g.codec() + "."
	switch u := t.Underlying().(type) {
	case *types.Slice:
		if plainMemory(u.Elem(), nil) {
			return fmt.Sprintf("*to = %sCloneSlice(*from)", codec)
		}
		return fmt.Sprintf("*to = %sCopySlice(*from, %s)", codec, g.copier(u.Elem()))
	case *types.Map:
		if plainMemory(u.Elem(), nil) {
			return fmt.Sprintf("*to = %sCloneMap(*from)", codec)
		}
		return fmt.Sprintf("*to = %sCopyMap(*from, %s)", codec, g.copier(u.Elem()))
	case *types.Pointer:
		return fmt.Sprintf("*to = %sCopyPointer(*from, %s)", codec, g.copier(u.Elem()))
	case *types.Array:
		return fmt.Sprintf("for i := range from {\n%s(&to[i], &from[i])\n}", g.copier(u.Elem()))
	case *types.Struct:
		return g.copyFields(u)
	}
	return "*to = *from"
}

// copyFields copies a struct: all of it by assignment, then what that shares.
func (g *generator) copyFields(u *types.Struct) string {
	var b strings.Builder
	b.WriteString("*to = *from\n")
	for i := range u.NumFields() {
		f := u.Field(i)
		if plainMemory(f.Type(), nil) || f.Name() == "_" {
			continue
		}
		if leftOut(u.Tag(i)) && recursive(f.Type(), nil) {
			fmt.Fprintf(&b, "to.%s = %s // not in JSON; it may lead back here\n", f.Name(), g.zero(f.Type()))
			continue
		}
		if leftOut(u.Tag(i)) && !g.visible(f.Type(), nil) {
			continue // an interface, a func or a channel that JSON leaves out is shared
		}
		fmt.Fprintf(&b, "%s(&to.%s, &from.%s)\n", g.copier(f.Type()), f.Name(), f.Name())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// zero is the zero value of a type that refers to something.
func (g *generator) zero(t types.Type) string {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return "nil"
	}
	return "*new(" + g.typeName(t) + ")"
}

// visible reports whether all memory of a type can be copied by code of this
// package.
func (g *generator) visible(t types.Type, seen []types.Type) bool {
	for _, s := range seen {
		if types.Identical(s, t) {
			return true
		}
	}
	seen = append(seen, t)
	if plainMemory(t, nil) || g.generated(t) != nil || g.elsewhere(t) {
		return true
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return g.visible(u.Elem(), seen)
	case *types.Slice:
		return g.visible(u.Elem(), seen)
	case *types.Array:
		return g.visible(u.Elem(), seen)
	case *types.Map:
		return plainMemory(u.Key(), nil) && g.visible(u.Elem(), seen)
	case *types.Struct:
		for i := range u.NumFields() {
			f := u.Field(i)
			if !f.Exported() && f.Pkg() != g.source.pkg.Types || !g.visible(f.Type(), seen) {
				return false
			}
		}
		return true
	}
	return false
}
