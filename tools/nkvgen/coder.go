package main

import (
	"fmt"
	"go/types"
	"strings"
	"unicode"
)

const codecPath = "github.com/evenkv/nkv/pkg/codec"

// coder knows how one type is written, read, compared and copied: the names of
// functions that generated code calls or passes on.
type coder struct {
	write string // func([]byte, *T) ([]byte, error)
	read  string // func(*codec.Reader, *T) error
	equal string // func(a, b *T) bool
	copy  string // func(to, from *T)
	plain bool   // a copy by assignment shares no memory
	basic types.BasicInfo
	kind  types.BasicKind
	null  bool // it may be written as null
}

// coder returns how a type is handled, and generates the functions for it when it
// needs some. Where is what the type is of, for messages.
func (g *generator) coder(t types.Type, where place) *coder {
	key := types.TypeString(t, nil)
	if c, ok := g.coders[key]; ok {
		return c
	}
	c := &coder{}
	g.coders[key] = c // a type may contain itself
	where.typ = t
	g.resolve(c, types.Unalias(t), where)
	return c
}

func (g *generator) resolve(c *coder, t types.Type, where place) {
	if g.own(c, t, where) {
		return
	}
	switch t.Underlying().(type) {
	case *types.Slice, *types.Array, *types.Pointer, *types.Map: // it may contain itself
		c.write, c.read = g.funcName("append", t, "JSON"), g.funcName("decode", t, "JSON")
		c.equal, c.copy = g.funcName("equal", t, ""), g.funcName("copy", t, "")
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		g.basic(c, u, where)
	case *types.Struct:
		g.structCoder(c, t, u, where)
	case *types.Slice:
		g.slice(c, t, u, where)
	case *types.Array:
		elem := g.coder(u.Elem(), where.in("[]"))
		g.composite(c, t,
			fmt.Sprintf("return %s.AppendArray(dst, v[:], %s)", g.codec(), elem.write),
			fmt.Sprintf("return %s.Array(r, v[:], %s)", g.codec(), elem.read),
			fmt.Sprintf("return %s.EqualArray(a[:], b[:], %s)", g.codec(), elem.equal))
		c.plain, c.null = elem.plain, false
		if c.plain {
			c.copy = g.codec() + ".CopyPlain"
		}
	case *types.Pointer:
		elem := g.coder(u.Elem(), where.in("*"))
		equal := fmt.Sprintf("return %s.EqualPointer(a, b, %s)", g.codec(), elem.equal)
		if elem.null {
			equal = fmt.Sprintf("if *a == nil || *b == nil {\nreturn *a == *b || %s.EqualAppended(a, b, %s)\n}\nreturn %s(*a, *b)", g.codec(), g.funcName("append", t, "JSON"), elem.equal)
		}
		g.composite(c, t,
			fmt.Sprintf("return %s.AppendPointer(dst, *v, %s)", g.codec(), elem.write),
			fmt.Sprintf("return %s.Pointer(r, v, %s)", g.codec(), elem.read), equal)
		c.null = true
	case *types.Map:
		g.mapCoder(c, t, u, where)
	default:
		g.refuse(where, fmt.Sprintf("is a %s, which does not survive JSON; give the field a concrete type, or leave it out with the tag `json:\"-\"`", describe(t)))
	}
}

func describe(t types.Type) string {
	switch t.Underlying().(type) {
	case *types.Interface:
		return "interface"
	case *types.Signature:
		return "func"
	case *types.Chan:
		return "chan"
	}
	return t.String()
}

// basic is a boolean, a number or a text.
func (g *generator) basic(c *coder, u *types.Basic, where place) {
	codec := g.codec() + "."
	c.plain, c.basic, c.kind = true, u.Info(), u.Kind()
	c.copy = codec + "CopyPlain"
	c.equal = codec + "EqualScalar"
	switch {
	case u.Info()&types.IsBoolean != 0:
		c.write, c.read = codec+"WriteBool", codec+"Bool"
	case u.Info()&types.IsUnsigned != 0:
		c.write, c.read = codec+"WriteUint", codec+"Uint"
	case u.Info()&types.IsInteger != 0:
		c.write, c.read = codec+"WriteInt", codec+"Int"
	case u.Kind() == types.Float32:
		c.write, c.read, c.equal = codec+"WriteFloat32", codec+"Float", codec+"EqualFloat"
	case u.Kind() == types.Float64:
		c.write, c.read, c.equal = codec+"WriteFloat64", codec+"Float", codec+"EqualFloat"
	case u.Info()&types.IsString != 0:
		c.write, c.read, c.equal = codec+"WriteString", codec+"String", codec+"EqualString"
	default:
		g.refuse(where, fmt.Sprintf("is a %s, which does not survive JSON; give the field another type, or leave it out with the tag `json:\"-\"`", u))
	}
}

// slice is a list, or bytes.
func (g *generator) slice(c *coder, t types.Type, u *types.Slice, where place) {
	codec := g.codec() + "."
	c.null = true
	if b, ok := u.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Uint8 {
		if g.marshals(u.Elem()) { // encoding/json has its own rules for those
			g.hand(c, where)
			return
		}
		c.write, c.read, c.equal = codec+"WriteBytes", codec+"Bytes", codec+"EqualBytes"
		c.copy = g.copier(t)
		return
	}
	elem := g.coder(u.Elem(), where.in("[]"))
	g.composite(c, t,
		fmt.Sprintf("return %sAppendSlice(dst, *v, %s)", codec, elem.write),
		fmt.Sprintf("return %sSlice(r, v, %s)", codec, elem.read),
		fmt.Sprintf("return %sEqualSlice(a, b, %s)", codec, elem.equal))
	c.null = true
}

