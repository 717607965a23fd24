package client

import (
	"github.com/evenkv/nkv/pkg/wire"
)

// tableView follows one table for one subscription: it knows the table's head
// and the revision of each key that was filed, and files what changes.
//
// While it follows, each event must name the view's head as its previous
// revision. When one does not, or when the connection was lost, the view is in
// doubt: events are held, the table's snapshot is pulled and filed as a
// difference, and what was held and is newer follows.
//
// The subscription's lock guards it.
type tableView struct {
	name   string
	store  string            // the lineage of the revisions; empty: none seen
	head   uint64            // up to which all is filed
	known  map[string]uint64 // revisions of the keys that were filed and not deleted
	info   wire.TableInfo    // as of the newest mark or snapshot
	follow bool              // false: in doubt
	doubts int               // how often it came into doubt; tells an old snapshot
	pulled bool              // a snapshot was filed, ever
	synced bool              // Synchronized was filed

	held     pending // changes while in doubt, of the lineage heldOf
	heldOf   string
	heldFrom uint64 // the previous revision of the first held event
	heldTo   uint64 // the revision of the last; 0: none is held

	waiting pending // filed, not yet handled
	handled uint64  // newest revision that its taker is done with
	suspect uint64  // a head that the server told and the view did not have; 0: none
}

// event is an event as it came.
type event struct {
	change   Change
	previous uint64
	store    string
	silent   bool // its key is outside of what the subscription is about
}

func newTableView(name string) *tableView {
	return &tableView{name: name, known: map[string]uint64{}}
}

// doubt stops following until the table was compared with the server's.
func (t *tableView) doubt() {
	t.follow = false
	t.doubts++
}

// receive takes an event. It returns false when the table must be pulled.
func (t *tableView) receive(e event) bool {
	switch {
	case !t.follow:
		t.hold(e)
		return true // it is being pulled, or will be when there is a connection
	case e.store == t.store && e.change.Revision <= t.head:
		if e.previous < e.change.Revision {
			return true // it came twice
		}
	case e.store == t.store && e.previous == t.head:
		t.file(e.change, e.silent)
		return true
	}
	t.doubt()
	t.hold(e)
	return false
}

// hold keeps an event for after the snapshot. Where the chain of held events
// breaks, the older ones are useless: the snapshot must be newer than the break.
func (t *tableView) hold(e event) {
	if t.heldTo == 0 || e.previous != t.heldTo || e.store != t.heldOf {
		t.held, t.heldFrom = pending{}, e.previous
	}
	t.heldTo, t.heldOf = e.change.Revision, e.store
	if !e.silent {
		t.held.add(e.change)
	}
}

// file files one change or mark that is the next in the chain.
func (t *tableView) file(c Change, silent bool) {
	t.head = c.Revision
	switch {
	case silent:
	case c.Op == Put:
		t.known[c.Key] = c.Revision
		t.waiting.add(c)
	case c.Op == Delete:
		if _, known := t.known[c.Key]; known {
			delete(t.known, c.Key)
			t.waiting.add(c)
		}
	default:
		t.mark(c.Info, c.Revision)
	}
}

// mark files what differs between the table as it was known and as it is.
func (t *tableView) mark(info wire.TableInfo, revision uint64) {
	old := t.info
	t.info = info
	tell := func(op Op) {
		t.waiting.add(Change{Op: op, Table: t.name, Revision: revision, Info: info})
	}
	if info.Opened && !t.synced {
		t.synced = true
		tell(Synchronized)
	}
	if info.Fence != old.Fence || info.Open != old.Open {
		if info.Open {
			tell(TableOpened)
		} else if old.Open {
			tell(TableClosed)
		}
	}
	if info.Restart != old.Restart {
		tell(Restarted)
	}
}

// snapshot is one table as of its head, as it was pulled.
type snapshot struct {
	store   string
	head    uint64
	doubts  int // the view's when it was asked for
	info    wire.TableInfo
	records []wire.Record // by revision
}

// apply files a snapshot as a difference, then what was held. It returns false
// when it must be pulled again: events between the two are missing, or the view
// was followed since it was asked for, so that it may be older than what was
// filed.
func (t *tableView) apply(s *snapshot) bool {
	if t.follow {
		return true
	}
	if s.doubts != t.doubts {
		return false
	}
	same := t.pulled && s.store == t.store
	present := make(map[string]uint64, len(s.records))
	for _, r := range s.records {
		present[r.Key] = r.Revision
		if known, ok := t.known[r.Key]; ok && same && known == r.Revision {
			continue
		}
		t.waiting.add(Change{Op: Put, Table: t.name, Key: r.Key, Value: r.Value, Revision: r.Revision})
	}
	for key := range t.known {
		if _, ok := present[key]; !ok {
			t.waiting.add(Change{Op: Delete, Table: t.name, Key: key, Revision: s.head})
		}
	}
	t.known, t.head, t.store, t.pulled = present, s.head, s.store, true
	t.mark(s.info, s.head)
	return t.resume(s.store)
}

// unchanged ends the doubt when the server's head is the one that is known. It
// returns false when the table must be pulled.
func (t *tableView) unchanged(store string, head uint64) bool {
	if !t.pulled || store != t.store || head != t.head {
		return false
	}
	return t.resume(store)
}

// resume files what was held and follows from there.
func (t *tableView) resume(store string) bool {
	if t.heldOf != store {
		t.held, t.heldTo = pending{}, 0
	}
	if t.heldTo > t.head && t.heldFrom > t.head {
		t.held, t.heldTo = pending{}, 0
		return false
	}
	last := max(t.head, t.heldTo)
	for {
		c, ok := t.held.next()
		if !ok {
			break
		}
		if c.Revision > t.head {
			t.fileHeld(c)
		}
	}
	t.held, t.heldTo, t.head, t.store, t.follow, t.suspect = pending{}, 0, last, store, true, 0
	return true
}

// fileHeld files a held change without moving the head, which the last one sets:
// held changes are in order of their segments, not of their revisions.
func (t *tableView) fileHeld(c Change) {
	head := t.head
	t.file(c, false)
	t.head = head
}
