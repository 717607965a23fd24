package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// topics is package topics as it is read.
type topics struct {
	set       *token.FileSet
	constants map[string]string // the agents' names by their constants
	declared  *declared
}

// parseTopics reads the declarations of agents and tables.
func parseTopics(dir string) (*topics, error) {
	set, files, err := parse(dir)
	if err != nil {
		return nil, err
	}
	t := &topics{set: set, constants: map[string]string{}, declared: &declared{}}
	for _, kind := range []token.Token{token.CONST, token.VAR} { // owners are constants of any file
		for _, file := range files {
			for _, d := range file.Decls {
				if d, ok := d.(*ast.GenDecl); ok && d.Tok == kind {
					if err := t.declaration(d); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	if len(t.declared.tables) == 0 {
		return nil, fmt.Errorf("%w: %s declares no table", errSource, dir)
	}
	return t, nil
}

func (t *topics) declaration(d *ast.GenDecl) error {
	for _, s := range d.Specs {
		s := s.(*ast.ValueSpec)
		if len(s.Names) != 1 || len(s.Values) != 1 {
			return t.wrong(s, "declare each agent and each table by itself, with its value")
		}
		name := s.Names[0].Name
		if d.Tok == token.CONST {
			value, ok := text(s.Values[0])
			if !ok {
				return t.wrong(s, "constant %s is no string", name)
			}
			t.constants[name] = value
			t.declared.agents = append(t.declared.agents, value)
			continue
		}
		found, err := t.table(name, s.Values[0])
		if err != nil {
			return err
		}
		t.declared.tables = append(t.declared.tables, found)
	}
	return nil
}

// table reads agent.Table[types.T]{Owner: Constant, Durable: true}.
func (t *topics) table(name string, value ast.Expr) (*table, error) {
	literal, ok := value.(*ast.CompositeLit)
	if !ok {
		return nil, t.wrong(value, "%s is no table: write agent.Table[types.T]{Owner: …}", name)
	}
	kind, ok := literal.Type.(*ast.IndexExpr)
	if !ok || !selects(kind.X, "agent", "Table") {
		return nil, t.wrong(value, "%s is no agent.Table[types.T]", name)
	}
	typ, ok := kind.Index.(*ast.SelectorExpr)
	if !ok || !selects(typ, "types", typ.Sel.Name) {
		return nil, t.wrong(value, "the values of table %s are of no type of package types", name)
	}
	found := &table{name: name, typ: typ.Sel.Name}
	for _, e := range literal.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return nil, t.wrong(e, "name the fields of table %s", name)
		}
		if err := t.field(found, field); err != nil {
			return nil, err
		}
	}
	if found.owner == "" {
		return nil, t.wrong(value, "table %s has no owner", name)
	}
	return found, nil
}

func (t *topics) field(of *table, field *ast.KeyValueExpr) error {
	key, _ := field.Key.(*ast.Ident)
	value, ok := field.Value.(*ast.Ident)
	switch {
	case key == nil:
		return t.wrong(field, "table %s has a field without a name", of.name)
	case key.Name == "Owner" && !ok:
		if of.owner, ok = text(field.Value); !ok || !slices.Contains(t.declared.agents, of.owner) {
			return t.wrong(field, "the owner of table %s is no agent of this package", of.name)
		}
	case key.Name == "Owner":
		if of.owner, ok = t.constants[value.Name]; !ok {
			return t.wrong(field, "the owner of table %s is %s, which is no constant of this package", of.name, value.Name)
		}
	case key.Name == "Durable" && (!ok || !slices.Contains([]string{"true", "false"}, value.Name)):
		return t.wrong(field, "whether table %s is durable is neither true nor false", of.name)
	case key.Name == "Durable":
		of.durable = value.Name == "true"
	}
	return nil
}

func (t *topics) wrong(at ast.Node, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", errSource, t.set.Position(at.Pos()), fmt.Sprintf(format, args...))
}

// selects reports whether an expression is pkg.name.
func selects(e ast.Expr, pkg, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg && s.Sel.Name == name
}

func text(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}
