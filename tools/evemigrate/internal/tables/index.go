package tables

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// An object (variable, field, function, type) is known by the position of its name:
// the type checker has several objects for one name when a package is checked twice,
// and for each instance of what has type parameters.

// index says what is assigned, called and made where.
type index struct {
	fset     *token.FileSet
	funcs    map[token.Pos]*function        // declared functions
	closures map[*ast.FuncLit]*function     // function literals
	calls    map[token.Pos][]*call          // of a function, a variable that holds one, or a literal
	through  map[string][]*call             // by method: calls through an interface
	values   map[token.Pos]bool             // functions that are used other than by calling them
	defs     map[token.Pos][]*def           // of variables, in the order of the source
	fields   map[token.Pos][]*def           // assignments to fields, of whatever struct
	literals map[token.Pos][]*literal       // struct literals, by their type
	owner    map[token.Pos]*function        // where a variable is declared
	parent   map[ast.Node]ast.Node          // of scopes
	methods  map[token.Pos]*types.Signature // of declared methods
	holder   map[*ast.FuncLit]token.Pos     // the variable that a function literal is assigned to
	called   map[*ast.Ident]bool
	order    []*call // all calls, in the order of the source
}

// function is a declared function, a function literal, or (without a node) what
// stands outside functions in a package.
type function struct {
	unit  *unit
	node  ast.Node
	typ   *ast.FuncType
	recv  *ast.FieldList
	body  *ast.BlockStmt
	outer *function // where a literal stands
	pos   token.Pos // of the name, or of the literal
}

type call struct {
	expr *ast.CallExpr
	fn   *function // where it stands
}

type literal struct {
	expr *ast.CompositeLit
	fn   *function
}

type kind int

const (
	assigned kind = iota // with the value of rhs
	zeroed               // declared without a value
	given                // a parameter: what the caller passes
	ranged               // an element of what a loop ranges over
	filled               // maybe changed by a function that got its address
	opaque               // changed in a way that isn't followed
)

// def is where a variable, or a field of it, gets a value.
type def struct {
	kind   kind
	rhs    ast.Expr
	result int      // which result of the call rhs; -1: rhs is one value
	path   []string // the field; empty: the whole
	star   bool     // it is what the variable points to that changes
	fn     *function
	scope  ast.Node
	pos    token.Pos      // from here on
	loop   *ast.RangeStmt // ranged
	key    bool           // ranged: the key, not the value
	call   *ast.CallExpr  // filled
	arg    int            // filled: which argument, -1: the receiver
	addr   bool           // filled: its address was taken for it
	object *types.Var     // filled: the variable
	index  int            // given: which parameter, -1: the receiver
	more   bool           // given: it takes the rest of the arguments
}

func newIndex(p *program) *index {
	ix := &index{
		fset: p.fset, funcs: map[token.Pos]*function{}, closures: map[*ast.FuncLit]*function{}, calls: map[token.Pos][]*call{},
		through: map[string][]*call{}, values: map[token.Pos]bool{}, defs: map[token.Pos][]*def{}, fields: map[token.Pos][]*def{},
		literals: map[token.Pos][]*literal{}, owner: map[token.Pos]*function{}, parent: map[ast.Node]ast.Node{},
		methods: map[token.Pos]*types.Signature{}, called: map[*ast.Ident]bool{}, holder: map[*ast.FuncLit]token.Pos{},
	}
	for _, u := range p.units {
		top := &function{unit: u}
		for _, file := range u.files {
			ast.Walk(walker{index: ix, fn: top, scope: file}, file)
		}
	}
	return ix
}

// walker fills the index; it knows where it is.
type walker struct {
	*index
	fn    *function
	scope ast.Node // the innermost
}

func (w walker) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case nil, *ast.ImportSpec:
		return nil
	case *ast.FuncDecl:
		f := &function{unit: w.fn.unit, node: n, typ: n.Type, recv: n.Recv, body: n.Body, outer: w.fn, pos: n.Name.Pos()}
		w.funcs[f.pos] = f
		if m, ok := w.fn.unit.info.Defs[n.Name].(*types.Func); ok && n.Recv != nil {
			w.methods[f.pos] = m.Signature()
		}
		return w.enter(f)
	case *ast.FuncLit:
		f := &function{unit: w.fn.unit, node: n, typ: n.Type, body: n.Body, outer: w.fn, pos: n.Pos()}
		w.closures[n] = f
		return w.enter(f)
	case *ast.RangeStmt:
		w = w.into(n)
		w.ranges(n)
		return w
	case *ast.BlockStmt, *ast.IfStmt, *ast.ForStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.CaseClause, *ast.CommClause:
		return w.into(n)
	case *ast.AssignStmt:
		w.assigns(n)
	case *ast.IncDecStmt:
		w.put(n.X, def{kind: opaque, pos: n.End()})
	case *ast.ValueSpec:
		w.declares(n)
	case *ast.CompositeLit:
		if name := typeName(w.fn.unit.info.TypeOf(n)); name.IsValid() {
			w.literals[name] = append(w.literals[name], &literal{n, w.fn})
		}
	case *ast.CallExpr:
		w.callsFrom(n)
	case *ast.Ident:
		if f, ok := w.fn.unit.info.Uses[n].(*types.Func); ok && !w.called[n] {
			w.values[f.Pos()] = true
		}
	}
	return w
}

