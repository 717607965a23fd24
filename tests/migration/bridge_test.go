package migration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
	"github.com/evenkv/nkv/tests/migration/original"
)

// operations is how many there are in all, on all tables.
const operations = 1_000

// markKey holds the number of the newest restart mark, set before the mark.
const markKey = "mark"

// TestLiveBridge lets agents of both kinds publish and read the same tables, while
// they and the server are killed and agents change sides. Every view is equal to
// what was published last, in the end, and so are the files when the server is
// gone.
func TestLiveBridge(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	d := newDevice(t)
	if err := d.begin(); err != nil {
		t.Fatal(err)
	}
	tables := []*table{
		{name: original.Name{Agent: "zedagent", Topic: "AppInstanceConfig"}, durable: true},
		{name: original.Name{Agent: "zedagent", Topic: "DeviceStatus"}},
		{name: original.Name{Agent: "verifier", Scope: "AppImg", Topic: "VerifyConfig"}},
		{name: original.Name{Agent: "verifier", Topic: "VerifyConfig"}, durable: true},
		{name: original.Name{Agent: "nim", Topic: "DeviceNetworkStatus"}},
	}
	reader, err := d.connect("reader")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	var work sync.WaitGroup
	for n, table := range tables {
		table.t, table.d, table.rng = t, d, rand.New(rand.NewPCG(seed, uint64(n)))
		table.want = map[string]string{}
		table.readers = []view{newClientView(table, reader), newOldView(table), newOldView(table)}
		work.Go(func() { table.run(n == 0) })
	}
	work.Wait()
	if t.Failed() {
		return
	}
	t.Logf("%d operations, %d changes of sides, %d ends of publishers, %d of subscribers, %d of the server",
		did.operations.Load(), did.sides.Load(), did.publishers.Load(), did.subscribers.Load(), did.servers.Load())
	for _, table := range tables {
		table.check()
	}
	for n, table := range tables {
		if n%2 == 0 {
			table.side.end(table.rng) // some are gone before the server, some after it
			table.checkReaders()
		}
	}
	d.end(syscall.SIGTERM)
	for _, table := range tables {
		table.checkFiles()
		table.close()
	}
}

// did counts what happened.
var did struct{ operations, sides, publishers, subscribers, servers atomic.Int64 }

// table is a table, who publishes it now, and who reads it.
type table struct {
	t       *testing.T
	d       *device
	rng     *rand.Rand
	name    original.Name
	durable bool

	side    side
	past    []string // what was done last, for people
	isOld   bool
	want    map[string]string
	counter int
	marks   int // the newest restart mark
	next    int // number of the next value
	readers []view
}

// view is a subscriber.
type view interface {
	values() map[string]string
	counter() int
	close()
}

// run does a share of the operations; one table's also kills the server.
func (tb *table) run(kills bool) {
	if !tb.start(tb.rng.IntN(2) == 0) {
		return
	}
	const each = operations / 5
	for n := range each {
		if kills && n%25 == 24 && !tb.restartServer() {
			return
		}
		if err := tb.operate(); err != nil {
			tb.t.Errorf("table %v, old %t: %v", tb.name, tb.isOld, err)
			return
		}
		did.operations.Add(1)
	}
}

func (tb *table) restartServer() bool {
	did.servers.Add(1)
	tb.did("restart the server")
	with := syscall.SIGKILL
	if tb.rng.IntN(4) == 0 {
		with = syscall.SIGTERM
	}
	tb.d.end(with)
	if tb.isOld { // it does its work without the server
		for range tb.rng.IntN(10) {
			if err := tb.operate(); err != nil {
				tb.t.Errorf("table %v, without the server: %v", tb.name, err)
			}
		}
	}
	err := tb.d.begin()
	if err != nil {
		tb.t.Error(err)
	}
	return err == nil
}

// start starts the agent on one side, which must find what the last one had
// published.
func (tb *table) start(isOld bool) bool {
	start := startMoved
	if isOld {
		start = startOld
	}
	tb.did(fmt.Sprintf("start as old %t", isOld))
	var err error
	if tb.side, err = start(tb.d, tb.name, tb.durable); err != nil {
		tb.t.Errorf("table %v, old %t, can't be published: %v", tb.name, isOld, err)
		return false
	}
	tb.isOld = isOld
	tb.did("started")
	if diff := cmp.Diff(tb.want, tb.side.values()); diff != "" || tb.side.counter() != tb.counter {
		tb.t.Errorf("table %v, old %t, as the next publisher finds it, after %s: restarted %d, want %d (-want +got):\n%s",
			tb.name, isOld, tb.past, tb.side.counter(), tb.counter, diff)
		return false
	}
	return true
}

// did remembers what was done.
func (tb *table) did(what string) {
	tb.past = append(tb.past[max(0, len(tb.past)-20):], time.Now().Format("05.000 ")+what)
}

func (tb *table) operate() error {
	switch n := tb.rng.IntN(100); {
	case n < 60:
		return tb.put(keys[tb.rng.IntN(len(keys))])
	case n < 75:
		return tb.delete(keys[tb.rng.IntN(len(keys))])
	case n < 82:
		return tb.mark()
	case n < 86: // a burst
		for range 30 {
			if err := tb.put(keys[tb.rng.IntN(3)]); err != nil {
				return err
			}
		}
		return nil
	case n < 90:
		tb.restartReader()
		return nil
	case n < 95:
		return tb.restartPublisher(tb.isOld)
	}
	return tb.restartPublisher(!tb.isOld)
}

func (tb *table) put(key string) error {
	tb.next++
	v := value(tb.rng, tb.next)
	tb.want[key] = v
	tb.did("put " + strconv.Itoa(tb.next))
	return tb.side.put(key, v)
}

