package main

import (
	"bytes"
	"fmt"
	"go/types"
	"strconv"
	"strings"
	"unicode/utf8"
)

// methods writes the methods of a struct with a directive.
func (g *generator) methods(out *bytes.Buffer, st *structType) {
	write, read := g.funcName("append", st.named, "JSON"), g.funcName("decode", st.named, "JSON")
	fmt.Fprintf(out, `// AppendJSON appends v as JSON.
func (v *%[1]s) AppendJSON(dst []byte) ([]byte, error) { %[8]sreturn %[2]s(dst, v) }

// DecodeJSON sets v from JSON. After an error v is of no use.
func (v *%[1]s) DecodeJSON(src []byte) error { return %[6]s.Decode(src, v, %[3]s) }

// MarshalJSON returns v as JSON.
func (v %[1]s) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil) }

// UnmarshalJSON sets v from JSON. After an error v is of no use.
func (v *%[1]s) UnmarshalJSON(src []byte) error { return %[6]s.Decode(src, v, %[3]s) }

// Equal reports whether v and o are the same in JSON.
func (v %[1]s) Equal(o %[1]s) bool { return %[9]s%[4]s(&v, &o) }

// DeepCopy returns a copy that shares no memory with v.
func (v %[1]s) DeepCopy() (c %[1]s) {
	%[5]s(&c, &v)
	return c
}

// Fingerprint tells shapes of the type apart.
func (%[1]s) Fingerprint() string { return %[7]q }

`, st.name, write, read, g.funcName("equal", st.named, ""), g.funcName("copy", st.named, ""), g.codec(), fingerprint(st.named), g.depthCheck(st), g.depthGuard(st))
}

// depthCheck refuses values of a type that contains itself when they are nested
// without end.
func (g *generator) depthCheck(st *structType) string {
	if !recursive(st.named, nil) {
		return ""
	}
	return fmt.Sprintf("\nif err := %s.CheckDepth(v); err != nil {\nreturn dst, err\n}\n", g.codec())
}

// depthGuard makes such values equal nothing: they can't be encoded.
func (g *generator) depthGuard(st *structType) string {
	if !recursive(st.named, nil) {
		return ""
	}
	return g.codec() + ".CheckDepth(&v) == nil && "
}

// recursive reports whether a type contains one that contains itself.
func recursive(t types.Type, path []types.Type) bool {
	for _, p := range path {
		if types.Identical(p, t) {
			return true
		}
	}
	if _, named := t.(*types.Named); named {
		path = append(path, t)
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return recursive(u.Elem(), path)
	case *types.Slice:
		return recursive(u.Elem(), path)
	case *types.Array:
		return recursive(u.Elem(), path)
	case *types.Map:
		return recursive(u.Elem(), path)
	case *types.Struct:
		for i := range u.NumFields() {
			if recursive(u.Field(i).Type(), path) {
				return true
			}
		}
	}
	return false
}

// structCoder generates the functions of a struct.
func (g *generator) structCoder(c *coder, t types.Type, u *types.Struct, where place) {
	g.checkFields(t, u, where)
	fields := fieldsOf(u, t)
	name := g.typeName(t)
	g.emit("append", t, "JSON", "dst []byte, v *"+name, "([]byte, error)", g.appendBody(fields, where))
	g.emit("decode", t, "JSON", "r *"+g.codec()+".Reader, v *"+name, "error",
		fmt.Sprintf("return %s.Object(r, v, %s, %s)", g.codec(), g.funcName("decode", t, "Member"), g.funcName("fold", t, "Name")))
	g.emit("decode", t, "Member", "r *"+g.codec()+".Reader, v *"+name+", name []byte", "(known bool, err error)", g.memberBody(fields, where))
	g.emit("fold", t, "Name", "name []byte", "[]byte", g.foldBody(fields))
	g.emit("equal", t, "", "a, b *"+name, "bool", g.equalBody(fields, where))
	g.emit("copy", t, "", "to, from *"+name, "", g.copyFields(u))
	c.write, c.read = g.funcName("append", t, "JSON"), g.funcName("decode", t, "JSON")
	c.equal, c.copy = g.funcName("equal", t, ""), g.funcName("copy", t, "")
	c.plain, c.null = plainMemory(t, nil), false
	if c.plain && g.generated(t) == nil {
		c.copy = g.codec() + ".CopyPlain"
	}
}

