package tables

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Own is the import path of the package with the library's API in this project; it
// is always looked for. Original is the library's own.
const (
	Own      = "github.com/evenkv/nkv/pkg/pubsub"
	Original = "github.com/lf-edge/eve/pkg/pillar/pubsub"
)

// Options say what is looked at.
type Options struct {
	Dir      string   // where the patterns hold, and what positions are relative to; "": here
	Patterns []string // packages as the go command names them; none: ./...
	Tags     []string // comma lists of build tags; what is found with each is merged. None: one run with those of GOFLAGS
	Mod      string   // for the go command's -mod; "": its default
	Tests    bool     // tests too
	PubSub   string   // import path of the library; "": Original
}

// Scan finds the publications and subscriptions of a tree. It runs the go command to
// list packages. It returns ErrInvalidOption or ErrLoad; source that does not
// type-check is no error, see Report.TypeErrors.
func Scan(ctx context.Context, o Options) (*Report, error) {
	if len(o.Patterns) == 0 {
		o.Patterns = []string{"./..."}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: directory %q: %w", ErrInvalidOption, o.Dir, err)
	}
	o.Dir = dir
	if o.PubSub == "" {
		o.PubSub = Original
	}
	libraries := []string{strings.TrimSuffix(o.PubSub, "/"), Own}
	r := newReport()
	runs := []*string{nil}
	if len(o.Tags) > 0 {
		runs = nil
		for _, tags := range o.Tags {
			if strings.ContainsAny(tags, " \t") {
				return nil, fmt.Errorf("%w: tags %q: write a list with commas, or give several lists", ErrInvalidOption, tags)
			}
			runs = append(runs, &tags)
		}
	}
	for _, tags := range runs {
		p, err := load(ctx, o, tags)
		if err != nil {
			return nil, err
		}
		ix := newIndex(p)
		label := ""
		if tags != nil {
			label = *tags
		}
		for _, s := range ix.sites(p, libraries) {
			r.add(s.name, ix.position(s.expr.Pos(), "")+"/"+fmt.Sprint(ix.fset.Position(s.expr.Pos()).Column), ix.ends(s, dir), label)
		}
		for _, text := range p.errs {
			if !slices.Contains(r.TypeErrors, text) {
				r.TypeErrors = append(r.TypeErrors, text)
			}
		}
	}
	r.finish()
	return r, nil
}