func (tb *table) delete(key string) error {
	if _, there := tb.want[key]; !there {
		return nil
	}
	delete(tb.want, key)
	tb.did("delete " + key)
	return tb.side.delete(key)
}

// mark sets the restart counter, or clears it.
func (tb *table) mark() error {
	if tb.rng.IntN(5) == 0 {
		tb.counter = 0
		tb.did("clear the restart counter")
		return tb.side.restarted(0)
	}
	tb.marks++
	tb.want[markKey] = strconv.Itoa(tb.marks)
	tb.counter = tb.marks
	tb.did("restart " + strconv.Itoa(tb.marks))
	if err := tb.side.put(markKey, tb.want[markKey]); err != nil {
		return err
	}
	return tb.side.restarted(tb.counter)
}

func (tb *table) restartPublisher(asOld bool) error {
	// Without the server nobody could start as a client.
	if tb.d.running() || asOld {
		did.publishers.Add(1)
		if asOld != tb.isOld {
			did.sides.Add(1)
		}
		tb.side.end(tb.rng)
		if !tb.start(asOld) {
			return fmt.Errorf("it did not start again")
		}
	}
	return nil
}

func (tb *table) restartReader() {
	did.subscribers.Add(1)
	n := 1 + tb.rng.IntN(len(tb.readers)-1)
	tb.readers[n].close()
	tb.readers[n] = newOldView(tb)
}

func (d *device) running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.server != nil
}

// check compares what is published, and all views, with what they should be.
func (tb *table) check() {
	tb.t.Helper()
	if diff := cmp.Diff(tb.want, tb.side.values()); diff != "" {
		tb.t.Errorf("table %v, old %t, as published (-want +got):\n%s", tb.name, tb.isOld, diff)
	}
	tb.checkReaders()
}

func (tb *table) checkReaders() {
	tb.t.Helper()
	for n, reader := range tb.readers {
		same := func() bool { return maps.Equal(tb.want, reader.values()) && reader.counter() == tb.counter }
		if !testutil.Holds(patience, same) {
			tb.t.Errorf("table %v, old publisher %t, reader %d: counter %d, want %d (-want +got):\n%s",
				tb.name, tb.isOld, n, reader.counter(), tb.counter, cmp.Diff(tb.want, reader.values()))
		}
	}
}

// checkFiles reads the files as the original does when it starts.
func (tb *table) checkFiles() {
	tb.t.Helper()
	got, counter, err := original.Load(tb.name.Dir(tb.d.root(), tb.durable), tb.durable)
	if err != nil {
		tb.t.Errorf("table %v: %v", tb.name, err)
		return
	}
	if diff := cmp.Diff(tb.want, got); diff != "" || counter != tb.counter {
		tb.t.Errorf("table %v, old publisher %t, in its files: counter %d, want %d (-want +got):\n%s", tb.name, tb.isOld, counter, tb.counter, diff)
	}
}

func (tb *table) close() {
	tb.side.end(tb.rng)
	for _, reader := range tb.readers {
		reader.close()
	}
}

// checkMark fails when a restart mark overtook what was published before it.
func (tb *table) checkMark(who string, counter uint64, mark string) {
	if counter == 0 {
		return
	}
	if n, err := strconv.ParseUint(mark, 10, 64); err != nil || n < counter {
		tb.t.Errorf("table %v: %s heard of restart %d and has seen %q", tb.name, who, counter, mark)
	}
}

// oldView is a subscriber with the original's library.
type oldView struct{ *original.Subscriber }

func newOldView(tb *table) oldView {
	seen := "" // only the subscriber's goroutine uses it
	return oldView{original.Subscribe(tb.d.root(), tb.name, func(e original.Event) {
		switch {
		case e.Verb == "update" && e.Key == markKey:
			seen = e.Value
		case e.Verb == "restarted":
			counter, err := strconv.ParseUint(e.Key, 10, 64)
			if err != nil {
				tb.t.Errorf("table %v: a restart counter %q", tb.name, e.Key)
			}
			tb.checkMark("an old subscriber", counter, seen)
		}
	})}
}

func (v oldView) values() map[string]string {
	if !v.Complete() {
		return nil
	}
	return v.Values()
}

func (v oldView) counter() int { return v.Counter() }
func (v oldView) close()       { v.Close() }

// clientView is a subscriber that is a client of the server.
type clientView struct {
	sub  *client.Subscription
	work sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	seen    map[string]string
	restart uint64
}

func newClientView(tb *table, p *process) *clientView {
	name := wire.Table{Agent: tb.name.Agent, Scope: tb.name.Scope, Topic: tb.name.Topic}
	sub, err := p.Subscribe(name.String())
	if err != nil {
		tb.t.Fatal(err)
	}
	v := &clientView{sub: sub, seen: map[string]string{}}
	ctx := tb.t.Context()
	v.work.Go(func() {
		for {
			c, ok := sub.Next()
			if !ok {
				if sub.Wait(ctx) != nil {
					return
				}
				continue
			}
			v.take(tb, c)
		}
	})
	return v
}

func (v *clientView) take(tb *table, c client.Change) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch c.Op {
	case client.Put:
		v.seen[c.Key] = string(c.Value)
	case client.Delete:
		delete(v.seen, c.Key)
	case client.Restarted:
		v.restart = c.Info.Restart
		tb.checkMark("a client", v.restart, v.seen[markKey])
	}
}

func (v *clientView) values() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.seen)
}

func (v *clientView) counter() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return int(v.restart)
}

func (v *clientView) close() {
	v.sub.Close()
	v.work.Wait()
}
