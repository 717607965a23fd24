package linear

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/evenkv/nkv/pkg/client"
)

// Value is what all tables of these tests hold.
type Value struct{ N int }

// sighting is a value that somebody saw, with its revision.
type sighting struct {
	Table, Key string
	Value      int
	Revision   uint64
	At         int64 // when it had been seen
	By         string
}

// recorder writes down what was asked for and what came back, and what is wrong
// by itself. Safe for concurrent use.
type recorder struct {
	start time.Time

	mu         sync.Mutex // guards the fields below
	calls      []porcupine.Operation
	sightings  []sighting
	issued     map[int]int64 // when each value was first given to a put
	value      int           // the newest
	violations []string
}

func newRecorder() *recorder { return &recorder{start: time.Now(), issued: map[int]int64{}} }

// now is the time on the history's clock.
func (r *recorder) now() int64 { return int64(time.Since(r.start)) }

// newValue returns a value that nobody has put yet.
func (r *recorder) newValue() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value++
	r.issued[r.value] = r.now()
	return r.value
}

func (r *recorder) violation(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations = append(r.violations, fmt.Sprintf(format, args...))
}

// add writes down a call that was begun at a time and has ended now. What
// certainly did not happen, and a question without an answer, is no part of the
// history.
func (r *recorder) add(who int, in input, begun int64, out output, err error) {
	ended := r.now()
	switch out.Outcome = outcomeOf(err); out.Outcome {
	case "":
		return
	case unknown:
		if in.Kind == get {
			return
		}
		ended = never
		if in.Kind == put || in.Kind == remove {
			out = output{Outcome: unknown}
		}
	case mismatch:
		var refused *client.Error
		if errors.As(err, &refused) {
			out.Revision = refused.Revision
		}
	case outcome(failed):
		r.violation("%s: %v", describe(in, out), err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, porcupine.Operation{ClientId: who, Input: in, Call: begun, Output: out, Return: ended})
	if out.Outcome == done && out.Revision > 0 && (in.Kind == get || in.Kind == put) {
		seen := sighting{in.Table, in.Key, in.Value, out.Revision, ended, fmt.Sprintf("%s of client %d", in.Kind, who)}
		if in.Kind == get {
			seen.Value = out.Value
		}
		r.sightings = append(r.sightings, seen)
	}
}

func (r *recorder) saw(s sighting) {
	s.At = r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sightings = append(r.sightings, s)
}

// failed is an error that none of these calls may have.
const failed = "failed"

// outcomeOf tells what an error means for the history; empty: it is no part of it.
func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return done
	case errors.Is(err, client.ErrUnconfirmed):
		return unknown
	case errors.Is(err, client.ErrNotFound):
		return missing
	case errors.Is(err, client.ErrRevision):
		return mismatch
	case errors.Is(err, client.ErrFence):
		return fenced
	case errors.Is(err, client.ErrTableOwned):
		return owned
	case errors.Is(err, client.ErrDisconnected), errors.Is(err, client.ErrUnavailable), errors.Is(err, client.ErrNoAnswer):
		return ""
	}
	return failed
}
