package nkv

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/store"
)

func TestMain(m *testing.M) { leak.Main(m) }

// faultyStore is a Memory whose calls can be replaced.
type faultyStore struct {
	*store.Memory

	mu     sync.Mutex // guards the fields below
	commit func(batch []store.Op) error
	reload func() error
	count  int // of commits
}

func newStore() *faultyStore { return &faultyStore{Memory: store.NewMemory()} }

func (s *faultyStore) Commit(batch []store.Op) error {
	s.mu.Lock()
	s.count++
	commit := s.commit
	s.mu.Unlock()
	if commit != nil {
		return commit(batch)
	}
	return s.Memory.Commit(batch)
}

func (s *faultyStore) Reload() error {
	s.mu.Lock()
	reload := s.reload
	s.mu.Unlock()
	if reload != nil {
		return reload()
	}
	return s.Memory.Reload()
}

// on replaces Commit, by nil: with the store's own.
func (s *faultyStore) on(commit func([]store.Op) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit = commit
}

func (s *faultyStore) onReload(reload func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reload = reload
}

func (s *faultyStore) commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// image returns the store as a crash would leave it now. Nobody may commit
// meanwhile.
func (s *faultyStore) image() *faultyStore {
	image := newStore()
	var ops []store.Op
	for key, value := range s.All() {
		ops = append(ops, store.Op{Key: key, Value: value})
	}
	if len(ops) > 0 {
		if err := image.Memory.Commit(ops); err != nil {
			panic(err)
		}
	}
	return image
}

func refused() error { return fmt.Errorf("test store: %w: no space", store.ErrNotCommitted) }
func unknown() error { return fmt.Errorf("test store: %w: sync failed", store.ErrUnknown) }

// history records all events.
type history struct {
	mu     sync.Mutex
	events []Event
}

func (h *history) Notify(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *history) all() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Event(nil), h.events...)
}

// of returns the events of a table.
func (h *history) of(table string) []Event {
	var found []Event
	for _, e := range h.all() {
		if e.Table == table {
			found = append(found, e)
		}
	}
	return found
}

// bench is a core under test.
type bench struct {
	t *testing.T
	*Core
	*history
	durable, volatile *faultyStore
	boot              string
	opts              Options
}

// newBench starts a core on new stores; change may set more options.
func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	b := &bench{t: t, durable: newStore(), volatile: newStore(), boot: "boot"}
	for _, f := range change {
		f(&b.opts)
	}
	b.start()
	return b
}

func (b *bench) start() {
	b.t.Helper()
	b.history = &history{}
	opts := b.opts
	opts.Durable, opts.Volatile, opts.BootID, opts.Notifier = b.durable, b.volatile, b.boot, b.history
	core, err := Open(opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Core = core
	b.t.Cleanup(core.Close)
}

func (b *bench) restart() {
	b.t.Helper()
	b.Close()
	b.start()
}

// submit sends a request and returns where its answer will be.
func (b *bench) submit(r Request) <-chan Result {
	answer := make(chan Result, 1)
	r.Done = func(result Result) {
		select {
		case answer <- result:
		default:
			b.t.Errorf("a second answer to operation %d on %s", r.Op, r.Table)
		}
	}
	b.Submit(r)
	return answer
}

// hold keeps the core busy until the returned function is called, so that what is
// submitted meanwhile is taken at once.
func (b *bench) hold() (release func()) {
	entered, gate := make(chan struct{}), make(chan struct{})
	b.post(func() {
		close(entered)
		<-gate
	})
	<-entered
	return func() { close(gate) }
}

func (b *bench) do(r Request) Result { return <-b.submit(r) }

// must does what has to work.
func (b *bench) must(r Request) Result {
	b.t.Helper()
	result := b.do(r)
	if result.Err != nil {
		b.t.Fatalf("operation %d on %s %s: %v", r.Op, r.Table, r.Key, result.Err)
	}
	return result
}

// fails does what has to fail with want.
func (b *bench) fails(r Request, want error) Result {
	b.t.Helper()
	result := b.do(r)
	if !errors.Is(result.Err, want) {
		b.t.Errorf("operation %d on %s %s: %v, want %v", r.Op, r.Table, r.Key, result.Err, want)
	}
	return result
}

func put(table, key, value string) Request {
	return Request{Op: OpPut, Table: table, Key: key, Value: []byte(value)}
}

func under(fence uint64, r Request) Request {
	r.Fence = fence
	return r
}

func expect(revision uint64, r Request) Request {
	r.Expect = &revision
	return r
}

func durable(r Request) Request {
	r.Durable = true
	return r
}

func open(table, instance string) Request {
	return Request{Op: OpOpen, Table: table, Instance: Instance{ID: instance, Agent: "agent"}, Fingerprint: "print"}
}

// values returns a table as key → value.
func (b *bench) values(table string) map[string]string {
	b.t.Helper()
	values := map[string]string{}
	for _, e := range b.must(Request{Op: OpSnapshot, Table: table}).View.Entries() {
		values[e.Key] = string(e.Value)
	}
	return values
}

func (b *bench) has(table string, want map[string]string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.values(table)); diff != "" {
		b.t.Errorf("table %s (-want +got):\n%s", table, diff)
	}
}