func (w walker) into(n ast.Node) walker {
	w.parent[n] = w.scope
	w.scope = n
	return w
}

// enter goes into a function and notes its parameters.
func (w walker) enter(f *function) walker {
	w = w.into(f.node)
	w.fn = f
	w.params(f.recv, -1, given)
	w.params(f.typ.Params, 0, given)
	w.params(f.typ.Results, 0, zeroed)
	return w
}

func (w walker) params(list *ast.FieldList, index int, kind kind) {
	if list == nil {
		return
	}
	for _, field := range list.List {
		_, more := field.Type.(*ast.Ellipsis)
		for _, name := range field.Names {
			w.put(name, def{kind: kind, index: index, more: more, pos: w.fn.node.Pos()})
			index++
		}
		if len(field.Names) == 0 {
			index++
		}
	}
}

func (w walker) declares(n *ast.ValueSpec) {
	for i, name := range n.Names {
		d := def{kind: assigned, result: -1, pos: n.End()}
		switch {
		case len(n.Values) == 0:
			d.kind = zeroed
		case len(n.Values) == len(n.Names):
			d.rhs = n.Values[i]
		default:
			d.rhs, d.result = n.Values[0], i
		}
		w.put(name, d)
	}
}

func (w walker) assigns(n *ast.AssignStmt) {
	for i, lhs := range n.Lhs {
		d := def{kind: assigned, result: -1, pos: n.End()}
		switch {
		case n.Tok != token.ASSIGN && n.Tok != token.DEFINE:
			d.kind = opaque
		case len(n.Lhs) == len(n.Rhs):
			d.rhs = n.Rhs[i]
		default:
			d.rhs, d.result = n.Rhs[0], i
		}
		w.put(lhs, d)
	}
}

func (w walker) ranges(n *ast.RangeStmt) {
	for i, lhs := range []ast.Expr{n.Key, n.Value} {
		if lhs != nil {
			w.put(lhs, def{kind: ranged, loop: n, key: i == 0, pos: n.X.End()})
		}
	}
}

// put notes that lhs gets a value: for the variable it begins with, and, when it is
// a field, for that field of whatever struct.
func (w walker) put(lhs ast.Expr, d def) {
	d.fn, d.scope = w.fn, w.scope
	info := w.fn.unit.info
	var below []string
	for x := lhs; x != nil; {
		inner, names, field := fieldOf(info, x)
		if field != nil {
			part := d
			part.path = slices.Clone(below)
			w.fields[field.Pos()] = append(w.fields[field.Pos()], &part)
		}
		below = append(names, below...)
		x = inner
	}
	v, path := target(info, lhs)
	if v == nil {
		return
	}
	d.path = path
	_, d.star = ast.Unparen(lhs).(*ast.StarExpr)
	if lit, ok := d.rhs.(*ast.FuncLit); ok && len(path) == 0 {
		w.holder[lit] = v.Pos()
	}
	w.defs[v.Pos()] = append(w.defs[v.Pos()], &d)
	if id, ok := lhs.(*ast.Ident); ok && info.Defs[id] != nil {
		w.owner[v.Pos()] = w.fn
	}
}

// target takes x.f.g apart: the variable x and the path f, g. The variable is nil
// when the expression begins otherwise.
func target(info *types.Info, e ast.Expr) (*types.Var, []string) {
	var path []string
	for {
		if id, ok := e.(*ast.Ident); ok {
			v, _ := info.ObjectOf(id).(*types.Var)
			return v, path
		}
		if s, ok := e.(*ast.SelectorExpr); ok && info.Selections[s] == nil {
			v, _ := info.Uses[s.Sel].(*types.Var)
			return v, path
		}
		inner, names, _ := fieldOf(info, e)
		if inner == nil {
			return nil, nil
		}
		path = append(names, path...)
		e = inner
	}
}

