package tables

import (
	"go/ast"
	"go/token"
	"slices"
)

// reaching returns those of a variable's definitions, which are in the order of the
// source, that may hold at pos in function fn.
func (ix *index) reaching(defs []*def, fn *function, pos token.Pos) []*def {
	at := ix.scopeAt(fn, pos)
	var reached, later []*def
	for _, d := range slices.Backward(defs) {
		switch {
		case d.pos <= pos && !ix.exclusive(d.scope, at):
			reached = append(reached, d)
			if ix.within(at, d.scope) || ix.complete(reached, at) {
				return append(later, reached...)
			}
		case d.pos > pos && d.kind != zeroed && (d.fn != fn || ix.again(defs, d.scope, at)):
			later = append(later, d)
		}
	}
	return append(later, reached...)
}

// scopeAt is the innermost scope of a function at pos.
func (ix *index) scopeAt(fn *function, pos token.Pos) ast.Node {
	found := fn.node
	if found == nil {
		return nil
	}
	ast.Inspect(fn.node, func(n ast.Node) bool {
		if n == nil || n.Pos() > pos || pos > n.End() {
			return false
		}
		if ix.parent[n] != nil {
			found = n
		}
		return true
	})
	return found
}

// within reports whether scope a lies in b, or is it.
func (ix *index) within(a, b ast.Node) bool {
	for ; a != nil; a = ix.parent[a] {
		if a == b {
			return true
		}
	}
	return false
}

// fork returns the innermost scope in which both lie, and the scopes just below it
// in which each does.
func (ix *index) fork(a, b ast.Node) (common, belowA, belowB ast.Node) {
	for common = a; common != nil && !ix.within(b, common); common = ix.parent[common] {
		belowA = common
	}
	for ; b != nil && b != common; b = ix.parent[b] {
		belowB = b
	}
	return common, belowA, belowB
}

// exclusive reports whether the two lie in different branches of one statement.
func (ix *index) exclusive(a, b ast.Node) bool {
	common, x, y := ix.fork(a, b)
	if x == nil || y == nil {
		return false
	}
	if _, ok := common.(*ast.IfStmt); ok {
		return true
	}
	return branch(x) && branch(y)
}

func branch(n ast.Node) bool {
	switch n.(type) {
	case *ast.CaseClause, *ast.CommClause:
		return true
	}
	return false
}

// again reports whether a loop in which both lie comes from the one back to the
// other with the variable as it was: it is declared outside of the loop.
func (ix *index) again(defs []*def, a, b ast.Node) bool {
	loop, _, _ := ix.fork(a, b)
	for ; loop != nil; loop = ix.parent[loop] {
		switch loop.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			if !ix.within(defs[0].scope, loop) {
				return true
			}
		}
	}
	return false
}

// complete reports whether the definitions stand in all branches of a statement that
// is passed on the way to at.
func (ix *index) complete(defs []*def, at ast.Node) bool {
	has := func(scope ast.Node) bool {
		return slices.ContainsFunc(defs, func(d *def) bool { return d.scope == scope && d.kind != filled })
	}
	for s := defs[len(defs)-1].scope; s != nil && !ix.within(at, s); s = ix.parent[s] {
		if statement, ok := s.(ast.Stmt); ok && ix.within(at, ix.parent[s]) && every(statement, has) {
			return true
		}
	}
	return false
}

// every reports whether all ways through a statement pass a scope that has it.
func every(s ast.Stmt, has func(ast.Node) bool) bool {
	any := func(list []ast.Stmt) bool {
		return slices.ContainsFunc(list, func(s ast.Stmt) bool { return every(s, has) })
	}
	switch s := s.(type) {
	case *ast.BlockStmt:
		return has(s) || any(s.List)
	case *ast.IfStmt:
		return has(s) || s.Else != nil && every(s.Body, has) && every(s.Else, has)
	case *ast.SwitchStmt:
		rest := false
		for _, clause := range s.Body.List {
			clause := clause.(*ast.CaseClause)
			rest = rest || clause.List == nil
			if !has(clause) && !any(clause.Body) {
				return false
			}
		}
		return rest
	}
	return false
}
