package tables

import (
	"go/ast"
	"slices"
)

// frame is a function while it runs, as far as it matters for a value: who called
// it. Frames are compared by identity; intern makes one of each.
type frame struct {
	fn    *function
	call  *ast.CallExpr // by which it was entered; nil: any of its callers'
	up    *frame        // the caller's, with call
	outer *frame        // where a function literal stands, if that is known
	down  *frame        // the frame for which this one was made
	calls bool          // down was entered from this one
	depth int
}

// maxDepth bounds how many calls a value is followed through, and maxSteps how many
// steps are taken for one end; beyond that it is unknown.
const (
	maxDepth = 16
	maxSteps = 2000
	maxEnds  = 2000
)

// choice is one of several ways a value may come, as it was taken.
type choice struct{ taken, of int }

type choiceKey struct {
	at   *frame
	what any
	path string
}

// eval follows values for one end of one call. Where there are several ways it takes
// the one that trail says, or the first, and notes it in the trail; next gives the
// trail of the end after it.
type eval struct {
	*index
	frames map[frame]*frame
	trail  []choice
	taken  int
	picks  map[choiceKey]int
	above  map[*frame]*frame // which caller was taken
	calls  map[*frame]*ast.CallExpr
	scopes map[*frame][]ast.Node // of the definitions that were taken
	dead   bool                  // no program goes this way
	steps  int
}

func (ix *index) newEval(trail []choice) *eval {
	return &eval{
		index: ix, frames: map[frame]*frame{}, trail: trail, picks: map[choiceKey]int{},
		above: map[*frame]*frame{}, calls: map[*frame]*ast.CallExpr{}, scopes: map[*frame][]ast.Node{},
	}
}

// next returns the trail that follows this evaluation's; nil: it was the last.
func (e *eval) next() []choice {
	trail := slices.Clone(e.trail[:e.taken])
	for i := len(trail) - 1; i >= 0; i-- {
		if trail[i].taken+1 < trail[i].of {
			trail[i].taken++
			return trail[:i+1]
		}
	}
	return nil
}

// pick chooses one of n ways; the same for the same key.
func (e *eval) pick(key choiceKey, n int) int {
	if n <= 1 {
		return 0
	}
	if i, ok := e.picks[key]; ok {
		return min(i, n-1)
	}
	if e.taken == len(e.trail) {
		e.trail = append(e.trail, choice{0, n})
	}
	i := e.trail[e.taken].taken
	e.taken++
	e.picks[key] = i
	return i
}

func (e *eval) intern(f frame) *frame {
	if is := e.frames[f]; is != nil {
		return is
	}
	made := f
	for _, near := range []*frame{f.up, f.outer, f.down} {
		if near != nil {
			made.depth = max(made.depth, near.depth+1)
		}
	}
	e.frames[f] = &made
	return &made
}

// caller returns the call by which f was entered, and the frame it stands in.
func (e *eval) caller(f *frame) (*ast.CallExpr, *frame) {
	if f.call != nil {
		return f.call, f.up
	}
	if up := e.above[f]; up != nil {
		return e.calls[f], up
	}
	if f.fn.node == nil || f.depth > maxDepth {
		return nil, nil
	}
	callers, others := e.callers(f.fn)
	callers = slices.DeleteFunc(callers, func(c *call) bool { return f.leadsTo(c.fn) })
	n := len(callers)
	if others || n == 0 {
		n++
	}
	i := e.pick(choiceKey{at: f, what: "caller"}, n)
	if i >= len(callers) {
		return nil, nil
	}
	c := callers[i]
	up := e.intern(frame{fn: c.fn, down: f, calls: true})
	if f.fn.outer == c.fn && c.fn.node != nil {
		up = e.lexical(f)
	}
	e.above[f], e.calls[f] = up, c.expr
	return c.expr, up
}

// leadsTo reports whether fn is among the functions that f was found to call, itself
// included: its calls bring nothing new then.
func (f *frame) leadsTo(fn *function) bool {
	for ; f.fn != fn; f = f.down {
		if !f.calls {
			return false
		}
	}
	return fn.node != nil
}

// lexical returns the frame of the function in which f's function literal stands.
func (e *eval) lexical(f *frame) *frame {
	if f.outer != nil {
		return f.outer
	}
	return e.intern(frame{fn: f.fn.outer, down: f})
}

// of returns the frame of fn that is seen from f: its own, or one around it.
func (e *eval) of(fn *function, f *frame) *frame {
	for at := f; ; at = e.lexical(at) {
		if at.fn == fn {
			return at
		}
		if at.fn.outer == nil {
			break
		}
	}
	return e.intern(frame{fn: fn, down: f})
}

// way returns the frames that are known to lead to f, itself first, and the calls
// between them.
func (e *eval) way(f *frame) (frames []*frame, calls []*ast.CallExpr) {
	for {
		frames = append(frames, f)
		switch up := e.above[f]; {
		case up != nil:
			calls = append(calls, e.calls[f])
			f = up
		case f.fn.outer != nil && f.fn.outer.node != nil && len(frames) <= maxDepth:
			f = e.lexical(f)
		default:
			return frames, calls
		}
	}
}
