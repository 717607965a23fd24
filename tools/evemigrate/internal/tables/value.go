package tables

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
	"unicode/utf8"
)

// value is what is known of an option.
type value struct {
	known bool
	text  string // the text, the type's name, "true" or "false"; not known: the expression
}

// String is the value, or ? with the expression.
func (v value) String() string {
	if v.known {
		return v.text
	}
	return "?(" + v.text + ")"
}

// maxExpression is how much of an expression is shown, in bytes.
const maxExpression = 60

func unknown(x ast.Expr) value {
	text := types.ExprString(x)
	if len(text) > maxExpression {
		for text = text[:maxExpression]; !utf8.ValidString(text); text = text[:len(text)-1] {
		}
		text += "..."
	}
	return value{text: text}
}

// text evaluates a text.
func (e *eval) text(p place, path ...string) value {
	c, at := e.constant(p, path)
	if c == nil || c.Kind() != constant.String {
		return unknown(at)
	}
	return value{true, constant.StringVal(c)}
}

// flag evaluates a bool.
func (e *eval) flag(p place, path ...string) value {
	c, at := e.constant(p, path)
	switch {
	case c != nil && c.Kind() == constant.Bool:
		return value{true, fmt.Sprint(constant.BoolVal(c))}
	case c != nil && c.Kind() == constant.String && constant.StringVal(c) == "": // a zero value of unknown type
		return value{true, "false"}
	}
	return unknown(at)
}

// constant evaluates a text, a bool or a number; nil: unknown, because of the
// expression that comes with it.
func (e *eval) constant(p place, path []string) (constant.Value, ast.Expr) {
	from := e.origin(p, path, func(p place) bool { return literalValue(p) != nil })
	switch {
	case from.zero:
		return constant.MakeString(""), from.expr
	case from.stuck:
		return nil, from.expr
	}
	if v := literalValue(from); v != nil {
		return v, from.expr
	}
	switch x := from.expr.(type) {
	case *ast.BinaryExpr:
		a, _ := e.constant(from.move(x.X), nil)
		b, _ := e.constant(from.move(x.Y), nil)
		if x.Op == token.ADD && a != nil && b != nil && a.Kind() == constant.String && b.Kind() == constant.String {
			return constant.BinaryOp(a, x.Op, b), x
		}
	case *ast.UnaryExpr:
		if a, _ := e.constant(from.move(x.X), nil); x.Op == token.NOT && a != nil && a.Kind() == constant.Bool {
			return constant.UnaryOp(x.Op, a, 0), x
		}
	}
	return nil, from.expr
}

// literalValue is the value of a constant, also in source that is not type-checked.
func literalValue(p place) constant.Value {
	if v := p.info().Types[p.expr].Value; v != nil {
		return v
	}
	switch x := p.expr.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(x.Value, x.Kind, 0)
	case *ast.Ident:
		if c, ok := p.info().Uses[x].(*types.Const); ok && c.Val().Kind() != constant.Unknown {
			return c.Val()
		}
	}
	return nil
}

// topic evaluates the name of the type of a value, as the library makes it: what
// follows the last point of its Go name.
func (e *eval) topic(p place, path ...string) value {
	from := e.origin(p, path, func(p place) bool { return e.concrete(p) != nil })
	if t := e.concrete(from); t != nil && !from.zero && !from.stuck {
		name := types.TypeString(t, func(p *types.Package) string { return p.Name() })
		return value{true, name[strings.LastIndexByte(name, '.')+1:]}
	}
	if lit, ok := from.expr.(*ast.CompositeLit); ok && !from.zero && !from.stuck && lit.Type != nil {
		if name := calleeName(lit.Type); name != nil {
			return value{true, name.Name}
		}
	}
	return unknown(from.expr)
}

// concrete returns the type of a place's value when it can be no other; else nil.
func (e *eval) concrete(p place) types.Type {
	t := p.typ()
	if t == nil || p.result >= 0 {
		return nil
	}
	for {
		pointer, ok := types.Unalias(t).(*types.Pointer)
		if !ok {
			break
		}
		t = pointer.Elem()
	}
	t = types.Unalias(t)
	if param, ok := t.(*types.TypeParam); ok {
		return e.typeArgument(param, p.at)
	}
	if types.IsInterface(t) || t == types.Typ[types.Invalid] || t == types.Typ[types.UntypedNil] || t.String() == "reflect.Value" {
		return nil
	}
	if _, ok := t.(*types.Tuple); ok {
		return nil
	}
	return t
}

// typeArgument returns what stands for a function's type parameter in frame f.
func (e *eval) typeArgument(param *types.TypeParam, f *frame) types.Type {
	for ; f.fn.node != nil; f = e.lexical(f) {
		if _, literal := f.fn.node.(*ast.FuncLit); !literal {
			break
		}
	}
	call, up := e.caller(f)
	if call == nil {
		return nil
	}
	args := up.fn.unit.info.Instances[calleeName(call.Fun)].TypeArgs
	if param.Index() >= args.Len() {
		return nil
	}
	t := args.At(param.Index())
	if outer, ok := t.(*types.TypeParam); ok {
		if up.depth > maxDepth {
			return nil
		}
		return e.typeArgument(outer, up)
	}
	return t
}
