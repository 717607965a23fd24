package agenttest

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/server"
)

// Why a connection could not be made.
var (
	errAway    = errors.New("the server is away")
	errRefused = errors.New("the test refuses connections")
	errHeld    = errors.New("the test holds connections")
)

// anyAgent stands for all of them. No agent has an empty name.
const anyAgent = ""

// door is the way of all connections to the server, over its restarts; faults are
// injected here. Safe for concurrent use.
type door struct {
	carrying sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	change  *sync.Cond // of held, of a way's bytes, or of a link that is gone
	server  *server.Server
	refused map[string]bool    // by agent
	held    map[string]bool    // likewise
	links   map[*link]struct{} // those that are gone too, until their agents have noticed
}

// link is a connection: what an agent's end gives to near goes on from far to the
// server, and back.
type link struct {
	agent     string
	near, far net.Conn
	noticed   chan struct{} // closed when the agent has closed its end
	given     int           // pieces that the agent's end has taken; guarded by the door's lock, like gone
	gone      bool
}

// greeting is how many pieces an agent takes before it is connected: the server's
// greeting, and the answer to its own. Before that it may leave a connection that
// broke without closing its end.
const greeting = 2

// room is how many bytes of one direction a link takes in before they go on, as a
// socket does. What writes while the link is held does not block before that.
const room = 256 << 10

// way is one direction of a link.
type way struct {
	link     *link
	from, to net.Conn
	waiting  []byte // guarded by the door's lock, like ended
	ended    bool   // nothing more comes from from
}

func newDoor() *door {
	d := &door{refused: map[string]bool{}, held: map[string]bool{}, links: map[*link]struct{}{}}
	d.change = sync.NewCond(&d.mu)
	return d
}

// entrance is a door as one agent finds it.
type entrance struct {
	door  *door
	agent string
}

// InProcessConn returns a connection to the server that runs now.
func (e entrance) InProcessConn() (net.Conn, error) { return e.door.dial(e.agent) }

// end is an agent's end of a link.
type end struct {
	net.Conn
	close func() error
}

// Close is called by the agent when it is done with the connection, or has seen
// that it broke.
func (e *end) Close() error { return e.close() }

func (d *door) dial(agent string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.server == nil:
		return nil, errAway
	case d.refused[anyAgent] || d.refused[agent]:
		return nil, errRefused
	case d.held[anyAgent] || d.held[agent]:
		// A client that waits for the server's greeting has its connection's
		// mutex, on which others wait: in a testing/synctest bubble time would
		// stand still for good.
		return nil, errHeld
	}
	far, err := d.server.InProcessConn()
	if err != nil {
		return nil, err
	}
	near, conn := net.Pipe()
	l := &link{agent: agent, near: near, far: far, noticed: make(chan struct{})}
	d.links[l] = struct{}{}
	for _, w := range []*way{{link: l, from: near, to: far}, {link: l, from: far, to: near}} {
		d.carrying.Go(func() { d.take(w) })
		d.carrying.Go(func() { d.give(w) })
	}
	return &end{conn, sync.OnceValue(func() error {
		d.mu.Lock()
		delete(d.links, l)
		d.mu.Unlock()
		close(l.noticed)
		return conn.Close()
	})}, nil
}

// take takes bytes in until there are no more.
func (d *door) take(w *way) {
	buf := make([]byte, 32<<10)
	for {
		n, err := w.from.Read(buf)
		d.mu.Lock()
		w.waiting = append(w.waiting, buf[:n]...)
		w.ended = err != nil
		d.change.Broadcast()
		for len(w.waiting) >= room && !w.link.gone {
			d.change.Wait()
		}
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// give gives bytes on until there are no more, and ends the link.
func (d *door) give(w *way) {
	defer d.drop(w.link)
	for {
		bytes := d.next(w)
		if len(bytes) == 0 {
			return
		}
		if _, err := w.to.Write(bytes); err != nil {
			return
		}
		if w.to == w.link.near {
			d.mu.Lock()
			w.link.given++
			d.mu.Unlock()
		}
	}
}

// next waits for bytes that may pass; none: there will be none any more.
func (d *door) next(w *way) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !w.link.gone && (d.held[anyAgent] || d.held[w.link.agent] || len(w.waiting) == 0 && !w.ended) {
		d.change.Wait()
	}
	if w.link.gone {
		return nil
	}
	bytes := w.waiting
	w.waiting = nil
	d.change.Broadcast()
	return bytes
}

func (d *door) drop(l *link) {
	d.mu.Lock()
	l.gone = true
	if l.given < greeting {
		delete(d.links, l)
	}
	d.change.Broadcast()
	d.mu.Unlock()
	l.near.Close()
	l.far.Close()
}

// cut closes connections and returns when their agents have noticed, or false
// when one does not.
func (d *door) cut(agents ...string) bool {
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	chosen := d.chosen(agents)
	for _, l := range chosen {
		d.drop(l)
	}
	for _, l := range chosen {
		if !d.connected(l) {
			continue
		}
		select {
		case <-l.noticed:
		case <-timeout.C:
			return false
		}
	}
	return true
}

// connected reports whether the agent was, so that it will notice the end.
func (d *door) connected(l *link) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return l.given >= greeting
}

func (d *door) chosen(agents []string) []*link {
	wanted := names(agents)
	d.mu.Lock()
	defer d.mu.Unlock()
	var chosen []*link
	for l := range d.links {
		if wanted[anyAgent] || wanted[l.agent] {
			chosen = append(chosen, l)
		}
	}
	return chosen
}

// foreign reports whether there are connections of other processes, whose agents
// it does not know.
func (d *door) foreign() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for l := range d.links {
		if l.agent == anyAgent && !l.gone {
			return true
		}
	}
	return false
}

// lead makes new connections lead to this server; nil: to none.
func (d *door) lead(to *server.Server) (before *server.Server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, d.server = d.server, to
	return before
}

// running returns the server that runs now; nil: none.
func (d *door) running() *server.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.server
}

func (d *door) refuse(agents []string) { d.set(d.refused, agents) }
func (d *door) allow(agents []string)  { d.clear(d.refused, agents) }
func (d *door) hold(agents []string)   { d.set(d.held, agents) }
func (d *door) free(agents []string)   { d.clear(d.held, agents) }

func (d *door) set(in map[string]bool, agents []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for agent := range names(agents) {
		in[agent] = true
	}
}

func (d *door) clear(in map[string]bool, agents []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for agent := range names(agents) {
		delete(in, agent)
		if agent == anyAgent {
			clear(in)
		}
	}
	d.change.Broadcast()
}

// names returns a set; without any names it is that of all agents.
func names(agents []string) map[string]bool {
	set := make(map[string]bool, len(agents))
	for _, agent := range agents {
		set[agent] = true
	}
	if len(agents) == 0 {
		set[anyAgent] = true
	}
	return set
}
