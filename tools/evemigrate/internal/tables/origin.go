package tables

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// place is an expression, and the frame it stands in.
type place struct {
	expr   ast.Expr
	at     *frame
	result int  // which result of a call with several; -1: the only one
	zero   bool // the zero value; expr is where that shows
	stuck  bool // it can't be followed further
}

func (p place) typ() types.Type {
	if p.zero {
		return nil
	}
	return p.info().TypeOf(p.expr)
}

func (p place) info() *types.Info { return p.at.fn.unit.info }

func (p place) stop() place {
	p.stuck = true
	return p
}

func (p place) move(to ast.Expr) place {
	return place{expr: to, at: p.at, result: -1}
}

// origin follows a value, or the field of it that path names, to where it is
// written down, or until enough says so. What it returns is a literal, an operation,
// a zero value, or the place where it got stuck.
func (e *eval) origin(p place, path []string, enough func(place) bool) place {
	for {
		e.steps++
		if p.zero || p.stuck || e.dead || len(path) == 0 && enough(p) {
			return p
		}
		if e.steps > maxSteps || p.at.depth > 2*maxDepth {
			return p.stop()
		}
		next, rest, moved := e.step(p, path, enough)
		if !moved {
			if len(rest) > 0 && !next.zero {
				next = next.stop()
			}
			return next
		}
		p, path = next, rest
	}
}

// step goes back one step. It reports false when the place is the last.
func (e *eval) step(p place, path []string, enough func(place) bool) (place, []string, bool) {
	switch x := p.expr.(type) {
	case *ast.ParenExpr:
		return p.move(x.X), path, true
	case *ast.StarExpr:
		return p.move(x.X), path, true
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return p.move(x.X), path, true
		}
	case *ast.TypeAssertExpr:
		return p.move(x.X), path, true
	case *ast.Ident:
		return e.name(p, x, path)
	case *ast.SelectorExpr:
		return e.selector(p, x, path, enough)
	case *ast.CompositeLit:
		if len(path) > 0 {
			return e.member(p, x, path)
		}
	case *ast.IndexExpr:
		return e.element(p, x, path)
	case *ast.CallExpr:
		return e.result(p, x, path)
	}
	return p, path, false
}

// name follows an identifier.
func (e *eval) name(p place, id *ast.Ident, path []string) (place, []string, bool) {
	v, ok := p.info().ObjectOf(id).(*types.Var)
	if !ok {
		return p.stop(), path, false
	}
	return e.variable(p, v, id.Pos(), path)
}

// variable follows a variable as it is at pos.
func (e *eval) variable(p place, v *types.Var, pos token.Pos, path []string) (place, []string, bool) {
	owner := e.owner[v.Pos()]
	if owner == nil {
		return p.stop(), path, false
	}
	f := e.of(owner, p.at)
	var defs []*def
	for _, d := range e.defs[v.Pos()] {
		if e.relevant(d, path, 0) {
			defs = append(defs, d)
		}
	}
	if owner.node != nil {
		defs = e.reaching(defs, p.at.fn, pos)
	} else {
		defs = written(defs)
	}
	if len(defs) == 0 {
		return p.stop(), path, false
	}
	d := defs[e.pick(choiceKey{f, pos, strings.Join(path, ".") + v.Name()}, len(defs))]
	if owner.node != nil && d.kind != given {
		for _, other := range e.scopes[f] {
			if e.exclusive(d.scope, other) {
				e.dead = true
				return p.stop(), path, false
			}
		}
		e.scopes[f] = append(e.scopes[f], d.scope)
	}
	return e.definition(p, v, d, f, path)
}

// written leaves out a package's variable's declaration without a value when there is
// another.
func written(defs []*def) []*def {
	if len(defs) > 1 && defs[0].kind == zeroed {
		return defs[1:]
	}
	return defs
}

// relevant reports whether a definition says something about the path.
func (e *eval) relevant(d *def, path []string, depth int) bool {
	if len(d.path) > len(path) {
		return false
	}
	for i, name := range d.path {
		if path[i] != name {
			return false
		}
	}
	if d.kind != filled {
		return true
	}
	fn, param := e.filler(d)
	if fn == nil || depth > maxDepth {
		return d.addr // whoever gets an address may do anything
	}
	for _, inner := range e.defs[param.Pos()] {
		if inner.kind != given && (len(inner.path) > 0 || inner.star || inner.kind == filled) && e.relevant(inner, path[len(d.path):], depth+1) {
			return true
		}
	}
	return false
}

// filler returns the function that a variable is handed to, and the parameter that
// gets it; nil where what is done with it can't be seen.
func (e *eval) filler(d *def) (*function, *types.Var) {
	name := calleeName(d.call.Fun)
	if name == nil {
		return nil, nil
	}
	obj := d.fn.unit.info.Uses[name]
	if obj == nil {
		return nil, nil
	}
	fn := e.funcs[obj.Pos()]
	if fn == nil || fn.body == nil {
		return nil, nil
	}
	list, at := fn.typ.Params, d.arg
	if d.arg < 0 {
		list, at = fn.recv, 0
	}
	param := parameter(fn.unit.info, list, at)
	if param == nil || types.IsInterface(param.Type()) {
		return nil, nil
	}
	return fn, param
}

