package client

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestMain(m *testing.M) { leak.Main(m) }

// bound is how long a test waits for what must happen.
const bound = 10 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*bound)
	t.Cleanup(cancel)
	return ctx
}

// socket returns a path that is short enough for a Unix socket.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nkv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func startServer(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	s, err := server.Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t *testing.T, url string, given ...Option) *Client {
	t.Helper()
	c, err := Connect(testContext(t), url, given...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// connected is connect to a server that is there.
func connected(t *testing.T, s *server.Server, given ...Option) *Client {
	t.Helper()
	c := connect(t, "", append([]Option{InProcess(s)}, given...)...)
	if err := c.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

var testTable = wire.Table{Agent: "owner", Topic: "T"}

func path(key string) wire.Path { return wire.Path{Table: testTable, Key: key} }

// eventually waits until a condition holds that no event tells of.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(bound); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", bound, what)
		}
	}
}

// reader takes what a subscription tells, and checks what must always hold.
type reader struct {
	t        *testing.T
	s        *Subscription
	told     []Change
	values   map[string]string
	newest   map[string]uint64
	synced   bool
	restarts uint64
}

func subscribe(t *testing.T, c *Client, pattern string) *reader {
	t.Helper()
	s, err := c.Subscribe(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{t: t, s: s, values: map[string]string{}, newest: map[string]uint64{}}
}

// until takes changes until a condition holds.
func (r *reader) until(what string, holds func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	for {
		for {
			c, ok := r.s.Next()
			if !ok {
				break
			}
			r.take(c)
		}
		if holds() {
			return
		}
		if err := r.s.Wait(ctx); err != nil {
			r.t.Fatalf("%s: %v; got %v, marks and changes %s", what, err, r.values, r.story())
		}
	}
}

func (r *reader) take(c Change) {
	r.told = append(r.told, c)
	key := c.Table + "." + c.Key
	switch c.Op {
	case Put:
		if c.Revision < r.newest[key] {
			r.t.Errorf("%s goes back from revision %d to %d", key, r.newest[key], c.Revision)
		}
		r.values[key], r.newest[key] = string(c.Value), c.Revision
	case Delete:
		delete(r.values, key)
	case Synchronized:
		r.synced = true
	case Restarted:
		r.restarts = c.Info.Restart
	}
}

// story tells what came, in short.
func (r *reader) story() string {
	var b strings.Builder
	for _, c := range r.told {
		switch c.Op {
		case Put:
			fmt.Fprintf(&b, "%s=%s ", c.Key, c.Value)
		case Delete:
			fmt.Fprintf(&b, "-%s ", c.Key)
		case Restarted:
			fmt.Fprintf(&b, "restarted(%d) ", c.Info.Restart)
		case TableOpened:
			b.WriteString("opened ")
		case TableClosed:
			b.WriteString("closed ")
		case Synchronized:
			b.WriteString("synchronized ")
		}
	}
	return strings.TrimSpace(b.String())
}

// has takes changes until the tables are these: "owner.T.k": "v".
func (r *reader) has(want map[string]string) {
	r.t.Helper()
	r.until(fmt.Sprintf("want %v", want), func() bool { return cmp.Equal(want, r.values) })
}

// server-side view of a table
func contents(t *testing.T, c *Client, table wire.Table) map[string]string {
	t.Helper()
	_, entries, err := c.Snapshot(testContext(t), table)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, e := range entries {
		values[e.Path.Key] = string(e.Value)
	}
	return values
}

// tap dials, and loses the messages that its functions choose. A function sees a
// subject and, for what the server sends, headers and payload.
type tap struct {
	dial func() (net.Conn, error)

	mu      sync.Mutex // guards the fields below
	inbound func(subject string, data []byte) (lose bool)
	outward func(subject string, data []byte) (lose bool)
	conns   []net.Conn
	down    bool
}

func (d *tap) Dial(string, string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, fmt.Errorf("tap: the way is cut")
	}
	conn, err := d.dial()
	if err != nil {
		return nil, err
	}
	d.conns = append(d.conns, conn)
	return &tappedConn{Conn: conn, tap: d}, nil
}

func (d *tap) lose(inbound, outward func(subject string, data []byte) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inbound, d.outward = inbound, outward
}

// cut breaks the connections; while down, no new one can be made.
func (d *tap) cut(down bool) {
	d.mu.Lock()
	conns := d.conns
	d.conns, d.down = nil, down
	d.mu.Unlock()
	for _, conn := range conns {
		conn.Close()
	}
}

func (d *tap) keep(inbound bool, subject string, data []byte) bool {
	d.mu.Lock()
	choose := d.outward
	if inbound {
		choose = d.inbound
	}
	d.mu.Unlock()
	return choose == nil || !choose(subject, data)
}

// tappedConn takes whole protocol messages apart, each way.
type tappedConn struct {
	net.Conn
	tap *tap

	unread  []byte // received, not yet a whole message
	ready   []byte // to be read
	unsent  []byte // written, not yet a whole message
	writing sync.Mutex
}

func (c *tappedConn) Read(p []byte) (int, error) {
	for len(c.ready) == 0 {
		buffer := make([]byte, 32<<10)
		n, err := c.Conn.Read(buffer)
		if err != nil {
			return 0, err
		}
		c.unread = append(c.unread, buffer[:n]...)
		c.ready, c.unread = c.filter(c.ready, c.unread, true)
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

func (c *tappedConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	var out []byte
	c.unsent = append(c.unsent, p...)
	out, c.unsent = c.filter(nil, c.unsent, false)
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// filter moves whole messages, but for those to be lost.
func (c *tappedConn) filter(out, in []byte, inbound bool) (passed, rest []byte) {
	for {
		end := bytes.Index(in, []byte("\r\n"))
		if end < 0 {
			return out, in
		}
		fields := strings.Fields(string(in[:end]))
		total, subject := end+2, ""
		if len(fields) > 2 {
			switch strings.ToUpper(fields[0]) {
			case "MSG", "HMSG", "PUB", "HPUB":
				size, err := strconv.Atoi(fields[len(fields)-1])
				if err != nil {
					panic(err)
				}
				subject, total = fields[1], total+size+2
			}
		}
		if len(in) < total {
			return out, in
		}
		if subject == "" || c.tap.keep(inbound, subject, in[end+2:total]) {
			out = append(out, in[:total]...)
		}
		in = in[total:]
	}
}

// tapped returns a client of the server whose messages can be lost.
func tapped(t *testing.T, s *server.Server, given ...Option) (*Client, *tap) {
	t.Helper()
	d := &tap{dial: s.InProcessConn}
	c := connect(t, "nats://tap:4222", append([]Option{Dialer(d)}, given...)...)
	if err := c.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return c, d
}