// checkFields refuses what would not survive.
func (g *generator) checkFields(t types.Type, u *types.Struct, where place) {
	for _, m := range []string{"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"} {
		if obj, _, _ := types.LookupFieldOrMethod(t, true, nil, m); obj != nil && g.generated(t) != nil && !g.fromGenerated(obj) {
			g.refuse(where, fmt.Sprintf("has a method %s of its own; remove the method or the directive", m))
		}
	}
	for _, name := range []string{"AppendJSON", "DecodeJSON", "Equal", "DeepCopy", "Fingerprint"} {
		if obj, index, _ := types.LookupFieldOrMethod(t, true, g.source.pkg.Types, name); obj != nil && len(index) == 1 && g.generated(t) != nil {
			g.refuse(where, fmt.Sprintf("has %s already, which is generated; give it another name", name))
		}
	}
	for i := range u.NumFields() {
		f := u.Field(i)
		at := place{pos: g.source.pkg.Fset.Position(f.Pos()), text: where.text + "." + f.Name()}
		under := f.Type()
		p, pointer := under.(*types.Pointer)
		if pointer {
			under = p.Elem()
		}
		inner, isStruct := under.Underlying().(*types.Struct)
		switch {
		case leftOut(u.Tag(i)):
		case f.Embedded() && !f.Exported() && pointer && isStruct:
			g.refuse(at, "embeds a pointer to a struct that is not exported, which JSON can't set; embed the struct itself, or export it")
		case !f.Exported() && !(f.Embedded() && isStruct):
			g.refuse(at, "is not exported, so JSON leaves it out; export it, or leave it out with the tag `json:\"-\"`")
		case f.Embedded() && isStruct && g.generated(under) == nil && !g.elsewhere(under) && !g.marshals(under) && !g.isChecked(under):
			g.checkFields(under, inner, at)
		}
	}
}

// isChecked reports whether the fields of an embedded struct were looked at, and
// remembers that they are: it may embed itself.
func (g *generator) isChecked(t types.Type) bool {
	key := types.TypeString(t, nil)
	was := g.checked[key]
	g.checked[key] = true
	return was
}

// fromGenerated reports whether a promoted method is one that was generated.
func (g *generator) fromGenerated(obj types.Object) bool {
	f, ok := obj.(*types.Func)
	if !ok {
		return false
	}
	recv := f.Signature().Recv().Type()
	if p, ok := recv.(*types.Pointer); ok {
		recv = p.Elem()
	}
	return g.generated(recv) == nil && g.elsewhere(recv) // what is generated now was left out
}

// selector is a field's Go expression; guard the condition that the embedded
// pointers before it are not nil; empty: there are none.
func (f *field) selector(v string) (expr, guard string) {
	var guards []string
	for i, s := range f.path {
		v += "." + s.name
		if s.pointer != nil && i < len(f.path)-1 {
			guards = append(guards, v+" != nil")
		}
	}
	return v, strings.Join(guards, " && ")
}

// present is the condition under which a field is written; empty: always.
func (g *generator) present(f *field, v string) string {
	expr, cond := f.selector(v)
	add := func(c string) {
		if cond != "" && c != "" {
			cond += " && "
		}
		cond += c
	}
	if f.omitEmpty {
		add(g.notEmpty(f.typ, expr))
	}
	if zero := g.notZero(f.typ, expr); f.omitZero && !(f.omitEmpty && zero == g.notEmpty(f.typ, expr)) {
		add(zero)
	}
	return cond
}

