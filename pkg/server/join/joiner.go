package join

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// Limits and defaults.
const (
	// DefaultWriteTimeout is how long a client may take to read what is written
	// to it, unless set otherwise.
	DefaultWriteTimeout = 2 * time.Second
	// quiet is how long a client that closed its writing half must have got
	// nothing until it is taken as served.
	quiet = 100 * time.Millisecond
	// linger is how long a client may go on sending, in vain, after the server has
	// closed.
	linger = 500 * time.Millisecond
	// After an error of accepting, the next attempt comes after minBackoff, and
	// after twice as long each further time, up to maxBackoff.
	minBackoff = 5 * time.Millisecond
	maxBackoff = 500 * time.Millisecond
)

// Options configure a joiner. The zero value of a field is its default.
type Options struct {
	// Logger gets what people should know: clients that were cut, and trouble
	// with accepting. nil: nothing is logged.
	Logger logrus.FieldLogger
	// WriteTimeout is the write deadline of the NATS server. A client that has
	// not read for that long, and a little more so that the NATS server comes
	// first and counts it, is cut. It also bounds how long a client that closed
	// its writing half is served, and Close.
	WriteTimeout time.Duration
}

// stream is what the accepted connections must be; those of Unix and of TCP
// sockets are.
type stream interface {
	net.Conn
	syscall.Conn
	CloseRead() error
	CloseWrite() error
}

// Joiner accepts connections and joins each to one of the NATS server. Its
// methods are safe for concurrent use.
type Joiner struct {
	listener net.Listener
	dial     func(Peer) (net.Conn, error)
	log      logrus.FieldLogger
	timeout  time.Duration
	buffers  buffers

	quit    chan struct{} // closed when Close begins
	running sync.WaitGroup
	once    sync.Once

	mu     sync.Mutex // guards the fields below
	closed bool
	conns  map[*conn]struct{}
}

// Serve accepts l's connections and joins each to one that dial returns, the
// server's end of which must be a net.Pipe's, as of (*server.Server).InProcessConn
// of nats-server. Dial is told who connects. Serve returns at once; Close ends it,
// and l with it. When l is closed by somebody else it only stops accepting.
//
// A passing error of accepting, such as too many open files, is logged once and
// tried over until it is gone.
func Serve(l net.Listener, dial func(Peer) (net.Conn, error), opts Options) *Joiner {
	if opts.WriteTimeout <= 0 {
		opts.WriteTimeout = DefaultWriteTimeout
	}
	if opts.Logger == nil {
		silent := logrus.New()
		silent.SetLevel(logrus.PanicLevel)
		opts.Logger = silent
	}
	j := &Joiner{
		listener: l, dial: dial, log: opts.Logger, timeout: opts.WriteTimeout,
		quit: make(chan struct{}), conns: map[*conn]struct{}{},
	}
	j.running.Go(j.accept)
	return j
}

func (j *Joiner) accept() {
	var backoff time.Duration
	for {
		sock, err := j.listener.Accept()
		switch {
		case err == nil:
			if backoff > 0 {
				j.log.WithField("socket", j.listener.Addr()).Info("connections are accepted again")
			}
			backoff = 0
			j.join(sock)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			if backoff == 0 {
				j.log.WithError(err).WithField("socket", j.listener.Addr()).
					Error("a connection can't be accepted; it waits, and is tried again until it can")
			}
			backoff = min(max(2*backoff, minBackoff), maxBackoff)
			if !j.pause(backoff) {
				return
			}
		}
	}
}

// pause waits for d; it returns false when the joiner is closed meanwhile.
func (j *Joiner) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-j.quit:
		return false
	}
}

// join starts the two directions of a connection.
func (j *Joiner) join(sock net.Conn) {
	c, err := j.newConn(sock)
	if err != nil {
		sock.Close()
		j.log.WithError(err).WithField("socket", j.listener.Addr()).Warn("a connection was refused")
		return
	}
	if !j.add(c) {
		c.pipe.Close()
		sock.Close()
		return
	}
	j.running.Go(c.outbound)
	j.running.Go(func() {
		c.inbound()
		j.remove(c)
	})
}

func (j *Joiner) newConn(sock net.Conn) (*conn, error) {
	s, ok := sock.(stream)
	if !ok {
		return nil, fmt.Errorf("connection of %s %w", sock.LocalAddr(), errNotStream)
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	pipe, err := j.dial(PeerOf(raw))
	if err != nil {
		return nil, fmt.Errorf("connect to the NATS server: %w", err)
	}
	return newConn(s, raw, pipe, &j.buffers, j.timeout, j.log), nil
}

func (j *Joiner) add(c *conn) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.conns[c] = struct{}{}
	return true
}

func (j *Joiner) remove(c *conn) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.conns, c)
}

// Len returns the number of connections.
func (j *Joiner) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.conns)
}

// Close closes the listener and all connections, and returns when everything
// stopped. What was on its way to a client is still written, for WriteTimeout at
// the most. It is idempotent.
func (j *Joiner) Close() {
	j.once.Do(func() {
		close(j.quit)
		if err := j.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			j.log.WithError(err).WithField("socket", j.listener.Addr()).Warn("the socket did not close well")
		}
		for _, c := range j.take() {
			c.hurry()
		}
		j.running.Wait()
	})
}

// take returns all connections; none is added any more.
func (j *Joiner) take() []*conn {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	conns := make([]*conn, 0, len(j.conns))
	for c := range j.conns {
		conns = append(conns, c)
	}
	return conns
}
