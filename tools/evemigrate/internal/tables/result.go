package tables

import (
	"go/ast"
	"go/types"
)

// result follows a call to what the function returns.
func (e *eval) result(p place, x *ast.CallExpr, path []string) (place, []string, bool) {
	if tv, ok := p.info().Types[x.Fun]; ok && tv.IsType() && len(x.Args) == 1 {
		return p.move(x.Args[0]), path, true
	}
	if id, ok := ast.Unparen(x.Fun).(*ast.Ident); ok && id.Name == "new" && len(path) > 0 {
		if _, ok := p.info().Uses[id].(*types.Builtin); ok {
			p.zero = true
			return p, nil, false
		}
	}
	if inner := reflected(p.info(), x); inner != nil {
		return p.move(inner), path, true
	}
	in := e.enter(p, x)
	if in == nil || in.fn.body == nil || in.depth > maxDepth {
		return p.stop(), path, false
	}
	returns := returnsOf(in.fn)
	if len(returns) == 0 {
		return p.stop(), path, false
	}
	r := returns[e.pick(choiceKey{at: in, what: "return"}, len(returns))]
	at := max(p.result, 0)
	switch {
	case at < len(r.Results) && (len(r.Results) > 1 || p.result < 0):
		return place{expr: r.Results[at], at: in, result: -1}, path, true
	case len(r.Results) == 1:
		return place{expr: r.Results[0], at: in, result: p.result}, path, true
	}
	if v := parameter(in.fn.unit.info, in.fn.typ.Results, at); v != nil {
		return e.variable(place{expr: x, at: in, result: -1}, v, r.Pos(), path)
	}
	return p.stop(), path, false
}

// enter returns the frame of the function that a call enters, or nil.
func (e *eval) enter(p place, x *ast.CallExpr) *frame {
	if name := calleeName(x.Fun); name != nil {
		if f, ok := p.info().Uses[name].(*types.Func); ok {
			if fn := e.funcs[f.Pos()]; fn != nil {
				return e.intern(frame{fn: fn, call: x, up: p.at})
			}
			return nil
		}
	}
	held := e.origin(p.move(ast.Unparen(x.Fun)), nil, func(p place) bool { _, ok := p.expr.(*ast.FuncLit); return ok })
	if lit, ok := held.expr.(*ast.FuncLit); ok && !held.stuck && !held.zero {
		return e.intern(frame{fn: e.closures[lit], call: x, up: p.at, outer: held.at})
	}
	return nil
}

// reflected returns what a call of package reflect hands on, as far as its type is
// concerned: the v of reflect.ValueOf(v).Elem().Interface().
func reflected(info *types.Info, x *ast.CallExpr) ast.Expr {
	s, ok := ast.Unparen(x.Fun).(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	f, ok := info.Uses[s.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() != "reflect" {
		return nil
	}
	switch f.Name() {
	case "ValueOf", "Indirect":
		return x.Args[0]
	case "Interface", "Elem":
		return s.X
	}
	return nil
}

// returnsOf are a function's return statements, without those that return an error
// with nothing.
func returnsOf(fn *function) []*ast.ReturnStmt {
	var returns, all []*ast.ReturnStmt
	ast.Inspect(fn.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			all = append(all, n)
			if !fails(fn, n) {
				returns = append(returns, n)
			}
		}
		return true
	})
	if len(returns) == 0 {
		return all
	}
	return returns
}

func fails(fn *function, r *ast.ReturnStmt) bool {
	if len(r.Results) < 2 {
		return false
	}
	last := r.Results[len(r.Results)-1]
	if id, ok := last.(*ast.Ident); ok && id.Name == "nil" {
		return false
	}
	list := fn.typ.Results.List
	t := fn.unit.info.TypeOf(list[len(list)-1].Type)
	return t != nil && t.String() == "error"
}