func (g *generator) notEmpty(t types.Type, expr string) string {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return "len(" + expr + ") != 0"
		case u.Info()&types.IsBoolean != 0:
			return "bool(" + expr + ")"
		case u.Info()&types.IsFloat != 0:
			return g.codec() + ".NonZero(" + expr + ")"
		}
		return expr + " != 0"
	case *types.Slice, *types.Map, *types.Array:
		return "len(" + expr + ") != 0"
	case *types.Pointer:
		return expr + " != nil"
	}
	return ""
}

func (g *generator) notZero(t types.Type, expr string) string {
	if g.has(t, "IsZero") {
		obj, _, _ := types.LookupFieldOrMethod(t, true, nil, "IsZero")
		if f, ok := obj.(*types.Func); ok && f.Signature().Params().Len() == 0 && f.Signature().Results().Len() == 1 && f.Signature().Results().At(0).Type() == types.Typ[types.Bool] {
			if _, pointer := t.Underlying().(*types.Pointer); pointer {
				return expr + " != nil && !" + expr + ".IsZero()"
			}
			return "!" + expr + ".IsZero()"
		}
	}
	switch t.Underlying().(type) {
	case *types.Basic:
		return g.notEmpty(t, expr)
	case *types.Slice, *types.Map, *types.Pointer:
		return expr + " != nil"
	}
	return "!" + g.codec() + ".IsZero(&" + expr + ")"
}

func (g *generator) fieldCoder(f *field, where place) *coder {
	at := place{pos: g.source.pkg.Fset.Position(f.v.Pos()), text: where.text + "." + f.v.Name()}
	if f.quoted {
		key := types.TypeString(f.typ, nil) + ",string"
		c, ok := g.coders[key]
		if !ok {
			plain := g.coder(f.typ, at)
			codec := g.codec() + "."
			c = &coder{write: codec + "AppendQuoted", read: codec + "Quoted", equal: plain.equal, copy: plain.copy, plain: plain.plain, null: plain.null}
			g.coders[key] = c
		}
		g.handed = append(g.handed, fmt.Sprintf("%s: %s is handed to encoding/json for its option \"string\"", at.pos, at))
		return c
	}
	return g.coder(f.typ, at)
}

func (g *generator) appendBody(fields []field, where place) string {
	var b strings.Builder
	if len(fields) == 0 {
		return "return append(dst, \"{}\"...), nil"
	}
	fixed := g.present(&fields[0], "v") == ""
	if !fixed {
		b.WriteString("start := len(dst)\n")
	}
	var body strings.Builder
	for i := range fields {
		f := &fields[i]
		open := ","
		if i == 0 && fixed {
			open = "{"
		}
		g.appendField(&body, f, open+string(quoteName(f.name))+":", where)
	}
	if strings.Contains(body.String(), "err = ") {
		b.WriteString("var err error\n")
	}
	b.WriteString(body.String())
	if fixed {
		b.WriteString("return append(dst, '}'), nil")
	} else {
		fmt.Fprintf(&b, "return %s.CloseObject(dst, start), nil", g.codec())
	}
	return b.String()
}

func (g *generator) appendField(b *strings.Builder, f *field, name string, where place) {
	c := g.fieldCoder(f, where)
	expr, _ := f.selector("v")
	cond := g.present(f, "v")
	if cond != "" {
		fmt.Fprintf(b, "if %s {\n", cond)
	}
	fmt.Fprintf(b, "dst = append(dst, %s...)\n", literal(name))
	strconvName := func() string { return g.use("strconv", "strconv") }
	switch {
	case f.quoted || c.basic == 0:
		fmt.Fprintf(b, "if dst, err = %s(dst, &%s); err != nil {\nreturn dst, err\n}\n", c.write, expr)
	case c.basic&types.IsString != 0:
		fmt.Fprintf(b, "dst = %s.AppendString(dst, %s)\n", g.codec(), convert(f.typ, "string", expr))
	case c.basic&types.IsBoolean != 0:
		fmt.Fprintf(b, "dst = %s.AppendBool(dst, %s)\n", strconvName(), convert(f.typ, "bool", expr))
	case c.basic&types.IsUnsigned != 0:
		fmt.Fprintf(b, "dst = %s.AppendUint(dst, %s, 10)\n", strconvName(), convert(f.typ, "uint64", expr))
	case c.basic&types.IsInteger != 0:
		fmt.Fprintf(b, "dst = %s.AppendInt(dst, %s, 10)\n", strconvName(), convert(f.typ, "int64", expr))
	default:
		bits := 64
		if c.kind == types.Float32 {
			bits = 32
		}
		fmt.Fprintf(b, "if dst, err = %s.AppendFloat(dst, %s, %d); err != nil {\nreturn dst, err\n}\n", g.codec(), convert(f.typ, "float64", expr), bits)
	}
	if cond != "" {
		b.WriteString("}\n")
	}
}

