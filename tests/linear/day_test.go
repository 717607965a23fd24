package linear

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// settled is how long a view may take to become the table (G1).
	settled   = 10 * time.Second
	timeout   = 400 * time.Millisecond // of a call
	impatient = 150 * time.Millisecond // of a writer's: many then have no answer
	headCheck = time.Second
	grace     = 300 * time.Millisecond // of owners
	epochs    = 6                      // of a day
	epochFor  = 1700 * time.Millisecond
	writers   = 5
	takers    = 3
	// asksAtOnce is how many ask over one connection.
	asksAtOnce = 2
)

// day is one run: a server, those who write and read, and what happened.
type day struct {
	t       testing.TB
	rec     *recorder
	random  *rand.Rand // the test goroutine's
	server  testutil.ServerOptions
	process *testutil.Process
	now     atomic.Int32 // the epoch
	trouble atomic.Bool  // events get lost
	work    sync.WaitGroup
	lines   []*line // those of who writes first
	writing int     // how many these are
	readers []*reader

	mu      sync.Mutex // guards the fields below
	faults  map[string]int
	slowest time.Duration // that a view took to be right in the end
}

func (d *day) epoch() int { return int(d.now.Load()) }

// live lets a day pass and writes down what happens.
func live(t *testing.T, program string, seed uint64) *day {
	dir := t.TempDir()
	d := &day{
		t: t, rec: newRecorder(), random: rand.New(rand.NewPCG(seed, 1)), faults: map[string]int{},
		server: testutil.ServerOptions{
			Socket: filepath.Join(dir, "s.sock"), StoreDir: filepath.Join(dir, "store"), VolatileDir: filepath.Join(dir, "volatile"),
			OwnerGrace: grace, Program: program,
		},
	}
	d.process = testutil.StartProcess(t, d.server)
	defer func() { d.process.Kill() }()
	d.trouble.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	d.write(ctx)
	estates := d.own(ctx)
	d.writing = len(d.lines)
	for table, durable := range rawTables {
		d.follow("reader", table, durable, nil)
	}
	for _, e := range estates {
		d.follow("reader", e.table, e.durable, e)
	}
	for epoch := range epochs {
		d.now.Store(int32(epoch))
		d.follow("reader", fencedTable(epoch), false, nil)
		for _, e := range estates { // one that comes in the middle of everything
			d.follow(fmt.Sprint("reader of epoch ", epoch), e.table, e.durable, e)
		}
		d.pass(ctx, epoch%2 == 1)
	}
	cancel()
	d.work.Wait()
	d.trouble.Store(false)
	d.finish()
	return d
}

func (d *day) line() *line {
	l := faulty(d, d.server.Socket, &d.trouble)
	d.lines = append(d.lines, l)
	return l
}

func (d *day) follow(name string, table wire.Table, durable bool, of *estate) {
	random := rand.New(rand.NewPCG(d.random.Uint64(), 3))
	if r := d.read(name, table, durable, of, d.line(), random); r != nil {
		d.readers = append(d.readers, r)
	}
}

// write starts those who write tables that have no publication.
func (d *day) write(ctx context.Context) {
	for i := range writers + takers {
		c, err := client.Connect(ctx, d.line().URL(), client.Name(fmt.Sprint("writer", i)), client.Timeout(impatient))
		if err != nil {
			d.t.Fatal(err)
		}
		var asking sync.WaitGroup
		for j := range asksAtOnce {
			w := &writer{
				day: d, id: i*asksAtOnce + j, c: c, random: rand.New(rand.NewPCG(d.random.Uint64(), 4)), seen: map[wire.Path]output{},
			}
			asking.Go(func() { w.write(ctx, i < writers) })
		}
		d.work.Go(func() { asking.Wait(); c.Close() })
	}
}

// write asks for one thing after the other.
func (w *writer) write(ctx context.Context, raw bool) {
	for ctx.Err() == nil {
		begun := context.WithoutCancel(ctx) // what was begun ends as it would
		if raw {
			w.raw(begun)
		} else {
			w.fenced(begun)
		}
		if w.c.Connected() != nil {
			pause(ctx, 5*time.Millisecond)
		}
		pause(ctx, time.Duration(w.random.IntN(5))*time.Millisecond)
	}
}

