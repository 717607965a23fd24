package linear

import (
	"fmt"
	"hash/maphash"
	"math"

	"github.com/anishathalye/porcupine"
)

// slots is how many keys one state holds: a table with fences is checked as a
// whole, any other key by key, in slot 0.
const slots = 3

// kind is what was asked for.
type kind string

const (
	get      kind = "get"
	put      kind = "put"
	remove   kind = "delete"
	take     kind = "take"    // the table, by force
	release  kind = "release" // the table
	takeover kind = "open"    // a publication's: nothing that was asked for before it happens any more
)

// input is what was asked.
type input struct {
	Kind   kind
	Table  string
	Key    string
	Slot   int
	Value  int    // of a put; above 0, and no two calls have the same, but where they say so
	Expect int64  // the revision that the key must have; below 0: any
	Fence  uint64 // under which it came; 0: none
	// Order is above 0 where all changes of the key come from one writer, and says
	// which it is. A later one that was answered rules out that an earlier one
	// happens after it.
	Order int
}

// outcome is how a call ended.
type outcome string

const (
	done     outcome = "ok"
	missing  outcome = "not found"
	mismatch outcome = "other revision" // Revision is the one that it has
	fenced   outcome = "fence refused"
	owned    outcome = "owned by another"
	unknown  outcome = "unknown" // it happens at any time after the call, or never
)

// output is what came back.
type output struct {
	Outcome  outcome
	Value    int    // of a get
	Revision uint64 // 0: not told
}

// keyState is one key.
type keyState struct {
	value    int    // 0: it is not there
	revision uint64 // of the value
	atLeast  bool   // the revision is not known, but above this
	order    int    // of the newest change that was answered
}

// state is what is checked together: a key, or a table with fences.
type state struct {
	head  uint64 // newest revision that is known
	held  bool   // somebody owns the table
	fence uint64 // the valid one, when it is held; 0: nobody knows it
	keys  [slots]keyState
}

// model says which answers are right. It is deterministic: where a call without
// an answer may have happened or not, it happens in the step, and a step at the
// end of the history stands for never.
func model() porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init:  func() any { return state{} },
		Hash:  func(s any) uint64 { return maphash.Comparable(seed, s.(state)) },
		Equal: func(a, b any) bool { return a.(state) == b.(state) },
		Step: func(s, in, out any) (bool, any) {
			next := s.(state)
			ok := next.step(in.(input), out.(output))
			return ok, next
		},
		DescribeOperation: func(in, out any) string { return describe(in.(input), out.(output)) },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s.(state)) },
	}
}

func (s *state) step(in input, out output) bool {
	switch in.Kind {
	case get:
		return s.get(in, out)
	case take:
		return s.take(out)
	case release:
		return s.release(in, out)
	case takeover:
		s.keys[in.Slot].order = in.Order
		return true
	}
	if !s.admit(in, out) {
		return false
	}
	if out.Outcome == fenced || out.Outcome == owned || out.Outcome == unknown && !s.allowed(in) {
		return true
	}
	k := &s.keys[in.Slot]
	if in.Order > 0 {
		if out.Outcome == unknown && in.Order < k.order {
			return true // ruled out
		}
		k.order = in.Order
	}
	switch out.Outcome {
	case mismatch:
		return k.mismatch(in, out)
	case missing:
		return k.value == 0 && in.Expect <= 0
	}
	if !k.expect(in) {
		return out.Outcome == unknown
	}
	if in.Kind == put {
		return s.put(k, in, out)
	}
	return s.remove(k, out)
}

// admit checks what the fence has to say about a change, and takes in what its
// outcome tells of the owner: a claim may have ended by itself, when its owner's
// connection was gone long enough.
func (s *state) admit(in input, out output) bool {
	switch {
	case out.Outcome == owned:
		return s.held && in.Fence == 0
	case out.Outcome == fenced:
		if s.held && in.Fence == s.fence {
			s.held = false
		}
		return in.Fence != 0
	case out.Outcome == unknown:
		if in.Fence == 0 {
			s.held = false
		}
		return true
	case in.Fence == 0:
		s.held = false
		return true
	}
	return s.allowed(in)
}

func (s *state) allowed(in input) bool {
	return in.Fence == 0 && !s.held || s.held && in.Fence == s.fence && in.Fence != 0
}

func (s *state) get(in input, out output) bool {
	k := &s.keys[in.Slot]
	if out.Outcome == missing {
		return k.value == 0
	}
	return k.value == out.Value && s.sees(k, out.Revision)
}

// sees takes the revision that a key's value was found to have.
func (s *state) sees(k *keyState, revision uint64) bool {
	if !k.is(revision) {
		return false
	}
	s.head = max(s.head, revision)
	return true
}

// is reports whether the value can have the revision, which is then known.
func (k *keyState) is(revision uint64) bool {
	if k.atLeast && revision > k.revision {
		k.revision, k.atLeast = revision, false
	}
	return k.revision == revision && !k.atLeast
}

// expect checks a change's condition.
func (k *keyState) expect(in input) bool {
	switch {
	case in.Expect < 0:
		return true
	case k.value == 0:
		return in.Expect == 0
	}
	return in.Expect > 0 && k.is(uint64(in.Expect))
}

func (k *keyState) mismatch(in input, out output) bool {
	switch {
	case in.Expect < 0 || out.Revision == uint64(in.Expect):
		return false
	case k.value == 0:
		return out.Revision == 0
	}
	return k.is(out.Revision)
}

func (s *state) put(k *keyState, in input, out output) bool {
	if k.value == in.Value {
		return out.Outcome == unknown || out.Revision == 0 || s.sees(k, out.Revision)
	}
	k.value = in.Value
	return s.change(k, out)
}

func (s *state) remove(k *keyState, out output) bool {
	if k.value == 0 {
		return out.Outcome == unknown || out.Revision == 0 && k.order > 0 // its writer wanted it gone before, too
	}
	k.value = 0
	ok := s.change(k, out)
	k.revision, k.atLeast = 0, false
	return ok
}

// change gives a key its next revision.
func (s *state) change(k *keyState, out output) bool {
	if out.Outcome == unknown || out.Revision == 0 {
		k.revision, k.atLeast = s.head, true
		return true
	}
	if out.Revision <= s.head {
		return false
	}
	s.head, k.revision, k.atLeast = out.Revision, out.Revision, false
	return true
}

func (s *state) take(out output) bool {
	s.held, s.fence = true, 0
	if out.Outcome == unknown {
		return true
	}
	ok := out.Revision > s.head
	s.head, s.fence = out.Revision, out.Revision
	return ok
}

func (s *state) release(in input, out output) bool {
	holds := s.held && s.fence == in.Fence
	if holds {
		s.held = false
	}
	return holds || out.Outcome != done
}

// never is when a call ends that was not answered.
const never = math.MaxInt64

func describe(in input, out output) string {
	text := string(in.Kind)
	if in.Key != "" {
		text += " " + in.Key
	}
	if in.Kind == put {
		text += fmt.Sprintf(" %d", in.Value)
	}
	if in.Expect >= 0 && (in.Kind == put || in.Kind == remove) {
		text += fmt.Sprintf(" if revision %d", in.Expect)
	}
	if in.Fence > 0 {
		text += fmt.Sprintf(" under fence %d", in.Fence)
	}
	text += " -> " + string(out.Outcome)
	if in.Kind == get && out.Outcome == done {
		text += fmt.Sprintf(" %d", out.Value)
	}
	if out.Revision > 0 {
		text += fmt.Sprintf(", revision %d", out.Revision)
	}
	return text
}
