package linear

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	ownedKeys = 6
	// ownedAsking is how many put at once through one publication; each has keys of
	// its own.
	ownedAsking = 3
)

func ownedKey(i int) string { return fmt.Sprint("owned ", i) }

// estate is a table that one publication after the other owns. Each change has a
// number, its order, which is its value, too: they only grow.
type estate struct {
	day     *day
	table   wire.Table
	durable bool

	mu        sync.Mutex       // guards the fields below
	deletions map[string][]int // orders of all that were asked for, by key
	answered  map[string]int   // order of the newest change that was answered
	wanted    map[string]int   // of the newest that this tenure, or one that was answered, asked for
	restarts  uint64           // the newest counter
	marks     map[uint64]map[string]int
	tenures   int
}

func newEstate(d *day, table wire.Table, durable bool) *estate {
	return &estate{
		day: d, table: table, durable: durable, deletions: map[string][]int{}, answered: map[string]int{}, wanted: map[string]int{},
		marks: map[uint64]map[string]int{},
	}
}

// own has instance after instance own the table, over the two lines in turn.
func (e *estate) own(ctx context.Context, random *rand.Rand, lines [2]*line) {
	for i := 0; ctx.Err() == nil; i++ {
		e.tenure(ctx, rand.New(rand.NewPCG(random.Uint64(), 1)), lines[i%2])
	}
}

func (e *estate) tenure(ctx context.Context, random *rand.Rand, l *line) {
	c, err := client.Connect(ctx, l.URL(), client.Name(e.table.Agent), client.Timeout(timeout))
	if err != nil {
		e.day.rec.violation("an owner can't connect: %v", err)
		return
	}
	defer c.Close()
	p := e.open(ctx, c)
	if p == nil {
		return
	}
	e.mu.Lock()
	e.tenures++
	e.wanted = maps.Clone(e.answered)
	e.mu.Unlock()
	length, cancel := context.WithTimeout(ctx, time.Duration(300+random.IntN(2500))*time.Millisecond)
	defer cancel()
	var asking sync.WaitGroup
	for i := range ownedAsking {
		mine := rand.New(rand.NewPCG(random.Uint64(), 2))
		asking.Go(func() {
			for n := 0; length.Err() == nil; n++ {
				e.change(length, p, i, i+ownedAsking*mine.IntN(ownedKeys/ownedAsking), mine)
				pause(length, time.Duration(mine.IntN(8))*time.Millisecond)
			}
		})
	}
	asking.Go(func() {
		for pause(length, time.Duration(20+random.IntN(200))*time.Millisecond) {
			e.mark(length, p)
		}
	})
	asking.Wait()
	switch random.IntN(4) {
	case 0: // it dies
		l.die(c.Close)
	case 1:
	default:
		if err := p.Close(ctx); err != nil && outcomeOf(err) == failed && ctx.Err() == nil {
			e.day.rec.violation("close %s: %v", e.table, err)
		}
	}
}

// open waits until the table is this client's; nil: the day is over.
func (e *estate) open(ctx context.Context, c *client.Client) *client.Publication {
	var options []client.OpenOption
	if e.durable {
		options = append(options, client.DurableTable())
	}
	for ctx.Err() == nil {
		begun := e.day.rec.now()
		p, err := c.Open(ctx, e.table, options...)
		if err == nil {
			for i := range ownedKeys {
				in := input{Kind: takeover, Table: e.table.String(), Key: ownedKey(i), Expect: -1, Order: e.day.rec.newValue()}
				e.day.rec.add(0, in, begun, output{}, nil)
			}
			return p
		}
		if outcomeOf(err) == failed && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			e.day.rec.violation("open %s: %v", e.table, err)
		}
		pause(ctx, 20*time.Millisecond)
	}
	return nil
}

// change puts or deletes a key.
func (e *estate) change(ctx context.Context, p *client.Publication, who, i int, random *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	key, order := ownedKey(i), e.day.rec.newValue()
	in := input{Kind: put, Table: e.table.String(), Key: key, Value: order, Expect: -1, Order: order}
	if random.IntN(4) == 0 {
		in.Kind, in.Value = remove, 0
		e.mu.Lock()
		e.deletions[key] = append(e.deletions[key], order)
		e.mu.Unlock()
	}
	begun := e.day.rec.now()
	var err error
	if in.Kind == put {
		err = p.Put(ctx, key, encode(order))
	} else {
		err = p.Delete(ctx, key)
	}
	if in.Kind == remove && errors.Is(err, client.ErrNotFound) {
		e.day.rec.add(100+who, in, begun, output{}, err)
		return // it stays what it was
	}
	if err != nil && outcomeOf(err) != failed {
		err = fmt.Errorf("%w: it stays wanted: %w", client.ErrUnconfirmed, err)
	}
	e.day.rec.add(100+who, in, begun, output{}, err)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wanted[key] = order
	if err == nil {
		e.answered[key] = order
	}
}

// mark tells the readers that all that was asked for before is published.
func (e *estate) mark(ctx context.Context, p *client.Publication) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	e.mu.Lock()
	e.restarts++
	counter := e.restarts
	e.marks[counter] = maps.Clone(e.wanted)
	e.mu.Unlock()
	if err := p.Restarted(ctx, counter); err != nil && outcomeOf(err) == failed {
		e.day.rec.violation("restarted %s: %v", e.table, err)
	}
}

// floor returns what a subscription that begins now must have seen, at least, when
// it is synchronized: by key, the order of the newest change that was answered.
func (e *estate) floor() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.answered)
}

func (e *estate) markOf(counter uint64) map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.marks[counter]
}

// reached tells whether a view's state of a key, 0 for not there, can be that of a
// change or of a later one.
func (e *estate) reached(key string, value, order int) bool {
	if value > 0 {
		return value >= order
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, deletion := range e.deletions[key] {
		if deletion >= order {
			return true
		}
	}
	return order == 0
}

// line is a proxy with one fault at a time.
type line struct {
	*testutil.Proxy
	fault sync.Mutex // held while a fault lasts
}

// die loses the connection, has a client end that can't tell the server, and makes
// connections possible again.
func (l *line) die(end func()) {
	l.fault.Lock()
	defer l.fault.Unlock()
	l.Refuse(true)
	l.Cut()
	end()
	l.Refuse(false)
}