// fieldOf takes x.f apart: x, the names of the field, and the field. Of (x) and *x
// it returns x alone, of others nothing.
func fieldOf(info *types.Info, e ast.Expr) (ast.Expr, []string, *types.Var) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return e.X, nil, nil
	case *ast.StarExpr:
		return e.X, nil, nil
	case *ast.SelectorExpr:
		if sel := info.Selections[e]; sel != nil && sel.Kind() == types.FieldVal {
			return e.X, fieldNames(sel), sel.Obj().(*types.Var)
		}
	}
	return nil, nil, nil
}

// fieldNames are the fields that a selector goes through, embedded ones included.
func fieldNames(sel *types.Selection) []string {
	var names []string
	t := sel.Recv()
	for _, i := range sel.Index() {
		s, ok := deref(t).Underlying().(*types.Struct)
		if !ok {
			return append(names, sel.Obj().Name())
		}
		names = append(names, s.Field(i).Name())
		t = s.Field(i).Type()
	}
	return names
}

func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// typeName is where a struct's type has its name, or no position.
func typeName(t types.Type) token.Pos {
	if t == nil {
		return token.NoPos
	}
	if named, ok := types.Unalias(deref(t)).(*types.Named); ok {
		return named.Obj().Pos()
	}
	return token.NoPos
}

// callsFrom notes a call, and what it may change through its arguments.
func (w walker) callsFrom(n *ast.CallExpr) {
	c := &call{n, w.fn}
	w.order = append(w.order, c)
	info := w.fn.unit.info
	fun := ast.Unparen(n.Fun)
	if lit, ok := fun.(*ast.FuncLit); ok {
		w.calls[lit.Pos()] = append(w.calls[lit.Pos()], c)
	}
	if name := calleeName(fun); name != nil {
		w.called[name] = true
		if obj := info.Uses[name]; obj != nil {
			w.calls[obj.Pos()] = append(w.calls[obj.Pos()], c)
			if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil && types.IsInterface(f.Signature().Recv().Type()) {
				w.through[f.Name()] = append(w.through[f.Name()], c)
			}
		}
	}
	for i, arg := range n.Args {
		w.fills(n, arg, i)
	}
	if s, ok := fun.(*ast.SelectorExpr); ok && info.Selections[s] != nil {
		w.fills(n, s.X, -1)
	}
}

func (w walker) fills(n *ast.CallExpr, arg ast.Expr, i int) {
	addr := false
	if u, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok && u.Op == token.AND {
		arg, addr = u.X, true
	}
	v, path := target(w.fn.unit.info, arg)
	if v == nil {
		return
	}
	if _, pointer := v.Type().Underlying().(*types.Pointer); !addr && !pointer && i >= 0 {
		return
	}
	d := def{kind: filled, call: n, arg: i, addr: addr, object: v, path: path, pos: n.End(), fn: w.fn, scope: w.scope}
	w.defs[v.Pos()] = append(w.defs[v.Pos()], &d)
}

// calleeName is the name by which a function is called.
func calleeName(fun ast.Expr) *ast.Ident {
	switch f := ast.Unparen(fun).(type) {
	case *ast.Ident:
		return f
	case *ast.SelectorExpr:
		return f.Sel
	case *ast.IndexExpr:
		return calleeName(f.X)
	case *ast.IndexListExpr:
		return calleeName(f.X)
	}
	return nil
}

// callers returns the calls of a function that are seen, and whether there may be
// others.
func (ix *index) callers(f *function) (calls []*call, others bool) {
	calls = append(calls, ix.calls[f.pos]...)
	if lit, ok := f.node.(*ast.FuncLit); ok {
		if v := ix.holder[lit]; v.IsValid() {
			calls = append(calls, ix.calls[v]...)
		}
		return calls, false
	}
	if sig := ix.methods[f.pos]; sig != nil {
		name := f.node.(*ast.FuncDecl).Name.Name
		for _, c := range ix.through[name] {
			used, ok := c.fn.unit.info.Uses[calleeName(c.expr.Fun)].(*types.Func)
			if ok && implements(sig.Recv().Type(), used.Signature().Recv().Type()) {
				calls = append(calls, c)
			}
		}
	}
	return calls, ix.values[f.pos]
}

func implements(t, i types.Type) bool {
	iface, ok := i.Underlying().(*types.Interface)
	return ok && (types.Implements(t, iface) || types.Implements(types.NewPointer(deref(t)), iface))
}