// convert converts an expression where it is of another type.
func convert(t types.Type, to, expr string) string {
	if types.TypeString(t, nil) == to {
		return expr
	}
	return to + "(" + expr + ")"
}

// quoteName is a field's name in JSON, with HTML escaped as encoding/json does.
func quoteName(name string) []byte {
	out := []byte{'"'}
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch r {
		case '<', '>', '&':
			out = fmt.Appendf(out, `\u%04x`, r)
		case '\u2028', '\u2029':
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = append(out, name[i:i+size]...)
		}
		i += size
	}
	return append(out, '"')
}

// literal is a Go string literal, raw where that is readable.
func literal(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

func (g *generator) memberBody(fields []field, where place) string {
	var b strings.Builder
	if len(fields) == 0 {
		return "return false, nil"
	}
	b.WriteString("switch string(name) {\n")
	for i := range fields {
		f := &fields[i]
		c := g.fieldCoder(f, where)
		fmt.Fprintf(&b, "case %q:\n", f.name)
		v := "v"
		for j, s := range f.path[:len(f.path)-1] {
			v += "." + s.name
			if s.pointer != nil && j < len(f.path)-1 {
				fmt.Fprintf(&b, "if %[1]s == nil {\n%[1]s = new(%[2]s)\n}\n", v, g.typeName(s.pointer.Elem()))
			}
		}
		expr, _ := f.selector("v")
		fmt.Fprintf(&b, "return true, %s(r, &%s)\n", c.read, expr)
	}
	b.WriteString("}\nreturn false, nil")
	return b.String()
}

func (g *generator) foldBody(fields []field) string {
	var b strings.Builder
	seen := map[string]bool{}
	for i := range fields {
		folded := foldName(fields[i].name)
		if seen[folded] {
			continue // the first one is taken
		}
		if len(seen) == 0 {
			fmt.Fprintf(&b, "var buffer [64]byte\nswitch string(%s.Fold(buffer[:0], name)) {\n", g.codec())
		}
		seen[folded] = true
		fmt.Fprintf(&b, "case %q:\nreturn []byte(%q)\n", folded, fields[i].name)
	}
	if len(seen) > 0 {
		b.WriteString("}\n")
	}
	b.WriteString("return nil")
	return b.String()
}

func (g *generator) equalBody(fields []field, where place) string {
	var always, sometimes strings.Builder
	for i := range fields {
		f := &fields[i]
		c := g.fieldCoder(f, where)
		x, _ := f.selector("a")
		y, _ := f.selector("b")
		equal := fmt.Sprintf("%s(&%s, &%s)", c.equal, x, y)
		differ := "!" + equal
		if c.basic&(types.IsBoolean|types.IsInteger) != 0 && !f.quoted {
			differ = x + " != " + y
			equal = x + " == " + y
		}
		if cond := g.present(f, "a"); cond != "" {
			fmt.Fprintf(&sometimes, "if x, y := %s, %s; x != y || x && !(%s) {\nreturn false\n}\n", cond, g.present(f, "b"), equal)
			continue
		}
		if always.Len() > 0 {
			always.WriteString(",\n")
		}
		always.WriteString(differ)
	}
	var b strings.Builder
	if always.Len() > 0 {
		fmt.Fprintf(&b, "switch {\ncase %s:\nreturn false\n}\n", always.String())
	}
	b.WriteString(sometimes.String())
	b.WriteString("return true")
	return b.String()
}