// replay checks the chain of every table's events, and that they make the tables
// that the core has and the stores hold.
func (b *bench) replay() {
	b.t.Helper()
	heads, tables := map[string]uint64{}, map[string]map[string]*Entry{}
	last := uint64(0)
	for _, e := range b.all() {
		if tables[e.Table] == nil {
			tables[e.Table] = map[string]*Entry{}
		}
		if e.Previous != heads[e.Table] || e.Revision <= e.Previous {
			b.t.Errorf("event %d of table %s has previous %d, want %d", e.Revision, e.Table, e.Previous, heads[e.Table])
		}
		heads[e.Table], last = e.Revision, max(last, e.Revision)
		switch e.Op {
		case EventPut:
			tables[e.Table][e.Key] = &Entry{e.Key, e.Value, e.Revision}
		case EventDelete:
			if tables[e.Table][e.Key] == nil {
				b.t.Errorf("event %d deletes key %s of table %s, which is not there", e.Revision, e.Key, e.Table)
			}
			delete(tables[e.Table], e.Key)
		case EventMark:
			if e.Info.Head != e.Revision || e.Info.Keys != len(tables[e.Table]) {
				b.t.Errorf("mark %d of table %s says head %d, %d keys, want %d keys", e.Revision, e.Table, e.Info.Head, e.Info.Keys, len(tables[e.Table]))
			}
		}
	}
	infos := b.must(Request{Op: OpTables}).Infos
	if len(infos) != len(tables) {
		b.t.Errorf("there are %d tables, the events tell of %d", len(infos), len(tables))
	}
	for _, info := range infos {
		if info.Head != heads[info.Table] {
			b.t.Errorf("table %s has head %d, its last event is %d", info.Table, info.Head, heads[info.Table])
		}
		b.same(info, tables[info.Table])
	}
	if status := b.must(Request{Op: OpStatus}).Status; status.Revision < last {
		b.t.Errorf("the newest revision is %d, an event had %d", status.Revision, last)
	}
	b.stored()
}

func (b *bench) same(info Info, want map[string]*Entry) {
	b.t.Helper()
	got, size := map[string]*Entry{}, int64(0)
	for _, e := range b.must(Request{Op: OpSnapshot, Table: info.Table}).View.Entries() {
		got[e.Key] = e
		size += int64(len(e.Value))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("table %s (-events +table):\n%s", info.Table, diff)
	}
	if info.Keys != len(got) || info.Bytes != size {
		b.t.Errorf("table %s says %d keys, %d bytes, want %d, %d", info.Table, info.Keys, info.Bytes, len(got), size)
	}
}

// stored checks that the stores hold what memory does. Nobody may commit
// meanwhile.
func (b *bench) stored() {
	b.t.Helper()
	for _, l := range []struct {
		store   *faultyStore
		durable bool
	}{{b.durable, true}, {b.volatile, false}} {
		found, err := readState(l.store)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, info := range b.must(Request{Op: OpTables}).Infos {
			t := found.tables[info.Table]
			if info.Durable != l.durable {
				if t != nil {
					b.t.Errorf("table %s, durable %t, is in the other store", info.Table, info.Durable)
				}
				continue
			}
			if t == nil {
				b.t.Errorf("table %s, durable %t, is not in its store", info.Table, info.Durable)
				continue
			}
			if t.meta.Head != info.Head || t.meta.Fence != info.Fence || t.meta.Restart != info.Restart || t.meta.Owned != (info.Owner != nil) {
				b.t.Errorf("table %s is stored as %+v, want %+v", info.Table, t.meta, info)
			}
			b.same(info, t.keys)
			delete(found.tables, info.Table)
		}
		for name := range found.tables {
			b.t.Errorf("a store has table %s, which is not there", name)
		}
	}
}
