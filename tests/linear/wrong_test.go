package linear

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

// call is one call of a history made by hand.
type call struct {
	begun, end int64
	in         input
	out        output
}

func history(lines []call) []porcupine.Operation {
	var ops []porcupine.Operation
	for i, l := range lines {
		if l.end == 0 {
			l.end = never
		}
		ops = append(ops, porcupine.Operation{ClientId: i, Input: l.in, Call: l.begun, Output: l.out, Return: l.end})
	}
	return ops
}

func puts(v int) input                   { return input{Kind: put, Value: v, Expect: -1} }
func putsIf(v int, revision int64) input { return input{Kind: put, Value: v, Expect: revision} }
func putsUnder(v int, fence uint64) input {
	return input{Kind: put, Value: v, Expect: -1, Fence: fence}
}
func putsAs(order int) input       { return input{Kind: put, Value: order, Expect: -1, Order: order} }
func revision(r uint64) output     { return output{Outcome: done, Revision: r} }
func value(v int, r uint64) output { return output{Outcome: done, Value: v, Revision: r} }

var (
	gets    = input{Kind: get, Expect: -1}
	deletes = input{Kind: remove, Expect: -1}
	takes   = input{Kind: take, Expect: -1}
)

// TestTheCheckerTellsRightFromWrong feeds the checker histories made by hand: the
// wrong ones are what the guarantees rule out, the right ones beside them differ
// in little.
func TestTheCheckerTellsRightFromWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		right bool
		lines []call
	}{
		{"a read of what was put", true, []call{{1, 2, puts(1), revision(5)}, {3, 4, gets, value(1, 5)}}},
		{"a stale read", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, puts(2), revision(6)}, {5, 6, gets, value(1, 5)},
		}},
		{"an old value while the new one is put", true, []call{
			{1, 2, puts(1), revision(5)}, {3, 6, puts(2), revision(6)}, {4, 5, gets, value(1, 5)},
		}},
		{"a lost update", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 6, putsIf(2, 5), revision(6)}, {4, 7, putsIf(3, 5), revision(7)},
		}},
		{"one of two conditional puts", true, []call{
			{1, 2, puts(1), revision(5)},
			{3, 6, putsIf(2, 5), revision(6)}, {4, 7, putsIf(3, 5), output{Outcome: mismatch, Revision: 6}},
		}},
		{"a key that is created twice", false, []call{
			{1, 3, putsIf(1, 0), revision(5)}, {2, 4, putsIf(2, 0), revision(6)},
		}},
		{"a refusal that names the expected revision's value", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, putsIf(2, 5), output{Outcome: mismatch, Revision: 0}},
		}},
		{"a resurrected key", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, deletes, revision(6)}, {5, 6, gets, value(1, 5)},
		}},
		{"a key that is put again after its deletion", true, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, deletes, revision(6)}, {5, 8, puts(2), revision(7)}, {6, 7, gets, value(2, 7)},
		}},
		{"a lost key", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, gets, output{Outcome: missing}},
		}},
		{"a revision that goes back", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, puts(2), revision(4)},
		}},
		{"one revision for two values", false, []call{
			{1, 3, puts(1), revision(5)}, {2, 4, puts(2), revision(5)},
		}},
		{"a read of what nobody put", false, []call{{1, 2, puts(1), revision(5)}, {3, 4, gets, value(7, 6)}}},

		{"a change without an answer that happens late", true, []call{
			{1, 0, puts(1), output{Outcome: unknown}}, {3, 4, puts(2), revision(5)},
			{5, 6, gets, value(2, 5)}, {7, 8, gets, value(1, 6)},
		}},
		{"a change without an answer that never happens", true, []call{
			{1, 2, puts(2), revision(5)}, {3, 0, puts(1), output{Outcome: unknown}}, {5, 6, gets, value(2, 5)},
		}},
		{"a change without an answer that happens twice", false, []call{
			{1, 0, puts(1), output{Outcome: unknown}}, {2, 3, gets, value(1, 5)}, {4, 5, puts(2), revision(6)}, {6, 7, gets, value(1, 7)},
		}},
		{"a change without an answer that was there before it was asked for", false, []call{
			{1, 2, gets, value(1, 5)}, {3, 0, puts(1), output{Outcome: unknown}},
		}},
		{"a deletion without an answer", true, []call{
			{1, 2, puts(1), revision(5)}, {3, 0, deletes, output{Outcome: unknown}},
			{4, 5, gets, value(1, 5)}, {6, 7, gets, output{Outcome: missing}},
		}},
		{"a conditional change without an answer whose condition is gone", false, []call{
			{1, 2, puts(1), revision(5)}, {3, 4, puts(2), revision(6)},
			{5, 0, putsIf(3, 5), output{Outcome: unknown}}, {6, 7, gets, value(3, 7)},
		}},

		{"two owners, one after the other", true, []call{
			{1, 2, takes, revision(5)}, {3, 4, putsUnder(1, 5), revision(6)},
			{5, 6, takes, revision(7)}, {7, 8, putsUnder(2, 7), revision(8)}, {9, 10, putsUnder(3, 5), output{Outcome: fenced}},
		}},
		{"two writers under one fence", false, []call{
			{1, 2, takes, revision(5)}, {3, 4, takes, revision(6)}, {5, 6, putsUnder(1, 6), revision(7)}, {7, 8, putsUnder(2, 5), revision(8)},
		}},
		{"a late change of a former owner", false, []call{
			{1, 2, takes, revision(5)}, {3, 0, putsUnder(1, 5), output{Outcome: unknown}},
			{4, 5, takes, revision(6)}, {6, 7, putsUnder(2, 6), revision(7)}, {8, 9, gets, value(1, 8)},
		}},
		{"a put of nobody into an owned table", false, []call{
			{1, 2, takes, revision(5)}, {3, 6, puts(1), revision(6)}, {7, 8, putsUnder(2, 5), revision(7)},
		}},
		{"a claim that ended by itself", true, []call{
			{1, 2, takes, revision(5)}, {3, 4, puts(1), output{Outcome: owned}}, {5, 6, puts(1), revision(7)},
			{7, 8, putsUnder(2, 5), output{Outcome: fenced}},
		}},

		{"an owner's change that was overtaken", true, []call{
			{1, 0, putsAs(1), output{Outcome: unknown}}, {2, 3, gets, value(1, 5)}, {4, 5, putsAs(2), output{Outcome: done}}, {6, 7, gets, value(2, 6)},
		}},
		{"an owner's change that comes after a later one", false, []call{
			{1, 0, putsAs(1), output{Outcome: unknown}}, {2, 3, putsAs(2), output{Outcome: done}}, {4, 5, gets, value(2, 6)}, {6, 7, gets, value(1, 7)},
		}},
		{"a former instance's change after the next has opened", false, []call{
			{1, 0, putsAs(1), output{Outcome: unknown}}, {2, 3, input{Kind: takeover, Expect: -1, Order: 2}, output{Outcome: done}},
			{4, 5, gets, output{Outcome: missing}}, {6, 7, gets, value(1, 7)},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := porcupine.CheckOperations(model(), history(tt.lines)); got != tt.right {
				t.Errorf("explained: got %t, want %t", got, tt.right)
			}
		})
	}
}
