package join

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// conn is a client's socket joined to one end of a net.Pipe, whose other end is
// the NATS server's. inbound and outbound run in a goroutine each; either may see
// the end first:
//
//   - The client closes: inbound carries what it had sent, then closes the pipe,
//     at which outbound ends.
//   - The client closes its writing half: inbound waits until outbound finds that
//     the server has nothing more for it, see finish.
//   - The server closes: outbound writes what it got and ends the socket's writing
//     half; inbound drops what still comes, until the client closes or linger is
//     over.
//   - The client does not read: outbound's write times out, and it does the same.
//
// inbound is the last and closes the socket.
type conn struct {
	sock    stream
	raw     syscall.RawConn
	pipe    net.Conn
	buffers *buffers
	timeout time.Duration
	log     logrus.FieldLogger

	// serveUntil is set, in Unix nanoseconds, when the client has closed its
	// writing half.
	serveUntil   atomic.Int64
	hurries      atomic.Bool // the joiner closes
	lingers      atomic.Bool // the server has closed, the client perhaps not
	outboundDone chan struct{}

	// The last read of the socket; inbound's alone.
	size int
	buf  *[]byte
	n    int
	err  error
}

func newConn(sock stream, raw syscall.RawConn, pipe net.Conn, b *buffers, timeout time.Duration, log logrus.FieldLogger) *conn {
	return &conn{
		sock: sock, raw: raw, pipe: pipe, buffers: b, timeout: timeout, log: log,
		outboundDone: make(chan struct{}), size: smallBuffer,
	}
}

// inbound carries bytes from the client to the server.
func (c *conn) inbound() {
	open := true // the server listens
	readable := c.readable
	for c.receive(readable) {
		if open {
			_, err := c.pipe.Write((*c.buf)[:c.n])
			// The server's last words are outbound's to carry, so the socket stays
			// open; what the client still sends is dropped, because to close a
			// socket with bytes unread makes the client's last read fail.
			open = err == nil
		}
		c.buffers.give(c.buf)
	}
	if open && c.halfClosed() {
		c.finish()
	}
	c.pipe.Close()
	<-c.outboundDone
	c.sock.Close()
}

// receive waits for bytes of the client; false: there will be none any more.
func (c *conn) receive(readable func(uintptr) bool) bool {
	if err := c.raw.Read(readable); err != nil {
		c.err = err
		return false
	}
	if c.err != nil || c.n == 0 {
		c.buffers.give(c.buf)
		return false
	}
	c.size = nextSize(c.size, c.n)
	return true
}

// readable reads once. It has a buffer only if there is something to read, which
// is why the socket isn't read with Read.
func (c *conn) readable(fd uintptr) bool {
	c.buf = c.buffers.take(c.size)
	for {
		c.n, c.err = unix.Read(int(fd), *c.buf)
		switch c.err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			c.buffers.give(c.buf)
			return false
		}
		return true
	}
}

// halfClosed tells, after the end of what the client sends, whether it still
// reads. The kernel reports a hangup when both directions are closed.
func (c *conn) halfClosed() bool {
	if c.err != nil {
		return false
	}
	half := false
	err := c.raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd)}}
		for {
			_, err := unix.Poll(poll, 0)
			if err == unix.EINTR {
				continue
			}
			half = err == nil && poll[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) == 0
			return
		}
	})
	return err == nil && half
}

// finish returns when the server has processed all that the client sent, and
// then had nothing for it for a while; or when time is up. To close the pipe
// before would lose answers, because a pipe can't be closed by halves.
func (c *conn) finish() {
	end := time.Now().Add(c.timeout)
	// The server takes an empty write when it reads again, so after it has done
	// with everything before.
	if err := c.pipe.SetWriteDeadline(end); err != nil {
		return
	}
	if _, err := c.pipe.Write(nil); err != nil {
		return
	}
	c.serveUntil.Store(end.UnixNano())
	if err := c.pipe.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		return
	}
	<-c.outboundDone
}

// outbound carries bytes from the server to the client.
func (c *conn) outbound() {
	defer close(c.outboundDone)
	size := smallBuffer
	reads := true // the client does
	for {
		buf, n, err := c.fetch(size)
		if n > 0 && reads {
			switch sendErr := c.send((*buf)[:n]); {
			case errors.Is(sendErr, os.ErrDeadlineExceeded):
				err = sendErr
			case sendErr != nil:
				// It is gone, but what it sent before is inbound's to carry; what the
				// server still writes is dropped until then.
				reads = false
			}
			size = nextSize(size, n)
		}
		if buf != nil {
			c.buffers.give(buf)
		}
		if err != nil {
			break
		}
	}
	c.pipe.Close()
	// The client gets its end behind what was written. It may be writing itself, and
	// would not read the server's last words when that fails.
	_ = c.sock.CloseWrite() // gone already: the same
	c.lingers.Store(true)
	if err := c.sock.SetReadDeadline(time.Now().Add(linger)); err != nil || c.hurries.Load() {
		_ = c.sock.CloseRead()
	}
}

// hurry ends the connection from the server's side, without lingering.
func (c *conn) hurry() {
	c.hurries.Store(true)
	c.pipe.Close()
	if c.lingers.Load() {
		_ = c.sock.CloseRead()
	}
}

// fetch waits for bytes of the server and takes what fits into a buffer of size
// bytes.
func (c *conn) fetch(size int) (buf *[]byte, n int, err error) {
	if until := c.serveUntil.Load(); until != 0 {
		if err := c.pipe.SetReadDeadline(earlier(time.Now().Add(quiet), time.Unix(0, until))); err != nil {
			return nil, 0, err
		}
	}
	// An empty read of a pipe returns when the other end writes, and takes
	// nothing; so no buffer is held until there is something to put in.
	if _, err := c.pipe.Read(nil); err != nil {
		return nil, 0, err
	}
	buf = c.buffers.take(size)
	n, err = c.pipe.Read(*buf)
	return buf, n, err
}

// send writes b to the client, which has a limited time to read.
func (c *conn) send(b []byte) error {
	// The eighth is the head start of the NATS server's own deadline.
	if err := c.sock.SetWriteDeadline(time.Now().Add(c.timeout + c.timeout/8)); err != nil {
		return err
	}
	n, err := c.sock.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.log.WithFields(peer(c.raw)).WithFields(logrus.Fields{"written": n, "unwritten": len(b) - n}).
			Warnf("a client has not read for %s and is cut; see whether it hangs", c.timeout)
	}
	if err == nil && n < len(b) {
		return io.ErrShortWrite
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
