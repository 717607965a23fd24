package tables

import (
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"
)

// The calls that make the ends of tables.
const (
	newPublication    = "NewPublication"
	newSubscription   = "NewSubscription"
	publish           = "legacy.Publish"
	publishPersistent = "legacy.PublishPersistent"
)

// site is a call that makes an end of a table, or a use of such a function other
// than calling it.
type site struct {
	name string        // which
	expr ast.Expr      // the whole
	call *ast.CallExpr // nil: the function is used as a value
	fn   *function
}

// sites finds them all.
func (ix *index) sites(p *program, libraries []string) []site {
	var found []site
	for _, c := range ix.order {
		if !listed(c.fn.unit, libraries) {
			continue
		}
		if name := madeBy(c, libraries); name != "" {
			found = append(found, site{name, c.expr, c.expr, c.fn})
		}
	}
	for _, u := range p.units {
		if !listed(u, libraries) {
			continue
		}
		top := &function{unit: u}
		for _, file := range u.files {
			ast.Inspect(file, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && !ix.called[id] {
					if name := byType(u.info.Uses[id], libraries); name != "" {
						found = append(found, site{name: name, expr: id, fn: top})
					}
				}
				return true
			})
		}
	}
	return found
}

// listed leaves out what the library calls of itself.
func listed(u *unit, libraries []string) bool {
	return u.listed && !slices.ContainsFunc(libraries, func(l string) bool {
		return u.path == l || strings.HasPrefix(u.path, l+"/")
	})
}

// madeBy returns which of the functions is called, or "".
func madeBy(c *call, libraries []string) string {
	name := calleeName(c.expr.Fun)
	if name == nil {
		return ""
	}
	obj := c.fn.unit.info.Uses[name]
	if obj != nil {
		return byType(obj, libraries)
	}
	return bySyntax(c, name.Name, libraries)
}

// byType goes by the type of what the function takes: an interface may stand between
// it and the library.
func byType(obj types.Object, libraries []string) string {
	f, ok := obj.(*types.Func)
	if !ok || f.Pkg() == nil {
		return ""
	}
	name := f.Name()
	if path, ok := strings.CutSuffix(f.Pkg().Path(), "/legacy"); ok && slices.Contains(libraries, path) {
		name = "legacy." + name
		if name == publish || name == publishPersistent {
			return name
		}
		return ""
	}
	if name != newPublication && name != newSubscription {
		return ""
	}
	if params := f.Signature().Params(); params.Len() == 1 {
		named, ok := types.Unalias(params.At(0).Type()).(*types.Named)
		if ok && named.Obj().Pkg() != nil && slices.Contains(libraries, named.Obj().Pkg().Path()) {
			return name
		}
	}
	return ""
}

// bySyntax finds a call whose function could not be type-checked: by its name, in a
// file that imports the library.
func bySyntax(c *call, name string, libraries []string) string {
	s, ok := ast.Unparen(c.expr.Fun).(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if name == newPublication || name == newSubscription {
		if importsOne(c, libraries) {
			return name
		}
		return ""
	}
	if x, ok := s.X.(*ast.Ident); ok && ("legacy."+name == publish || "legacy."+name == publishPersistent) {
		if of, ok := c.fn.unit.info.Uses[x].(*types.PkgName); ok {
			if path, ok := strings.CutSuffix(of.Imported().Path(), "/legacy"); ok && slices.Contains(libraries, path) {
				return "legacy." + name
			}
		}
	}
	return ""
}

func importsOne(c *call, libraries []string) bool {
	for _, file := range c.fn.unit.files {
		if file.FileStart <= c.expr.Pos() && c.expr.Pos() < file.FileEnd {
			return slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool {
				path := constant.StringVal(constant.MakeFromLiteral(i.Path.Value, i.Path.Kind, 0))
				return slices.Contains(libraries, path)
			})
		}
	}
	return false
}

func (s site) publishes() bool { return s.name != newSubscription }
