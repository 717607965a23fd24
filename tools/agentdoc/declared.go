package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where the code is, below the project's directory.
const (
	topicsDir = "agents/topics"
	typesDir  = "agents/types"
	agentsDir = "agents"
)

// observer is the agent that shows the others' tables. It reads nearly all of
// them, which would hide the rest of the picture.
const observer = "diag"

// table is a declared table.
type table struct {
	name    string // of the variable
	typ     string // of the values, in agents/types
	owner   string
	durable bool
	carries string   // the first sentence of the type's comment, without its name
	readers []string // in the agents' order, without the observer
}

// declared is what the code declares.
type declared struct {
	agents []string // in the order of their constants
	tables []*table // in the order of their declaration
	unseen []string // tables that the observer does not read
}

func (d *declared) table(name string) *table {
	i := slices.IndexFunc(d.tables, func(t *table) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return d.tables[i]
}

// load reads the code below root.
func load(root string) (*declared, error) {
	topics, err := parseTopics(filepath.Join(root, topicsDir))
	if err != nil {
		return nil, err
	}
	carries, err := parseTypes(filepath.Join(root, typesDir))
	if err != nil {
		return nil, err
	}
	d := topics.declared
	for _, t := range d.tables {
		var ok bool
		if t.carries, ok = carries[t.typ]; !ok {
			return nil, fmt.Errorf("%w: table %s is of type %s, which %s does not declare", errSource, t.name, t.typ, typesDir)
		}
		if t.carries == "" {
			return nil, fmt.Errorf("%w: type %s of table %s has no comment that begins with its name", errSource, t.typ, t.name)
		}
	}
	for _, agent := range d.agents {
		if err := d.read(root, agent, topics.constants); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// read notes which tables an agent's package refers to.
func (d *declared) read(root, agent string, constants map[string]string) error {
	used, err := references(filepath.Join(root, agentsDir, agent), constants)
	if err != nil {
		return fmt.Errorf("agent %s: %w", agent, err)
	}
	for name, at := range used {
		if d.table(name) == nil {
			return fmt.Errorf("%w: %s: topics.%s is no table", errSource, at, name)
		}
	}
	for _, t := range d.tables {
		_, uses := used[t.name]
		switch {
		case agent == observer && !uses && t.owner != observer:
			d.unseen = append(d.unseen, t.name)
		case agent == t.owner && !uses:
			return fmt.Errorf("%w: agent %s owns table %s and does not refer to it", errSource, agent, t.name)
		case agent != t.owner && agent != observer && uses:
			t.readers = append(t.readers, agent)
		}
	}
	return nil
}

// references returns which names of package topics the code below a directory
// uses, with a place for each; but for constants and tests.
func references(dir string, constants map[string]string) (map[string]token.Position, error) {
	used := map[string]token.Position{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !isSource(path) {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		local := importName(file, topicsDir)
		if local == "" {
			return nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
					if _, constant := constants[s.Sel.Name]; !constant {
						used[s.Sel.Name] = set.Position(s.Pos())
					}
				}
			}
			return true
		})
		return nil
	})
	return used, err
}

// importName returns the name by which a file knows the package in a directory of
// the project; empty: it does not import it.
func importName(file *ast.File, dir string) string {
	for _, i := range file.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		switch {
		case !strings.HasSuffix(path, "/"+dir):
		case i.Name != nil:
			return i.Name.Name
		default:
			return filepath.Base(dir)
		}
	}
	return ""
}

func isSource(path string) bool {
	return strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
}

// parse reads the package in a directory, its files in order, without its tests.
func parse(dir string) (*token.FileSet, []*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() || !isSource(path) {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	return set, files, nil
}
