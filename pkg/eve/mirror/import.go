package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/evenkv/nkv/pkg/nkv"
)

// How much is asked of the core at a time, and how many notes are in a batch.
const (
	asksAtOnce  = 256
	bytesAtOnce = 4 << 20
	notesAtOnce = 1000
)

var (
	errEmpty = errors.New("it is empty, and has no backup")
	errLane  = errors.New("the table has its files in the other place, durable or volatile")
)

func leftError(dir, name string, err error) error {
	return fmt.Errorf("file %s in %s: %w", name, dir, err)
}

// Import makes what others changed in the files since a mirror wrote them changes
// of the core, makes the files agree with the tables, and from then on keeps them
// so. It is to be called once, when the core has been opened on the mirror's stores
// and before anybody else asks it. What can't be imported is logged, reported and
// left as it is. The error is ctx's, or that the stores can't be read.
func (m *Mirror) Import(ctx context.Context, core nkv.NotifyKeyValue) (Report, error) {
	surveys, err := m.look()
	if err != nil {
		return Report{}, err
	}
	fences := fences(core)
	var report Report
	for _, v := range surveys {
		if err := v.change(ctx, core, fences); err != nil {
			return Report{}, err
		}
		v.settle()
		for _, t := range v.reports {
			if !t.empty() {
				report.Tables = append(report.Tables, *t)
			}
		}
	}
	slices.SortFunc(report.Tables, func(a, b TableReport) int { return cmp.Compare(a.Table, b.Table) })
	for _, t := range report.Tables {
		m.log.WithFields(t.fields()).Debug("the old files of a table were read")
	}
	m.log.WithFields(report.counts()).Infof("the old files below %s were read and are kept current", m.root)
	return report, nil
}

// look surveys both lanes; nothing is committed meanwhile. From then on both keep
// their files.
func (m *Mirror) look() ([]*survey, error) {
	var surveys []*survey
	for _, s := range m.lanes() {
		s.take()
		defer s.leave()
		found, err := readState(s.inner)
		if err != nil {
			return nil, err
		}
		s.tables = found
		surveys = append(surveys, &survey{store: s, dirs: s.dirs(), reports: map[string]*TableReport{}})
	}
	for i, v := range surveys {
		v.other = m.lanes()[1-i].tables
		v.look()
		v.dirs.close()
	}
	m.yield(surveys)
	for _, s := range m.lanes() {
		s.active = true
	}
	return surveys, nil
}

// yield lets a table that is new in both places be durable.
func (m *Mirror) yield(surveys []*survey) {
	durable, volatile := surveys[0], surveys[1]
	made := map[string]bool{}
	for _, a := range durable.asks {
		made[a.table] = true
	}
	volatile.asks = slices.DeleteFunc(volatile.asks, func(a *ask) bool {
		t := volatile.store.tables[a.table]
		yields := made[a.table] && (t == nil || !t.there)
		if yields {
			a.file.left = true
			volatile.left(a.table, leftError(t.dir, fileName(a.key), errLane))
		}
		return yields
	})
}

// fences returns the fences of tables that somebody owns: under them the server
// may write in the owner's place.
func fences(core nkv.NotifyKeyValue) map[string]uint64 {
	answer := make(chan nkv.Result, 1)
	core.Submit(nkv.Request{Op: nkv.OpTables, Done: func(r nkv.Result) { answer <- r }})
	fences := map[string]uint64{}
	for _, info := range (<-answer).Infos {
		if info.Owner != nil {
			fences[info.Table] = info.Fence
		}
	}
	return fences
}

// change asks the core for everything that the files ask for: of each table the
// values first.
func (v *survey) change(ctx context.Context, core nkv.NotifyKeyValue, fences map[string]uint64) error {
	slices.SortFunc(v.asks, func(a, b *ask) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(order(a), order(b)), cmp.Compare(a.key, b.key))
	})
	for rest := v.asks; len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, bytes := 0, 0
		for n < min(asksAtOnce, len(rest)) && (n == 0 || bytes+len(rest[n].request.Value) <= bytesAtOnce) {
			bytes += len(rest[n].request.Value)
			n++
		}
		submit(core, rest[:n], fences)
		rest = rest[n:]
	}
	for _, a := range v.asks {
		v.outcome(a)
	}
	return nil
}

func order(a *ask) int {
	switch a.request.Op {
	case nkv.OpPut:
		return 0
	case nkv.OpDelete:
		return 1
	}
	return 2
}

func submit(core nkv.NotifyKeyValue, asks []*ask, fences map[string]uint64) {
	var answers sync.WaitGroup
	answers.Add(len(asks))
	for _, a := range asks {
		r := a.request
		r.Fence = fences[a.table]
		r.Done = func(result nkv.Result) {
			a.err = result.Err
			answers.Done()
		}
		core.Submit(r)
	}
	answers.Wait()
}

// outcome reports what became of a file.
func (v *survey) outcome(a *ask) {
	r := v.report(a.table)
	switch {
	case errors.Is(a.err, nkv.ErrNotFound): // it is gone, as it is to be
	case a.err != nil:
		v.left(a.table, leftError(v.store.dir(a.table), fileName(a.key), a.err))
		v.store.take()
		a.file.left = true
		v.store.leave()
	case a.request.Op == nkv.OpMark:
		r.Restarted = true
	case a.request.Op == nkv.OpDelete:
		r.Deleted = append(r.Deleted, keyText(a.key))
	case !slices.Contains(r.Recovered, keyText(a.key)):
		r.Imported = append(r.Imported, keyText(a.key))
	}
}

func (s *Store) dir(table string) string { return newTable(table).dir }

// settle puts right what the notes say, and then the files.
func (v *survey) settle() {
	s := v.store
	s.take()
	defer s.leave()
	s.correct()
	d := s.dirs()
	defer d.close()
	s.agree(d, func(table string, written bool) {
		if written {
			v.report(table).Written++
		} else {
			v.report(table).Removed++
		}
	})
	s.hurry()
	for i := range v.drafts {
		d.discard(&v.drafts[i])
	}
}

// correct makes all notes say what the files are to hold.
func (s *Store) correct() {
	for name, t := range s.tables {
		for key, f := range t.files {
			if f.left && f.want != nil {
				continue
			}
			if right := f.rightNote(); right != f.note {
				f.note = right
				s.due[id{name, key}], s.urgent = right, true
			}
		}
	}
	s.hurry()
}

// rightNote is the note that a file should have before it is made to agree.
func (f *file) rightNote() note {
	switch {
	case f.want == nil && (f.left || !f.disk.there):
		return note{}
	case f.want == nil:
		return note{had: f.disk}
	}
	n := note{wants: true, want: sumOf(f.want), had: f.disk, stale: !f.disk.there}
	if f.disk.there && f.disk.sum == n.want {
		n.had = f.note.had
	}
	return n
}
