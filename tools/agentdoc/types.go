package main

import (
	"cmp"
	"go/ast"
	"go/doc"
	"strings"
)

// parseTypes returns what each type of a package carries: the first sentence of
// its comment, without the type's name before it; empty when it does not begin
// so.
func parseTypes(dir string) (map[string]string, error) {
	_, files, err := parse(dir)
	if err != nil {
		return nil, err
	}
	carries := map[string]string{}
	for _, file := range files {
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					comment := cmp.Or(s.Doc.Text(), d.Doc.Text())
					carries[s.Name.Name] = sentence(s.Name.Name, comment)
				}
			}
		}
	}
	return carries, nil
}

func sentence(name, comment string) string {
	rest, ok := strings.CutPrefix(new(doc.Package).Synopsis(comment), name+" ")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(rest, ".")
}
