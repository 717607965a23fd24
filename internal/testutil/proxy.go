package testutil

import (
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Direction says which way bytes go through a Proxy.
type Direction int

// The directions.
const (
	ToServer Direction = iota
	ToClient
)

// Mode says what a Proxy does with the bytes of one direction.
type Mode int

// The modes.
const (
	Flow  Mode = iota // they pass
	Hold              // they stay, and those behind them, until the mode changes
	Drop              // they vanish; the connection is then not to be trusted
	Delay             // they pass a few milliseconds late
)

// delay is how late bytes pass in the mode Delay.
const delay = 3 * time.Millisecond

// Proxy listens on a Unix socket or on TCP, and joins each connection to one of
// the server that it stands in front of, injecting faults. Safe for concurrent use.
type Proxy struct {
	url             string
	network, target string
	listener        net.Listener
	running         sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	change *sync.Cond
	modes  [2]Mode
	refuse bool
	closed bool
	links  map[*link]struct{}
	joined int      // connections that there were
	passed [2]int64 // bytes
	decide func(subject string) Fate
}

type link struct {
	client, server conn
	gone           bool // guarded by the proxy's lock
}

// conn is a connection of which one direction can be closed: TCP or Unix.
type conn interface {
	net.Conn
	CloseWrite() error
}

// NewProxy stands in front of the Unix socket target until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.sock")
	return newProxy(t, "unix", path, target)
}

// NewTCPProxy stands in front of the TCP address target, host:port, until the
// test ends. It listens on a loopback port of its own.
func NewTCPProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	return newProxy(t, "tcp", "127.0.0.1:0", target)
}

func newProxy(t testing.TB, network, address, target string) *Proxy {
	t.Helper()
	p := &Proxy{network: network, target: target, links: map[*link]struct{}{}}
	p.change = sync.NewCond(&p.mu)
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener = l
	p.url = map[string]string{"unix": "unix://", "tcp": "nats://"}[network] + l.Addr().String()
	p.running.Go(p.accept)
	t.Cleanup(p.Close)
	return p
}

// URL is where clients reach the proxy.
func (p *Proxy) URL() string { return p.url }

// Connections returns how many connections there were, all in all.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.joined
}

// Open returns how many connections there are now, in either half.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.target)
		if err != nil || !p.join(client, server) {
			client.Close()
			if server != nil {
				server.Close()
			}
		}
	}
}

func (p *Proxy) join(client, server net.Conn) bool {
	c, ok1 := client.(conn)
	s, ok2 := server.(conn)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse || !ok1 || !ok2 {
		return false
	}
	l := &link{client: c, server: s}
	p.links[l] = struct{}{}
	p.joined++
	var both sync.WaitGroup
	both.Add(2)
	p.running.Go(func() { p.carry(l, c, s, ToServer); both.Done() })
	decide := p.decide
	p.running.Go(func() {
		defer both.Done()
		if decide != nil {
			p.carryFrames(l, decide)
			return
		}
		p.carry(l, s, c, ToClient)
	})
	p.running.Go(func() { both.Wait(); p.drop(l) })
	return true
}

// carry carries bytes one way, and the end behind them.
func (p *Proxy) carry(l *link, from, to conn, way Direction) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			mode, alive := p.wait(l, way, n)
			if !alive {
				return
			}
			if mode == Delay {
				time.Sleep(delay)
			}
			if mode != Drop {
				if _, werr := to.Write(buf[:n]); werr != nil {
					err = werr
				}
			}
		}
		if err != nil {
			to.CloseWrite() //nolint:errcheck // gone already: the same
			return
		}
	}
}

// wait blocks while the direction is held.
func (p *Proxy) wait(l *link, way Direction, n int) (mode Mode, alive bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.modes[way] == Hold && !l.gone && !p.closed {
		p.change.Wait()
	}
	if p.modes[way] != Drop {
		p.passed[way] += int64(n)
	}
	return p.modes[way], !l.gone && !p.closed
}

// drop closes a link's connections.
func (p *Proxy) drop(l *link) {
	p.mu.Lock()
	l.gone = true
	delete(p.links, l)
	p.change.Broadcast()
	p.mu.Unlock()
	l.client.Close()
	l.server.Close()
}

// Set sets what happens to the bytes of one direction, of all connections.
func (p *Proxy) Set(way Direction, mode Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.modes[way] = mode
	p.change.Broadcast()
}

// Cut closes all connections; bytes that are held vanish.
func (p *Proxy) Cut() {
	for _, l := range p.all() {
		p.drop(l)
	}
}

// CutClients closes the clients' halves of all connections, and keeps those to
// the server, with what is held for it: as a network does that has lost its
// clients. What comes late comes when the mode changes from Hold.
func (p *Proxy) CutClients() {
	for _, l := range p.all() {
		l.client.Close()
	}
}

// HalfClose closes the direction to the server of all connections.
func (p *Proxy) HalfClose() {
	for _, l := range p.all() {
		l.server.CloseWrite() //nolint:errcheck // gone already: the same
	}
}

// Refuse makes new connections fail, or not any more.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

func (p *Proxy) all() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

// Close ends the proxy and its connections. It is idempotent.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.change.Broadcast()
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
	p.running.Wait()
}
