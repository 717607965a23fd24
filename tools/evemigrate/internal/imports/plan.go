package imports

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Options say what is to change.
type Options struct {
	From, To string   // import paths; their last elements are the same, so that code that uses the package stays as it is
	Below    []string // packages below From that are below To as well
}

// Plan is what is to change.
type Plan struct {
	Changes []Change
	Left    []Import // imports below From that have no counterpart and stay
}

// Change is a file with the imports that change in it.
type Change struct {
	File    string
	Imports []Import

	text []byte // afterwards
	mode fs.FileMode
}

// Import is one import, in a line of a file.
type Import struct {
	File     string
	Line     int
	Old, New string
}

// NewPlan looks through all Go files below the directories, except those in vendor
// directories and those of the package From itself. It returns ErrInvalidOption,
// ErrParse with all files that can't be parsed, or ErrFile.
func NewPlan(o Options, dirs []string) (*Plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &Plan{}
	seen := map[string]bool{}
	var broken []error
	for _, dir := range dirs {
		files, err := o.files(dir)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			abs, err := filepath.Abs(file)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrFile, err)
			}
			if seen[abs] {
				continue
			}
			seen[abs] = true
			if err := p.file(o, file); errors.Is(err, ErrParse) {
				broken = append(broken, err)
			} else if err != nil {
				return nil, err
			}
		}
	}
	if len(broken) > 0 {
		return nil, fmt.Errorf("%w; nothing was changed: mend or move what can't be parsed, and try again", errors.Join(broken...))
	}
	return p, nil
}

func (o Options) check() error {
	for name, p := range map[string]string{"from": o.From, "to": o.To} {
		if err := module.CheckImportPath(p); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInvalidOption, name, err)
		}
	}
	if path.Base(o.From) != path.Base(o.To) {
		return fmt.Errorf("%w: from %s to %s: the last elements must be the same, or the code that uses the package would not compile", ErrInvalidOption, o.From, o.To)
	}
	if o.From == o.To {
		return fmt.Errorf("%w: from and to are both %s", ErrInvalidOption, o.From)
	}
	return nil
}

// files lists the Go files below dir that are to be looked at.
func (o Options) files(dir string) ([]string, error) {
	var files []string
	paths := map[string]string{} // by directory
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		if !entry.IsDir() {
			if strings.HasSuffix(name, ".go") && entry.Type().IsRegular() {
				files = append(files, name)
			}
			return nil
		}
		if entry.Name() == "vendor" {
			return fs.SkipDir
		}
		above, known := paths[filepath.Dir(name)]
		if known && above != "" {
			above = path.Join(above, entry.Name())
		}
		is, err := importPath(name, above, known)
		if err != nil {
			return err
		}
		paths[name] = is
		if is == o.From || strings.HasPrefix(is, o.From+"/") {
			return fs.SkipDir
		}
		return nil
	})
	return files, err
}

// importPath is the path of the package in a directory, or "": that of the go.mod in
// it, else the one that follows from above, else from the directories above.
func importPath(dir, above string, known bool) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	switch {
	case err == nil:
		return modfile.ModulePath(text), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: %w", ErrFile, err)
	case known:
		return above, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrFile, err)
	}
	if filepath.Dir(abs) == abs {
		return "", nil
	}
	above, err = importPath(filepath.Dir(abs), "", false)
	if above != "" {
		above = path.Join(above, filepath.Base(abs))
	}
	return above, err
}

// file notes what is to change in a file.
func (p *Plan) file(o Options, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if !bytes.Contains(text, []byte(o.From)) {
		return nil
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrParse, err)
	}
	c := Change{File: name}
	var changed []byte
	done := 0
	for _, spec := range parsed.Imports {
		old, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%w: %s: import %s: %w", ErrParse, name, spec.Path.Value, err)
		}
		at := fset.PositionFor(spec.Path.Pos(), false)
		i := Import{File: name, Line: at.Line, Old: old, New: o.rename(old)}
		if i.New == "" {
			if strings.HasPrefix(old, o.From+"/") {
				p.Left = append(p.Left, i)
			}
			continue
		}
		// Only what is between the quotes.
		changed = append(append(changed, text[done:at.Offset+1]...), i.New...)
		done = at.Offset + len(spec.Path.Value) - 1
		c.Imports = append(c.Imports, i)
	}
	if len(c.Imports) == 0 {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	c.text, c.mode = append(changed, text[done:]...), info.Mode()
	p.Changes = append(p.Changes, c)
	return nil
}

// rename returns the new path of an import; "": it stays.
func (o Options) rename(old string) string {
	if old == o.From {
		return o.To
	}
	if below, ok := strings.CutPrefix(old, o.From+"/"); ok && slices.Contains(o.Below, below) {
		return o.To + "/" + below
	}
	return ""
}

// Imports is how many imports change.
func (p *Plan) Imports() int {
	n := 0
	for _, c := range p.Changes {
		n += len(c.Imports)
	}
	return n
}

// Write changes the files, each by a temporary file beside it and a rename, and
// calls done after each. It stops at the first error, an ErrFile; what is left then
// is done by a new plan.
func (p *Plan) Write(done func(Change)) error {
	for _, c := range p.Changes {
		if err := c.write(); err != nil {
			return fmt.Errorf("%w: %w; call again for what is left", ErrFile, err)
		}
		done(c)
	}
	return nil
}

func (c Change) write() (err error) {
	f, err := os.CreateTemp(filepath.Dir(c.File), "."+filepath.Base(c.File)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(c.text)
	err = errors.Join(err, f.Chmod(c.mode), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), c.File)
}
