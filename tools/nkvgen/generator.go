package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// generator writes the code of one package.
type generator struct {
	source    *source
	all       []*source
	imports   map[string]string // by path: the name
	coders    map[string]*coder // by type
	functions []string
	emitted   map[string]bool
	words     map[string]string // by type: its part in the names of functions
	taken     map[string]bool   // words
	checked   map[string]bool   // embedded structs
	handed    []string          // fields that encoding/json does
	errs      []error
}

// place is where a type is used.
type place struct {
	pos  token.Position
	text string // type and field
	typ  types.Type
}

func (p place) in(part string) place {
	p.text += part
	return p
}

func (p place) String() string { return p.text }

func newGenerator(s *source, all []*source) *generator {
	return &generator{source: s, all: all, imports: map[string]string{}, coders: map[string]*coder{}, emitted: map[string]bool{}, words: map[string]string{}, taken: map[string]bool{}, checked: map[string]bool{}}
}

func (g *generator) refuse(where place, why string) {
	g.errs = append(g.errs, fmt.Errorf("%s: %w: %s %s", where.pos, errUnsupported, where, why))
}

// codec is the name of package codec in the file.
func (g *generator) codec() string { return g.use(codecPath, "codec") }

// use imports a package and returns its name in the file.
func (g *generator) use(path, name string) string {
	if n, ok := g.imports[path]; ok {
		return n
	}
	unique := name
	for i := 2; slices.Contains(slices.Collect(maps.Values(g.imports)), unique); i++ {
		unique = fmt.Sprint(name, i)
	}
	g.imports[path] = unique
	return unique
}

// typeName is a type as the file writes it.
func (g *generator) typeName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == g.source.pkg.Types {
			return ""
		}
		return g.use(p.Path(), p.Name())
	})
}

// files adds what a package's directives ask for.
func (g *generator) files(files map[string][]byte, o options) error {
	g.checkEmbedding()
	code, err := g.code()
	if err := errors.Join(append(g.errs, err)...); err != nil {
		return err
	}
	files[filepath.Join(g.source.dir, fileName)] = code
	if o.tables != "" {
		if err := g.tablesFile(files, filepath.Join(g.source.dir, o.tables)); err != nil {
			return err
		}
	}
	if o.schema != "" {
		if err := g.schemas(files, filepath.Join(g.source.dir, o.schema)); err != nil {
			return err
		}
	}
	if o.docs != "" {
		files[filepath.Join(g.source.dir, o.docs)] = g.page()
	}
	return nil
}

// code is the file of the package.
func (g *generator) code() ([]byte, error) {
	var body bytes.Buffer
	for _, st := range g.source.structs {
		g.methods(&body, st)
		g.structCoder(&coder{}, st.named, st.named.Underlying().(*types.Struct), place{pos: st.pos, text: st.name, typ: st.named})
	}
	if g.source.options.tables == "" {
		g.declareTables(&body)
	}
	if len(g.errs) > 0 {
		return nil, nil // what is refused has no code
	}
	body.WriteString(strings.Join(g.referenced(body.String()), "\n"))
	return g.format(g.source.pkg.Name, body.String())
}

// referenced returns the functions that something calls.
func (g *generator) referenced(methods string) []string {
	kept := g.functions
	for {
		text := methods + strings.Join(kept, "\n")
		next := slices.DeleteFunc(slices.Clone(kept), func(f string) bool {
			name, _, _ := strings.Cut(strings.TrimPrefix(f, "func "), "(")
			return countWord(text, name) < 2 || countWord(f, name) == countWord(text, name)
		})
		if len(next) == len(kept) {
			slices.Sort(next)
			return next
		}
		kept = next
	}
}

// countWord counts an identifier in a text.
func countWord(text, word string) int {
	n := 0
	for {
		at := strings.Index(text, word)
		if at < 0 {
			return n
		}
		end := at + len(word)
		before, after := byte(' '), byte(' ')
		if at > 0 {
			before = text[at-1]
		}
		if end < len(text) {
			after = text[end]
		}
		if !isWord(before) && !isWord(after) {
			n++
		}
		text = text[end:]
	}
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// format puts header and imports before the code.
func (g *generator) format(pkg, body string) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\npackage %s\n\n", header, pkg)
	var std, others []string
	for _, path := range slices.Sorted(maps.Keys(g.imports)) {
		name := g.imports[path]
		if countWord(body, name) == 0 {
			continue
		}
		line := fmt.Sprintf("%q", path)
		if filepath.Base(path) != name {
			line = name + " " + line
		}
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			others = append(others, line)
		} else {
			std = append(std, line)
		}
	}
	if len(std)+len(others) > 0 {
		out.WriteString("import (\n" + strings.Join(std, "\n") + "\n\n" + strings.Join(others, "\n") + "\n)\n\n")
	}
	out.WriteString(body)
	code, err := format.Source(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("generated code of package %s: %w\n%s", pkg, err, out.String())
	}
	return code, nil
}

// checkEmbedding refuses structs without a directive that embed one that has: they
// would inherit its methods, and lose their other fields in JSON.
func (g *generator) checkEmbedding() {
	scope := g.source.pkg.Types.Scope()
	for _, name := range scope.Names() {
		obj, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || g.source.byName[obj] != nil || obj.IsAlias() {
			continue
		}
		s, ok := obj.Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		for i := range s.NumFields() {
			f := s.Field(i)
			t := f.Type()
			if p, ok := t.(*types.Pointer); ok {
				t = p.Elem()
			}
			if f.Embedded() && (g.generated(t) != nil || g.elsewhere(t)) {
				g.refuse(place{pos: g.source.pkg.Fset.Position(f.Pos()), text: name},
					fmt.Sprintf("embeds %s and would inherit its generated methods; give it a line //nkv:json too", t))
			}
		}
	}
}
