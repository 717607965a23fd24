package main

import (
	"fmt"
	"go/types"
	"strings"
)

// own handles the types that encode themselves, and those that have generated
// code; false: neither.
func (g *generator) own(c *coder, t types.Type, where place) bool {
	codec := g.codec() + "."
	c.null = true
	switch name := types.TypeString(t, nil); name {
	case "time.Time":
		c.write, c.read, c.equal, c.copy = codec+"WriteTime", codec+"Time", codec+"EqualTime", codec+"CopyPlain"
		c.plain, c.null = true, false
		return true
	case "net/netip.Addr", "net/netip.AddrPort", "net/netip.Prefix":
		c.write, c.read, c.copy = codec+"WriteText", codec+"Text", codec+"CopyPlain"
		c.equal = codec + "EqualComparable"
		c.plain, c.null = true, false
		if kind := strings.TrimPrefix(name, "net/netip."); kind != "AddrPort" {
			c.read = codec + kind
		}
		return true
	case "encoding/json.Number", "encoding/json.RawMessage":
		g.hand(c, where)
		return true
	}
	if g.generated(t) != nil || g.elsewhere(t) {
		c.null = false
		g.callGenerated(c, t)
		return true
	}
	if types.IsInterface(t) {
		return false
	}
	writes, reads := g.hasValue(t, "MarshalJSON"), g.has(t, "UnmarshalJSON")
	text := !g.has(t, "MarshalJSON") && g.hasValue(t, "MarshalText") && !reads && g.has(t, "UnmarshalText")
	_, pointer := t.(*types.Pointer)
	switch {
	case pointer || !g.marshals(t) && !g.unmarshals(t):
		return false
	case unnamedStruct(t):
		g.refuse(where, "is a struct without a name that has the methods of what it embeds, which write less than the struct; give what is embedded a name")
	case text:
		c.write, c.read, c.equal = codec+"WriteText", codec+"Text", codec+"EqualText"
		c.null = false
	case writes && reads:
		c.write, c.read, c.equal = codec+"WriteValue", codec+"Unmarshaler", codec+"EqualValue"
	default: // one way only, or by pointer
		g.hand(c, where)
	}
	c.copy, c.plain = g.copier(t), plainMemory(t, nil)
	return true
}

func unnamedStruct(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.Struct)
	return ok
}

// hand has encoding/json do a field, or an element.
func (g *generator) hand(c *coder, where place) {
	codec := g.codec() + "."
	c.write, c.read, c.equal, c.null = codec+"WriteValue", codec+"Value", codec+"EqualValue", true
	c.copy, c.plain = g.copier(where.typ), plainMemory(where.typ, nil)
	g.handed = append(g.handed, fmt.Sprintf("%s: %s is handed to encoding/json", where.pos, where))
}

// plainMemory reports whether a type has no pointers that a copy would share.
func plainMemory(t types.Type, seen []types.Type) bool {
	switch types.TypeString(t, nil) {
	case "time.Time", "net/netip.Addr", "net/netip.AddrPort", "net/netip.Prefix":
		return true // what they point to never changes
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer
	case *types.Array:
		return plainMemory(u.Elem(), seen)
	case *types.Struct:
		for i := range u.NumFields() {
			if !plainMemory(u.Field(i).Type(), seen) {
				return false
			}
		}
		return true
	}
	return false
}

// generated returns the struct that a type is, when code is being generated for
// it.
func (g *generator) generated(t types.Type) *structType {
	named, ok := t.(*types.Named)
	if !ok {
		return nil
	}
	for _, s := range g.all {
		for _, st := range s.structs {
			if types.TypeString(st.named, nil) == types.TypeString(named, nil) {
				return st
			}
		}
	}
	return nil
}

// elsewhere reports whether a type of a package that is not generated now has
// generated code.
func (g *generator) elsewhere(t types.Type) bool {
	_, ok := t.(*types.Named)
	return ok && g.has(t, "AppendJSON") && g.has(t, "DecodeJSON") && g.hasValue(t, "DeepCopy")
}

// callGenerated calls the functions of a struct in this package, or the methods of
// one in another.
func (g *generator) callGenerated(c *coder, t types.Type) {
	name := g.typeName(t)
	named := t.(*types.Named)
	if st := g.generated(t); st != nil && named.Obj().Pkg() == g.source.pkg.Types {
		c.write, c.read = g.funcName("append", t, "JSON"), g.funcName("decode", t, "JSON")
		c.equal, c.copy = g.funcName("equal", t, ""), g.funcName("copy", t, "")
		c.plain = plainMemory(t, nil)
		return
	}
	codec := g.codec() + "."
	c.write = g.emit("append", t, "JSON", "dst []byte, v *"+name, "([]byte, error)", "return v.AppendJSON(dst)")
	c.read = codec + "Unmarshaler"
	c.equal = g.emit("equal", t, "", "a, b *"+name, "bool", "return a.Equal(*b)")
	c.copy = g.emit("copy", t, "", "to, from *"+name, "", "*to = from.DeepCopy()")
	if c.plain = plainMemory(t, nil); c.plain {
		c.copy = codec + "CopyPlain"
	}
}

// has reports whether a variable of a type has a method; hasValue whether any value
// has.
func (g *generator) has(t types.Type, method string) bool { return hasMethod(t, method, true) }

func (g *generator) hasValue(t types.Type, method string) bool { return hasMethod(t, method, false) }

func hasMethod(t types.Type, method string, addressable bool) bool {
	if _, pointer := t.(*types.Pointer); addressable && !pointer && !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		if f, ok := set.At(i).Obj().(*types.Func); ok && f.Name() == method && f.Exported() {
			return true
		}
	}
	return false
}

func (g *generator) marshals(t types.Type) bool {
	return g.has(t, "MarshalJSON") || g.has(t, "MarshalText")
}

func (g *generator) unmarshals(t types.Type) bool {
	return g.has(t, "UnmarshalJSON") || g.has(t, "UnmarshalText")
}

// pointerMarshaler returns the type, of those that a value holds in itself, that
// marshals itself only where it has an address; nil: there is none.
func (g *generator) pointerMarshaler(t types.Type) types.Type {
	if g.generated(t) == nil && !g.elsewhere(t) {
		if g.hasValue(t, "MarshalJSON") || g.hasValue(t, "MarshalText") && !g.has(t, "MarshalJSON") {
			return nil
		}
		if g.marshals(t) {
			return t
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Array:
		return g.pointerMarshaler(u.Elem())
	case *types.Struct:
		for i := range u.NumFields() {
			if leftOut(u.Tag(i)) {
				continue
			}
			if found := g.pointerMarshaler(u.Field(i).Type()); found != nil {
				return found
			}
		}
	}
	return nil
}