func (g *generator) mapCoder(c *coder, t types.Type, u *types.Map, where place) {
	codec := g.codec() + "."
	var name, key string
	valid := ""
	k := g.typeName(u.Key())
	basic, _ := u.Key().Underlying().(*types.Basic)
	text := g.has(u.Key(), "UnmarshalText")
	switch {
	case g.has(u.Key(), "UnmarshalJSON"), text != g.hasValue(u.Key(), "MarshalText"):
		g.hand(c, where)
		return
	case text:
		name, key = codec+"TextName["+k+"]", codec+"TextKey[*"+k+"]"
		valid = "text"
		if basic != nil && basic.Info()&types.IsString != 0 {
			name = codec + "StringName[" + k + "]"
		}
	case basic == nil || basic.Info()&(types.IsString|types.IsInteger) == 0:
		g.refuse(where, fmt.Sprintf("is a map with keys of %s, which JSON does not take; use strings or integers", k))
		return
	case basic.Info()&types.IsString != 0:
		name, key, valid = codec+"StringName["+k+"]", codec+"StringKey["+k+"]", "string"
	case basic.Info()&types.IsUnsigned != 0:
		name, key = codec+"UintName["+k+"]", codec+"UintKey["+k+"]"
	default:
		name, key = codec+"IntName["+k+"]", codec+"IntKey["+k+"]"
	}
	if found := g.pointerMarshaler(u.Elem()); found != nil {
		g.refuse(where, fmt.Sprintf("has values that hold %s, whose MarshalJSON or MarshalText has a pointer receiver: encoding/json does not call it for the values of a map; declare it on the value", g.typeName(found)))
		return
	}
	elem := g.coder(u.Elem(), where.in("{}"))
	of, write, read, same := "", elem.write, elem.read, elem.equal
	if elem.basic != 0 { // scalars go by value
		of = "Of"
		write, read, same = byValue(write, "Write", "Put"), byValue(read, ".", ".Read"), byValue(same, "Equal", "Same")
	}
	equal := fmt.Sprintf("return %sEqualMap%s(a, b, %s)", codec, of, same)
	switch valid {
	case "string": // names that are no UTF-8 may be the same in JSON
		equal = fmt.Sprintf("if %[1]sEqualMap%[4]s(a, b, %[2]s) {\nreturn %[1]sValidKeys(*a) || %[1]sEqualAppended(a, b, %[3]s)\n}\nreturn !(%[1]sValidKeys(*a) && %[1]sValidKeys(*b)) && %[1]sEqualAppended(a, b, %[3]s)",
			codec, same, g.funcName("append", t, "JSON"), of)
	case "text": // only what is written tells whether keys are the same
		equal = fmt.Sprintf("return %sEqualAppended(a, b, %s)", codec, g.funcName("append", t, "JSON"))
	}
	g.composite(c, t,
		fmt.Sprintf("return %sAppendMap%s(dst, *v, %s, %s)", codec, of, name, write),
		fmt.Sprintf("return %sMap%s(r, v, %s, %s)", codec, of, key, read), equal)
	c.null = true
}

// byValue is the name of a scalar's function that goes by value.
func byValue(name, from, to string) string { return strings.Replace(name, from, to, 1) }

// composite generates the four functions of a type that is made of another.
func (g *generator) composite(c *coder, t types.Type, write, read, equal string) {
	name := g.typeName(t)
	c.write = g.emit("append", t, "JSON", "dst []byte, v *"+name, "([]byte, error)", write)
	c.read = g.emit("decode", t, "JSON", "r *"+g.codec()+".Reader, v *"+name, "error", read)
	c.equal = g.emit("equal", t, "", "a, b *"+name, "bool", equal)
	c.copy = g.copier(t)
}

// emit adds a function to the file and returns its name. The coder of a type that
// contains itself knows the name before the function is there.
func (g *generator) emit(verb string, t types.Type, suffix, params, result, body string) string {
	name := g.funcName(verb, t, suffix)
	if !g.emitted[name] {
		g.emitted[name] = true
		g.functions = append(g.functions, fmt.Sprintf("func %s(%s) %s {\n%s\n}\n", name, params, result, body))
	}
	return name
}

// funcName is the name of a function for a type.
func (g *generator) funcName(verb string, t types.Type, suffix string) string {
	return verb + g.word(t) + suffix
}

// word is a type's part in the names of functions. Types whose words would be the
// same, such as []Foo and SliceFoo, are numbered.
func (g *generator) word(t types.Type) string {
	key := types.TypeString(t, nil)
	if w, ok := g.words[key]; ok {
		return w
	}
	w := title(words(types.TypeString(t, func(p *types.Package) string {
		if p == g.source.pkg.Types {
			return ""
		}
		return p.Name()
	})))
	unique := w
	for i := 2; g.taken[unique]; i++ {
		unique = fmt.Sprint(w, i)
	}
	g.words[key], g.taken[unique] = unique, true
	return unique
}

// words makes an identifier of a type's text: "map[string][]Foo" becomes
// "MapStringSliceFoo".
func words(text string) string {
	for _, r := range []struct{ from, to string }{
		{"map[", " map "}, {"[]", " slice "}, {"*", " pointer "}, {"[", " array "}, {"]", " "}, {".", " "},
	} {
		text = strings.ReplaceAll(text, r.from, r.to)
	}
	var b strings.Builder
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
		b.WriteString(title(w))
	}
	return b.String()
}

func title(w string) string {
	r := []rune(w)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}
