package tables

import (
	"go/ast"
	"go/token"
	"go/types"
)

// selector follows x.name.
func (e *eval) selector(p place, x *ast.SelectorExpr, path []string, enough func(place) bool) (place, []string, bool) {
	sel := p.info().Selections[x]
	if sel == nil { // pkg.Name
		if v, ok := p.info().Uses[x.Sel].(*types.Var); ok {
			return e.variable(p, v, x.Pos(), path)
		}
		return p.stop(), path, false
	}
	field, ok := sel.Obj().(*types.Var)
	if !ok || sel.Kind() != types.FieldVal {
		return p.stop(), path, false
	}
	if e.own(p, x.X) {
		names := append(fieldNames(sel), path...)
		found := e.origin(p.move(x.X), names, enough)
		if !found.stuck {
			return found, nil, false
		}
	}
	return e.anyField(p, typeName(sel.Recv()), field, path)
}

// own reports whether the struct x can be followed itself: it begins with a variable
// that is no receiver and not the package's. Others are one struct of many: see
// anyField.
func (e *eval) own(p place, x ast.Expr) bool {
	v, _ := target(p.info(), x)
	if v == nil {
		_, literal := ast.Unparen(x).(*ast.CompositeLit)
		_, called := ast.Unparen(x).(*ast.CallExpr)
		_, indexed := ast.Unparen(x).(*ast.IndexExpr)
		return literal || called || indexed
	}
	for _, d := range e.defs[v.Pos()] {
		if d.kind == given && d.index < 0 {
			return false
		}
	}
	return true
}

// anyField follows a field of any struct of its type: what the literals of the type,
// each in turn, say about it, and what is assigned to it anywhere.
func (e *eval) anyField(p place, name token.Pos, field *types.Var, path []string) (place, []string, bool) {
	literals := e.literals[name]
	var written []*def
	for _, d := range e.fields[field.Pos()] {
		if e.relevant(d, path, 0) {
			written = append(written, d)
		}
	}
	says := make([]ast.Expr, len(literals))
	n := 0
	for i, l := range literals {
		if says[i] = e.inLiteral(l, field); says[i] != nil {
			n++
		}
	}
	if n == 0 {
		if len(written) == 0 {
			if len(path) > 0 && len(e.fields[field.Pos()]) > 0 { // only other fields of it are set
				p.zero = true
				return p, nil, false
			}
			return p.stop(), path, false
		}
		return e.assignedTo(p, written[e.pick(choiceKey{what: field.Pos()}, len(written))], path)
	}
	if len(written) > 0 {
		if i := e.pick(choiceKey{what: field.Pos()}, len(written)+1); i < len(written) {
			return e.assignedTo(p, written[i], path)
		}
	}
	i := e.pick(choiceKey{what: name}, len(literals))
	if says[i] == nil {
		e.dead = true // another of the literals is the one that is meant
		return p.stop(), path, false
	}
	return place{expr: says[i], at: e.intern(frame{fn: literals[i].fn, down: p.at}), result: -1}, path, true
}

func (e *eval) assignedTo(p place, d *def, path []string) (place, []string, bool) {
	if d.kind != assigned {
		return p.stop(), path, false
	}
	return place{expr: d.rhs, at: e.intern(frame{fn: d.fn, down: p.at}), result: d.result}, path[len(d.path):], true
}

// inLiteral returns what a literal says about a field.
func (e *eval) inLiteral(l *literal, field *types.Var) ast.Expr {
	fields, _ := deref(l.fn.unit.info.TypeOf(l.expr)).Underlying().(*types.Struct)
	for i, elt := range l.expr.Elts {
		if kv, ok := elt.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field.Name() {
				return kv.Value
			}
		} else if fields != nil && i < fields.NumFields() && fields.Field(i).Pos() == field.Pos() {
			return elt
		}
	}
	return nil
}