// parameter returns the parameter with a number, or nil.
func parameter(info *types.Info, list *ast.FieldList, at int) *types.Var {
	if list == nil {
		return nil
	}
	for _, field := range list.List {
		if len(field.Names) == 0 {
			at--
		}
		for _, name := range field.Names {
			if at == 0 {
				v, _ := info.Defs[name].(*types.Var)
				return v
			}
			at--
		}
		if at < 0 {
			return nil
		}
	}
	return nil
}

// definition follows one definition of v, whose function runs in f.
func (e *eval) definition(p place, v *types.Var, d *def, f *frame, path []string) (place, []string, bool) {
	rest := path[len(d.path):]
	at := f
	if d.fn != f.fn {
		at = e.intern(frame{fn: d.fn, outer: f})
	}
	switch d.kind {
	case assigned:
		return place{expr: d.rhs, at: at, result: d.result}, rest, true
	case zeroed:
		p.zero = true
		return p, nil, false
	case given:
		if arg, ok := e.argument(d, f); ok {
			return arg, rest, true
		}
	case ranged:
		return e.rangedOver(place{expr: d.loop.X, at: at, result: -1}, d, rest)
	case filled:
		fn, param := e.filler(d)
		if fn != nil {
			in := e.intern(frame{fn: fn, call: d.call, up: at})
			return e.variable(place{expr: d.call, at: in, result: -1}, param, fn.body.End(), rest)
		}
	}
	return p.stop(), path, false
}

// argument returns what the caller of f passes for a parameter.
func (e *eval) argument(d *def, f *frame) (place, bool) {
	call, up := e.caller(f)
	if call == nil {
		return place{}, false
	}
	arg := place{at: up, result: -1}
	switch {
	case d.index < 0:
		s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok {
			return place{}, false
		}
		arg.expr = s.X
	case d.more && !call.Ellipsis.IsValid():
		arg.expr = &ast.CompositeLit{Lbrace: call.Lparen, Elts: call.Args[min(d.index, len(call.Args)):], Rbrace: call.Rparen}
	case d.index < len(call.Args):
		arg.expr = call.Args[d.index]
	default: // f(g()) with several results
		return place{}, false
	}
	return arg, true
}

// rangedOver takes an element of a list that is written down.
func (e *eval) rangedOver(list place, d *def, path []string) (place, []string, bool) {
	from := e.origin(list, nil, isLiteral)
	lit, ok := from.expr.(*ast.CompositeLit)
	if !ok || from.zero || len(lit.Elts) == 0 {
		return from.stop(), path, false
	}
	elt := lit.Elts[e.pick(choiceKey{at: list.at, what: d.loop}, len(lit.Elts))]
	if kv, ok := elt.(*ast.KeyValueExpr); ok {
		if d.key {
			return from.move(kv.Key), path, true
		}
		return from.move(kv.Value), path, true
	}
	if d.key {
		return list.stop(), path, false
	}
	return from.move(elt), path, true
}

func isLiteral(p place) bool {
	_, ok := p.expr.(*ast.CompositeLit)
	return ok
}

// member takes a field of a struct literal.
func (e *eval) member(p place, lit *ast.CompositeLit, path []string) (place, []string, bool) {
	var fields *types.Struct
	if t := p.info().TypeOf(lit); t != nil {
		fields, _ = deref(t).Underlying().(*types.Struct)
	}
	for i, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			if fields != nil && i < fields.NumFields() && fields.Field(i).Name() == path[0] {
				return p.move(elt), path[1:], true
			}
			continue
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == path[0] {
			return p.move(kv.Value), path[1:], true
		}
	}
	p.zero = true
	return p, nil, false
}

// element takes an element of a list or map that is written down; it may be any of
// them when the index is not known.
func (e *eval) element(p place, x *ast.IndexExpr, path []string) (place, []string, bool) {
	from := e.origin(p.move(x.X), nil, isLiteral)
	lit, ok := from.expr.(*ast.CompositeLit)
	if !ok || from.zero || len(lit.Elts) == 0 {
		return p.stop(), path, false
	}
	index := p.info().Types[x.Index].Value
	for i, elt := range lit.Elts {
		kv, keyed := elt.(*ast.KeyValueExpr)
		switch {
		case index == nil:
		case !keyed && constant.Compare(index, token.EQL, constant.MakeInt64(int64(i))):
			return from.move(elt), path, true
		case keyed:
			if key := from.info().Types[kv.Key].Value; key != nil && key.Kind() == index.Kind() && constant.Compare(key, token.EQL, index) {
				return from.move(kv.Value), path, true
			}
		}
	}
	if index != nil {
		return p.stop(), path, false
	}
	elt := lit.Elts[e.pick(choiceKey{at: p.at, what: x}, len(lit.Elts))]
	if kv, ok := elt.(*ast.KeyValueExpr); ok {
		elt = kv.Value
	}
	return from.move(elt), path, true
}
