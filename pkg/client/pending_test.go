package client

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func change(key string, revision uint64) Change { return Change{Op: Put, Key: key, Revision: revision} }

func mark(op Op, revision uint64) Change { return Change{Op: op, Revision: revision} }

func drain(p *pending) []string {
	var taken []string
	for {
		c, ok := p.next()
		if !ok {
			return taken
		}
		name := map[Op]string{Restarted: "restarted", TableOpened: "opened", TableClosed: "closed", Synchronized: "synchronized"}[c.Op]
		if !c.isMark() {
			name = c.Key
		}
		taken = append(taken, fmt.Sprint(name, c.Revision))
	}
}

func TestPendingKeepsTheLatestInOrder(t *testing.T) {
	for _, tc := range []struct {
		name string
		add  []Change
		want []string
	}{
		{"nothing", nil, nil},
		{"in order", []Change{change("a", 1), change("b", 2)}, []string{"a1", "b2"}},
		{"a key that changes again moves to the end", []Change{change("a", 1), change("b", 2), change("a", 3)}, []string{"b2", "a3"}},
		{"a mark closes a segment", []Change{change("a", 1), mark(Restarted, 2), change("a", 3)}, []string{"a1", "restarted2", "a3"}},
		{"a newer mark joins segments", []Change{change("a", 1), change("b", 2), mark(Restarted, 3), change("a", 4), mark(Restarted, 5), change("b", 6)}, []string{"b2", "a4", "restarted5", "b6"}},
		{"a joined segment keeps its order", []Change{change("a", 1), change("b", 2), mark(Restarted, 3), change("c", 4), mark(Restarted, 5)}, []string{"a1", "b2", "c4", "restarted5"}},
		{"open and close are one kind", []Change{mark(TableOpened, 1), change("a", 2), mark(TableClosed, 3), mark(TableOpened, 4)}, []string{"a2", "opened4"}},
		{"kinds do not replace each other", []Change{change("a", 1), mark(TableOpened, 2), change("a", 3), mark(Restarted, 4), change("a", 5), mark(Synchronized, 6), change("a", 7)}, []string{"a1", "opened2", "a3", "restarted4", "a5", "synchronized6", "a7"}},
		{"a mark in between is kept", []Change{change("a", 1), mark(Restarted, 2), change("a", 3), mark(TableOpened, 4), change("a", 5), mark(Restarted, 6)}, []string{"a3", "opened4", "a5", "restarted6"}},
		{"marks alone", []Change{mark(Restarted, 1), mark(Restarted, 2), mark(TableOpened, 3)}, []string{"restarted2", "opened3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p pending
			for _, c := range tc.add {
				p.add(c)
			}
			if p.len() != len(tc.want) {
				t.Errorf("len() = %d, want %d", p.len(), len(tc.want))
			}
			if diff := cmp.Diff(tc.want, drain(&p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.len() != 0 {
				t.Errorf("%d are left", p.len())
			}
		})
	}
}

func TestPendingRandomly(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const keys, kinds = 5, 3
	for range 300 {
		var p pending
		var added, marks []Change     // changes and marks that were added
		taken := map[string]uint64{}  // newest revision of each key that was taken
		told := map[Op]uint64{}       // newest revision of each kind of mark
		latest := map[string]uint64{} // newest revision of each key that was added
		newest := map[Op]uint64{}     // likewise of marks
		kind := func(c Change) Op {   // open and close are one
			if c.Op == TableClosed {
				return TableOpened
			}
			return c.Op
		}
		take := func() bool {
			c, ok := p.next()
			if !ok {
				return false
			}
			if !c.isMark() {
				if c.Revision <= taken[c.Key] {
					t.Errorf("key %s: %d was taken after %d", c.Key, c.Revision, taken[c.Key])
				}
				taken[c.Key] = c.Revision
				for _, m := range marks {
					if m.Revision < c.Revision && told[kind(m)] < m.Revision && newest[kind(m)] == m.Revision {
						t.Errorf("change %d crossed mark %d", c.Revision, m.Revision)
					}
				}
				return true
			}
			told[kind(c)] = c.Revision
			for _, a := range added {
				if a.Revision < c.Revision && taken[a.Key] < a.Revision {
					t.Errorf("mark %d was taken before change %d of %s", c.Revision, a.Revision, a.Key)
				}
			}
			return true
		}
		for revision := uint64(1); revision < 120; revision++ {
			switch pick := random.IntN(10); {
			case pick < 6:
				c := change(fmt.Sprint("k", random.IntN(keys)), revision)
				p.add(c)
				added, latest[c.Key] = append(added, c), revision
			case pick < 8:
				c := mark([]Op{Restarted, TableOpened, TableClosed, Synchronized}[random.IntN(4)], revision)
				p.add(c)
				marks, newest[kind(c)] = append(marks, c), revision
			default:
				take()
			}
			if len(p.segments) > kinds+1 || p.len() > (kinds+1)*keys+kinds {
				t.Fatalf("%d segments, %d pending", len(p.segments), p.len())
			}
		}
		for n := p.len(); n > 0; n-- {
			if p.len() != n || !take() {
				t.Fatalf("len() = %d, want %d", p.len(), n)
			}
		}
		if take() {
			t.Error("more was taken than len() said")
		}
		if diff := cmp.Diff(latest, taken); diff != "" {
			t.Errorf("the latest changes (-added +taken):\n%s", diff)
		}
		if diff := cmp.Diff(newest, told); diff != "" {
			t.Errorf("the latest marks (-added +taken):\n%s", diff)
		}
	}
}
