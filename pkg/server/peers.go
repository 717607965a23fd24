package server

import (
	"bytes"
	"encoding/json"
	"net"
	"sync"

	"github.com/evenkv/nkv/pkg/server/join"
)

// peer is who is at the other end of an in-process connection: a process that
// came by the Unix socket, or this process itself.
type peer struct {
	own bool
	join.Peer
}

// peers knows who is behind the in-process connections, whose addresses say
// nothing. Safe for concurrent use.
type peers struct {
	mu sync.Mutex // guards by
	by map[uint64]peer
}

func newPeers() *peers { return &peers{by: map[uint64]peer{}} }

func (p *peers) find(connection uint64) (peer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.by[connection]
	return found, ok
}

func (p *peers) set(connection uint64, who peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[connection] = who
}

func (p *peers) forget(connection uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, connection)
}

// maxGreeting bounds NATS's INFO line, of which the largest part are addresses.
const maxGreeting = 64 << 10

// knownConn is the client's end of an in-process connection. It notes who that is
// under the number that NATS's greeting tells, and lets nothing of the client pass
// before: so it is known when NATS reads how the client introduces itself. A
// connection whose greeting can't be read stays unknown, and is refused then.
//
// As of any connection, one goroutine reads; it alone uses greeting.
type knownConn struct {
	net.Conn
	peers    *peers
	who      peer
	greeting []byte        // as far as it was read
	greeted  chan struct{} // closed when it was read to its end, or will not be
	once     sync.Once

	mu         sync.Mutex // guards the fields below
	connection uint64
	closed     bool
}

func (p *peers) watch(conn net.Conn, who peer) net.Conn {
	return &knownConn{Conn: conn, peers: p, who: who, greeted: make(chan struct{})}
}

// Read reads, and looks at the greeting on its way.
func (c *knownConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	select {
	case <-c.greeted:
		return n, err
	default:
	}
	c.greeting = append(c.greeting, into[:n]...)
	end := bytes.IndexByte(c.greeting, '\n')
	if end >= 0 {
		c.note(c.greeting[:end])
	}
	if end >= 0 || len(c.greeting) > maxGreeting {
		c.greeting = nil
		c.once.Do(func() { close(c.greeted) })
	}
	return n, err
}

// note takes the connection's number from the greeting.
func (c *knownConn) note(greeting []byte) {
	text, ok := bytes.CutPrefix(greeting, []byte("INFO "))
	var info struct {
		ID uint64 `json:"client_id"`
	}
	if !ok || json.Unmarshal(text, &info) != nil || info.ID == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.connection = info.ID
		c.peers.set(info.ID, c.who)
	}
}

// Write waits for the greeting.
func (c *knownConn) Write(p []byte) (int, error) {
	<-c.greeted
	return c.Conn.Write(p)
}

// Close closes the connection and forgets who it is.
func (c *knownConn) Close() error {
	c.once.Do(func() { close(c.greeted) })
	c.mu.Lock()
	c.closed = true
	if c.connection != 0 {
		c.peers.forget(c.connection)
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
