package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// fileName is the name of generated files.
const fileName = "zz_nkv.go"

// Errors of the generator; messages begin with file and line.
var (
	errDirective   = errors.New("bad directive")
	errUnsupported = errors.New("can't be generated")
	errLoad        = errors.New("package can't be read")
	errStale       = errors.New("stale")
)

// source is a package with directives.
type source struct {
	pkg     *packages.Package
	dir     string
	structs []*structType // in the order of the files
	byName  map[*types.TypeName]*structType
	options options // of its go:generate line
	line    bool    // it has one
	meant   bool    // code is to be written; else it is only known what there is
}

// structType is a struct with a directive.
type structType struct {
	name    string
	named   *types.Named
	doc     string
	spec    *ast.StructType
	table   *table // nil: only JSON
	pos     token.Position
	comment map[string]string // by field: its comment
}

// table is what a table directive says.
type table struct {
	owner, topic, scope string
	durable             bool
}

// load reads the packages that have directives. What was generated before does
// not count: it may be stale, or not there.
func load(dir string, patterns []string) ([]*source, error) {
	overlay, err := overlays(dir, patterns)
	if err != nil {
		return nil, err
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Dir: dir, Overlay: overlay,
	}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLoad, err)
	}
	var sources []*source
	for _, pkg := range pkgs {
		s, err := newSource(pkg)
		if err != nil {
			return nil, err
		}
		if s.meant = s.line || !wildcard(patterns); len(s.structs) > 0 {
			sources = append(sources, s)
		}
	}
	return sources, nil
}

// wildcard reports whether packages are not named one by one: then those are meant
// that have a go:generate line for this program.
func wildcard(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(p, "...") })
}

// overlays empties the files that were generated before.
func overlays(dir string, patterns []string) (map[string][]byte, error) {
	found, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedFiles, Dir: dir}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLoad, err)
	}
	overlay := map[string][]byte{}
	for _, pkg := range found {
		for _, file := range pkg.GoFiles {
			if filepath.Base(file) == fileName && isGenerated(file) {
				overlay[file] = []byte("package " + pkg.Name + "\n")
			}
		}
	}
	return overlay, nil
}

// isGenerated reports whether a file was written by this program for types; one of
// tables only holds no methods.
func isGenerated(file string) bool {
	data, err := os.ReadFile(file)
	return err == nil && strings.HasPrefix(string(data), header) && strings.Contains(string(data), "AppendJSON(")
}

func newSource(pkg *packages.Package) (*source, error) {
	s := &source{pkg: pkg, byName: map[*types.TypeName]*structType{}}
	for _, file := range pkg.Syntax {
		if name := pkg.Fset.Position(file.Package).Filename; s.dir == "" {
			s.dir = filepath.Dir(name)
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				if args, ok := generateLine(c.Text); ok {
					s.line = true
					if err := s.options.parse(args); err != nil {
						return nil, fmt.Errorf("%s: %w: %w", pkg.Fset.Position(c.Pos()), errDirective, err)
					}
				}
			}
		}
		if err := s.scan(file); err != nil {
			return nil, err
		}
	}
	if len(s.structs) == 0 {
		for _, e := range pkg.Errors {
			if e.Kind == packages.ListError && len(pkg.Syntax) == 0 {
				return nil, fmt.Errorf("%w: %s", errLoad, e)
			}
		}
		return s, nil
	}
	for _, e := range pkg.Errors {
		if e.Kind != packages.TypeError { // types that miss generated methods are expected
			return nil, fmt.Errorf("%w: %s", errLoad, e)
		}
	}
	return s, nil
}

// generateLine returns the arguments of a go:generate line that calls this
// program.
func generateLine(comment string) ([]string, bool) {
	line, ok := strings.CutPrefix(comment, "//go:generate ")
	if !ok {
		return nil, false
	}
	words := strings.Fields(line)
	at := slices.IndexFunc(words, func(w string) bool { return w == "nkvgen" || strings.HasSuffix(w, "/nkvgen") })
	if at < 0 {
		return nil, false
	}
	return words[at+1:], true
}

func (s *source) scan(file *ast.File) error {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.TypeSpec)
			doc := spec.Doc
			if doc == nil && len(gen.Specs) == 1 {
				doc = gen.Doc
			}
			if err := s.typeSpec(spec, doc); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *source) typeSpec(spec *ast.TypeSpec, doc *ast.CommentGroup) error {
	pos := s.pkg.Fset.Position(spec.Pos())
	t := &structType{name: spec.Name.Name, pos: pos, doc: doc.Text(), comment: map[string]string{}}
	found := false
	if doc == nil {
		return nil
	}
	for _, c := range doc.List {
		text, ok := strings.CutPrefix(c.Text, "//nkv:")
		if !ok {
			continue
		}
		found = true
		words := strings.Fields(text)
		var err error
		switch {
		case len(words) == 1 && words[0] == "json":
		case len(words) > 0 && words[0] == "table":
			t.table, err = parseTable(words[1:])
		default:
			err = fmt.Errorf("%q is neither nkv:json nor nkv:table", c.Text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w: type %s: %w", pos, errDirective, t.name, err)
		}
	}
	if !found {
		return nil
	}
	obj, ok := s.pkg.Types.Scope().Lookup(t.name).(*types.TypeName)
	if !ok {
		return fmt.Errorf("%s: %w: type %s", pos, errLoad, t.name)
	}
	t.named, ok = obj.Type().(*types.Named)
	if !ok || t.named.TypeParams().Len() > 0 {
		return fmt.Errorf("%s: %w: type %s: the directive is for struct types without type parameters", pos, errDirective, t.name)
	}
	if _, ok := t.named.Underlying().(*types.Struct); !ok {
		return fmt.Errorf("%s: %w: type %s: the directive is for struct types", pos, errDirective, t.name)
	}
	if t.spec, ok = spec.Type.(*ast.StructType); ok {
		t.comments()
	}
	s.structs = append(s.structs, t)
	s.byName[obj] = t
	return nil
}

func (t *structType) comments() {
	for _, f := range t.spec.Fields.List {
		text := strings.TrimSpace(f.Doc.Text())
		if text == "" {
			text = strings.TrimSpace(f.Comment.Text())
		}
		for _, name := range f.Names {
			t.comment[name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
}

func parseTable(words []string) (*table, error) {
	t := &table{}
	fields := map[string]*string{"owner": &t.owner, "topic": &t.topic, "scope": &t.scope}
	for _, w := range words {
		if w == "durable" {
			t.durable = true
			continue
		}
		name, value, ok := strings.Cut(w, "=")
		into := fields[name]
		if !ok || into == nil || value == "" {
			return nil, fmt.Errorf("%q is none of durable, %s=TEXT", w, strings.Join(slices.Sorted(maps.Keys(fields)), "=TEXT, "))
		}
		*into = value
	}
	if t.owner == "" {
		return nil, errors.New("a table needs owner=AGENT")
	}
	return t, nil
}