// own starts the owners of tables.
func (d *day) own(ctx context.Context) []*estate {
	estates := []*estate{
		newEstate(d, wire.Table{Agent: "owner", Topic: "Volatile"}, false),
		newEstate(d, wire.Table{Agent: "owner", Topic: "Durable"}, true),
	}
	for i, e := range estates {
		lines, random := [2]*line{d.line(), d.line()}, rand.New(rand.NewPCG(d.random.Uint64(), 5))
		d.work.Go(func() { e.own(ctx, random, lines) })
		// One who asks for its keys beside.
		c, err := client.Connect(ctx, d.line().URL(), client.Timeout(timeout))
		if err != nil {
			d.t.Fatal(err)
		}
		w := &writer{day: d, id: (writers+takers)*asksAtOnce + i, c: c, random: rand.New(rand.NewPCG(d.random.Uint64(), 6)), seen: map[wire.Path]output{}}
		d.work.Go(func() {
			defer c.Close()
			for ctx.Err() == nil {
				path := wire.Path{Table: e.table, Key: ownedKey(w.random.IntN(ownedKeys))}
				w.get(context.WithoutCancel(ctx), path, input{Table: e.table.String(), Key: path.Key, Expect: -1})
				pause(ctx, time.Duration(w.random.IntN(4))*time.Millisecond)
			}
		})
	}
	return estates
}

// pass lets an epoch pass, with faults all the time and, where it is said, a
// server that is killed.
func (d *day) pass(ctx context.Context, kill bool) {
	end := time.Now().Add(epochFor)
	killAt := time.Now().Add(epochFor/4 + rand.N(epochFor/4))
	for time.Now().Before(end) {
		pause(ctx, time.Duration(5+d.random.IntN(50))*time.Millisecond)
		at := d.lines
		if d.random.IntN(3) > 0 {
			at = d.lines[:d.writing] // most lines are readers'
		}
		d.disturb(ctx, pick(d.random, at...), d.random)
		if kill && time.Now().After(killAt) {
			kill = false
			d.count("kills of the server")
			d.process.Kill()
			pause(ctx, time.Duration(d.random.IntN(200))*time.Millisecond)
			d.process = testutil.StartProcess(d.t, d.server)
		}
	}
}

// finish reads everything when nothing happens any more, and waits for the views.
func (d *day) finish() {
	c, err := client.Connect(context.Background(), "unix://"+d.server.Socket)
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	d.quiet(c)
	tables := map[wire.Table]map[string]int{}
	for table := range rawTables {
		var keys []string
		for i := range epochs * rawKeys {
			keys = append(keys, rawKey(i/rawKeys, i%rawKeys))
		}
		tables[table] = d.table(c, table, keys)
	}
	for _, topic := range []string{"Volatile", "Durable"} {
		var keys []string
		for i := range ownedKeys {
			keys = append(keys, ownedKey(i))
		}
		table := wire.Table{Agent: "owner", Topic: topic}
		tables[table] = d.table(c, table, keys)
	}
	for epoch := range epochs {
		var keys []string
		for i := range slots {
			keys = append(keys, fencedKey(i))
		}
		tables[fencedTable(epoch)] = d.table(c, fencedTable(epoch), keys)
	}
	for _, r := range d.readers {
		r.becomes(tables[r.table])
	}
	for _, r := range d.readers {
		r.end()
	}
	for _, l := range d.lines {
		l.Close()
	}
}

// quiet waits until the server has done with everything that was on its way to it:
// the connections of those who wrote are gone, and the readers' are all there.
func (d *day) quiet(c *client.Client) {
	for _, l := range d.lines[:d.writing] {
		l.Close()
	}
	want, last := len(d.readers)+1, "it does not answer"
	if !testutil.Holds(settled, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		health, err := c.Health(ctx)
		last = fmt.Sprintf("%d connections, %v", health.Connections, err)
		return err == nil && health.Connections == want
	}) {
		open := map[string]int{}
		for i, l := range d.lines {
			if n := l.Open(); n != 0 && i < d.writing || n != 1 && i >= d.writing {
				open[fmt.Sprint("line ", i)] = n
			}
		}
		d.rec.violation("after %s the server does not have the connections of the %d readers and the asker: %s; over their lines, where it is not one each: %v",
			settled, len(d.readers), last, open)
	}
}

// table asks for all keys of a table and writes the answers down, too.
func (d *day) table(c *client.Client, table wire.Table, keys []string) map[string]int {
	ctx, cancel := context.WithTimeout(context.Background(), settled)
	defer cancel()
	for {
		begun := d.rec.now()
		_, entries, err := c.Snapshot(ctx, table)
		if err != nil {
			if ctx.Err() != nil {
				d.rec.violation("in the end the server does not tell %s: %v", table, err)
				return nil
			}
			pause(ctx, 10*time.Millisecond)
			continue
		}
		found, outputs := map[string]int{}, map[string]output{}
		for _, e := range entries {
			var v Value
			if err := json.Unmarshal(e.Value, &v); err != nil {
				d.rec.violation("%s is no value: %v", e.Path, err)
			}
			found[e.Path.Key], outputs[e.Path.Key] = v.N, output{Value: v.N, Revision: e.Revision}
		}
		for i, key := range keys {
			in := input{Kind: get, Table: table.String(), Key: key, Expect: -1}
			if table.Agent == "fenced" {
				in.Slot = i
			}
			out, there := outputs[key]
			if there {
				err = nil
			} else {
				err = client.ErrNotFound
			}
			d.rec.add(0, in, begun, out, err)
		}
		return found
	}
}
