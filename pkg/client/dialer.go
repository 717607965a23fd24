package client

import (
	"net"
	"sync"

	"github.com/nats-io/nats.go"
)

// oneAtATime makes a client's connections and closes the one before with each new
// one. The NATS client leaves one open whose greeting took too long, until the
// garbage collector finds it: the server would have this client twice, and a client
// whose server is stuck would gather open files.
type oneAtATime struct {
	nats.CustomDialer
	server nats.InProcessConnProvider

	mu   sync.Mutex // guards last, and that there is one
	last net.Conn
}

// Dial is nats.CustomDialer.
func (o *oneAtATime) Dial(network, address string) (net.Conn, error) {
	return o.replace(func() (net.Conn, error) { return o.CustomDialer.Dial(network, address) })
}

// InProcessConn is nats.InProcessConnProvider.
func (o *oneAtATime) InProcessConn() (net.Conn, error) { return o.replace(o.server.InProcessConn) }

func (o *oneAtATime) replace(dial func() (net.Conn, error)) (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last != nil {
		o.last.Close() //nolint:errcheck // closed already: the same
		o.last = nil
	}
	conn, err := dial()
	if err == nil {
		o.last = conn
	}
	return conn, err
}
