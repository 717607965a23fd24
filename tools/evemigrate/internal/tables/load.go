package tables

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// program is the source of one set of build tags.
type program struct {
	fset  *token.FileSet
	dir   string
	units []*unit
	errs  []string // what does not type-check
}

// unit is a package, as far as it could be read.
type unit struct {
	path   string
	name   string
	info   *types.Info
	scope  *types.Scope
	files  []*ast.File
	listed bool // its calls are to be listed, not only followed
}

// noCompiler stands for the C compiler: nothing is compiled here, whether there is one
// or not.
const noCompiler = "no-C-compiler-for-evemigrate"

// load reads the packages with the given build tags (nil: those of GOFLAGS). Source
// that does not type-check is read as far as it goes. No C compiler is needed.
func load(ctx context.Context, o Options, tags *string) (*program, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	far, err := elsewhere(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	p := &program{fset: token.NewFileSet(), dir: o.Dir}
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo |
			packages.NeedImports | packages.NeedDeps,
		Context: ctx, Dir: o.Dir, Tests: o.Tests, Fset: p.fset,
		// Files with import "C" are to be listed too, and read as they are.
		Env: append(os.Environ(), "CGO_ENABLED=1", "CC="+noCompiler),
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
			if file != nil && far(name) {
				dropBodies(file)
			}
			return file, err
		},
	}
	if tags != nil {
		config.BuildFlags = append(config.BuildFlags, "-tags="+*tags)
	}
	if o.Mod != "" {
		config.BuildFlags = append(config.BuildFlags, "-mod="+o.Mod)
	}
	roots, err := packages.Load(config, o.Patterns...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; is there a go.mod, and does go list work there?", ErrLoad, strings.Join(o.Patterns, " "), err)
	}
	if err := p.found(roots, o.Patterns); err != nil {
		return nil, err
	}
	p.add(roots, far)
	return p, nil
}

// found returns an error when the patterns name nothing.
func (p *program) found(roots []*packages.Package, patterns []string) error {
	if len(roots) == 0 {
		return fmt.Errorf("%w: %s: no Go packages there", ErrLoad, strings.Join(patterns, " "))
	}
	for _, pkg := range roots {
		if len(pkg.Errors) > 0 && len(pkg.GoFiles) == 0 && pkg.Dir == "" {
			return fmt.Errorf("%w: %s; is the pattern right, and does go list work there?", ErrLoad, pkg.Errors[0].Msg)
		}
	}
	return nil
}

// elsewhere returns what tells the files that hold no code of the tree: those of Go
// itself, of other modules and of vendor directories. Only their declarations
// matter.
func elsewhere(ctx context.Context, dir string) (func(file string) bool, error) {
	command := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE")
	command.Dir = dir
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("%w: go env in %s: %w; the go command must be in PATH", ErrLoad, dir, err)
	}
	here, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLoad, err)
	}
	var far []string
	for _, root := range append(strings.Split(strings.TrimSpace(string(out)), "\n"), "vendor") {
		within := string(filepath.Separator) + strings.Trim(root, string(filepath.Separator)) + string(filepath.Separator)
		if !strings.Contains(here+string(filepath.Separator), within) {
			far = append(far, within)
		}
	}
	return func(file string) bool {
		return slices.ContainsFunc(far, func(within string) bool { return strings.Contains(file, within) })
	}, nil
}

func dropBodies(file *ast.File) {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			f.Body = nil
		}
	}
	file.Comments = nil
}

// add makes units of the packages and of what they import. Where a package is there
// once more with its tests, the files that both have count once.
func (p *program) add(roots []*packages.Package, far func(string) bool) {
	var all []*packages.Package
	packages.Visit(roots, nil, func(pkg *packages.Package) {
		if pkg.TypesInfo != nil && len(pkg.GoFiles) > 0 && !far(pkg.GoFiles[0]) {
			all = append(all, pkg)
		}
	})
	seen := map[*ast.File]bool{}
	for _, pkg := range all {
		u := &unit{path: pkg.PkgPath, name: pkg.Name, info: pkg.TypesInfo, scope: pkg.Types.Scope(), listed: slices.Contains(roots, pkg)}
		for _, file := range pkg.Syntax {
			if !seen[file] {
				seen[file] = true
				u.files = append(u.files, file)
			}
		}
		p.units = append(p.units, u)
		p.note(pkg.Errors)
	}
}

func (p *program) note(errs []packages.Error) {
	for _, e := range errs {
		if strings.Contains(e.Msg, "could not import C ") || strings.Contains(e.Msg, noCompiler) {
			continue
		}
		text := strings.ReplaceAll(e.Error(), p.dir+string(filepath.Separator), "")
		if !slices.Contains(p.errs, text) {
			p.errs = append(p.errs, text)
		}
	}
}
