package bridge

import (
	"sync"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// How many openings of one table may wait, and how many in all before the bridge is
// there. Who is not answered asks again.
const (
	maxGated = 64
	maxHeld  = 4096
)

// Gate makes clients' openings of tables wait until the bridge has looked at what
// an old publisher has done, so that the next publisher finds it. It is made
// before the server, which asks it (server.Options.Gate), and given to the bridge:
// an opening that comes before the bridge is there waits for it, and one that comes
// when the bridge has ended, as the server is about to, is not answered.
type Gate struct {
	mu   sync.Mutex // guards the fields below
	b    *Bridge    // nil: not there
	held []opening
}

// opening is one that waits. It must be let go on once at the most.
type opening struct {
	table   wire.Table
	opener  nkv.Instance
	proceed func(answered func())
}

// NewGate returns a gate.
func NewGate() *Gate { return &Gate{} }

// Open is server.Options.Gate.
func (g *Gate) Open(table wire.Table, opener nkv.Instance, proceed func(answered func())) {
	o := opening{table, opener, proceed}
	g.mu.Lock()
	b := g.b
	if b == nil && len(g.held) < maxHeld {
		g.held = append(g.held, o)
	}
	g.mu.Unlock()
	if b != nil {
		b.gated(o)
	}
}

// attach gives what waits to a bridge; nil: it has ended.
func (g *Gate) attach(b *Bridge) {
	g.mu.Lock()
	g.b = b
	var held []opening
	if b != nil {
		held, g.held = g.held, nil
	}
	g.mu.Unlock()
	for _, o := range held {
		b.gated(o)
	}
}

// mode is what a place's goroutine does with the table.
type mode int

const (
	free      mode = iota // nothing: it is a client's, or nobody's
	busy                  // it opens it, or puts what files have; nobody else may open it
	following             // it owns it; the server refuses whoever else opens it
)

// gated lets an opening go on at once when there is nothing to look at: it is the
// bridge's own, or the table has an owner. Else the place lets it go on when it
// has looked.
func (b *Bridge) gated(o opening) {
	if !bridged(o.table) || b.agents.own(o.table.Agent, o.opener.ID) {
		o.proceed(func() {})
		return
	}
	b.mu.Lock()
	p := b.place(o.table)
	switch {
	case b.closed:
		b.mu.Unlock() // nobody has looked, nor will
	case p == nil:
		b.mu.Unlock()
		o.proceed(func() {})
	case p.mode == following, p.mode == free && p.foreign(p.info):
		p.passing++
		b.mu.Unlock()
		o.proceed(p.passed)
	default:
		if len(p.gated) < maxGated {
			p.gated = append(p.gated, o)
		}
		p.unseen = true // what tells of a socket may still be on its way
		signal(p.kick)
		b.mu.Unlock()
	}
}

// pass lets openings go on.
func (p *place) pass(openings []opening) {
	p.b.mu.Lock()
	p.passing += len(openings)
	p.b.mu.Unlock()
	for _, o := range openings {
		o.proceed(p.passed)
	}
}

// passed is called from the core's goroutine when an opening has happened, or was
// refused. Until then nobody knows whose the table is.
func (p *place) passed() {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.passing--; p.passing == 0 {
		signal(p.kick)
	}
}

// passAll lets all openings go on that wait: the server knows what to answer.
func (p *place) passAll() { p.pass(p.takeGated()) }

func (p *place) takeGated() []opening {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	gated := p.gated
	p.gated = nil
	return gated
}

// begin makes the place busy with the table, unless it is just being opened or has
// an owner.
func (p *place) begin() bool {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.passing > 0 || p.foreign(p.info) {
		return false
	}
	p.mode = busy
	return true
}

func (p *place) setMode(m mode) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.mode = m
}

// unsee takes back what see returned: somebody may write files still.
func (p *place) unsee(gated []opening) []opening {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.unseen, p.gated = true, append(gated, p.gated...)
	return nil
}

// see reports whether an old publisher may have written files unseen, and returns
// which openings can go on when the place has looked at these now.
func (p *place) see() (unseen bool, gated []opening) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	unseen, gated = p.unseen, p.gated
	p.unseen, p.gated = false, nil
	return unseen, gated
}
