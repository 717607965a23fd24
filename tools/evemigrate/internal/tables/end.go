package tables

import (
	"go/constant"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/pkg/eve"
)

// End is one end of a table: a publication or a subscription.
type End struct {
	Agent    string   `json:"agent"`         // whose it is
	Package  string   `json:"package"`       // import path of the code that makes it
	Call     string   `json:"call"`          // the function that is called
	Durable  string   `json:"durable"`       // "true", "false", or "?(expression)"
	Position string   `json:"position"`      // file:line of the call
	Via      []string `json:"via,omitempty"` // file:line of the calls that lead there, the nearest first
	Tags     []string `json:"tags"`          // the build tags with which it is there

	owner, scope, topic value
	publishes           bool
}

// ends evaluates a call; each way to it that gives another result makes an end.
func (ix *index) ends(s site, dir string) []End {
	var ends []End
	seen := map[string]bool{}
	for trail, n := []choice{}, 0; trail != nil; n++ {
		if n == maxEnds { // the rest is one that isn't known
			ends = append(ends, ix.newEval(nil).unresolved(s, dir))
			break
		}
		e := ix.newEval(trail)
		end := e.end(s, dir)
		trail = e.next()
		if key := end.key(); !e.dead && !seen[key] {
			seen[key] = true
			ends = append(ends, end)
		}
	}
	if len(ends) == 0 {
		ends = append(ends, ix.newEval(nil).unresolved(s, dir))
	}
	return ends
}

// key tells ends of the same call apart.
func (e *End) key() string {
	return strings.Join([]string{e.owner.String(), e.scope.String(), e.topic.String(), e.Durable, e.Agent, e.Package, strings.Join(e.Via, " ")}, "\x00")
}

// end evaluates a call on the way that the trail says.
func (e *eval) end(s site, dir string) End {
	if s.call == nil || len(s.call.Args) == 0 {
		return e.unresolved(s, dir)
	}
	f := e.intern(frame{fn: s.fn})
	option := place{expr: s.call.Args[0], at: f, result: -1}
	end := End{Call: s.name, publishes: s.publishes(), scope: value{known: true}}
	var durable, agent value
	switch s.name {
	case publish, publishPersistent:
		end.owner = e.text(option)
		end.topic = e.topic(option.move(s.call.Args[len(s.call.Args)-1]))
		durable = value{true, strconv.FormatBool(s.name == publishPersistent)}
	case newPublication:
		end.owner, end.topic = e.text(option, "AgentName"), e.topic(option, "TopicType")
	case newSubscription:
		end.owner, end.topic = e.text(option, "AgentName"), e.topic(option, "TopicImpl")
		agent = e.text(option, "MyAgentName")
	}
	if durable.text == "" {
		end.scope, durable = e.text(option, "AgentScope"), e.flag(option, "Persistent")
	}
	if end.owner == (value{known: true}) { // its scope does not count
		end.owner.text, end.scope = eve.Global, value{known: true}
	}
	end.Durable = durable.String()
	e.place(&end, s, f, dir)
	if agent.known && agent.text != "" {
		end.Agent = agent.text
	}
	return end
}

// unresolved is an end of which only the place is known.
func (e *eval) unresolved(s site, dir string) End {
	x := s.expr
	if s.call != nil && len(s.call.Args) > 0 {
		x = s.call.Args[0]
	}
	v := unknown(x)
	end := End{Call: s.name, publishes: s.publishes(), owner: v, topic: v, scope: v, Durable: v.String()}
	e.place(&end, s, e.intern(frame{fn: s.fn}), dir)
	return end
}

// place notes where the end is, and the agent that the package is: the outermost on
// the way that says so.
func (e *eval) place(end *End, s site, f *frame, dir string) {
	frames, calls := e.way(f)
	end.Position = e.position(s.expr.Pos(), dir)
	for _, call := range calls {
		end.Via = append(end.Via, e.position(call.Pos(), dir))
	}
	outermost := frames[len(frames)-1].fn.unit
	end.Agent, end.Package = outermost.name, outermost.path
	if outermost.name == "main" {
		end.Agent = path.Base(outermost.path)
	}
	for _, f := range slices.Backward(frames) {
		if name := agentName(f.fn.unit); name != "" {
			end.Agent, end.Package = name, f.fn.unit.path
			return
		}
	}
}

// agentName is what a package's constant of that name says, or "".
func agentName(u *unit) string {
	for _, name := range []string{"agentName", "AgentName"} {
		if c, ok := u.scope.Lookup(name).(*types.Const); ok && c.Val().Kind() == constant.String {
			return constant.StringVal(c.Val())
		}
	}
	return ""
}

func (ix *index) position(pos token.Pos, dir string) string {
	at := ix.fset.Position(pos)
	if short, err := filepath.Rel(dir, at.Filename); err == nil && !strings.HasPrefix(short, "..") {
		at.Filename = filepath.ToSlash(short)
	}
	return at.Filename + ":" + strconv.Itoa(at.Line)
}

// less puts ends in the order of files and lines.
func (e End) less(o End) int {
	if c := strings.Compare(e.Agent, o.Agent); c != 0 {
		return c
	}
	if c := comparePositions(e.Position, o.Position); c != 0 {
		return c
	}
	return slices.CompareFunc(e.Via, o.Via, comparePositions)
}

func comparePositions(a, b string) int {
	af, al, _ := cutLast(a)
	bf, bl, _ := cutLast(b)
	if c := strings.Compare(af, bf); c != 0 {
		return c
	}
	return al - bl
}

func cutLast(s string) (file string, line int, err error) {
	i := strings.LastIndexByte(s, ':')
	line, err = strconv.Atoi(s[i+1:])
	return s[:max(i, 0)], line, err
}
