package server_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// start runs a server until the test ends.
func start(t testing.TB, opts server.Options) *server.Server {
	t.Helper()
	s, err := server.Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// lives is a directory for everything that a server keeps.
func lives(t testing.TB) server.Options {
	t.Helper()
	dir := t.TempDir()
	return server.Options{
		Socket: filepath.Join(dir, "s.sock"), StoreDir: filepath.Join(dir, "durable"), VolatileDir: filepath.Join(dir, "volatile"),
	}
}

// peer is a NATS client that speaks the protocol by hand.
type peer struct {
	*nats.Conn
	t        testing.TB
	instance string
}

// meet connects a peer to a server in this process, with an instance of its own.
func meet(t testing.TB, s *server.Server, agent string) *peer {
	t.Helper()
	return meetAs(t, s, agent, rand.Text())
}

func meetAs(t testing.TB, s *server.Server, agent, instance string, more ...nats.Option) *peer {
	t.Helper()
	more = append([]nats.Option{
		nats.InProcessServer(s), nats.Name(agent), nats.Token(instance), nats.NoReconnect(),
		nats.CustomInboxPrefix(wire.InboxPrefix(instance)), nats.Timeout(patience),
	}, more...)
	nc, err := nats.Connect("", more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return &peer{Conn: nc, t: t, instance: instance}
}

// headers makes NATS headers of pairs of names and values.
func headers(pairs ...string) nats.Header {
	h := nats.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = []string{pairs[i+1]}
	}
	return h
}

// ask sends a request and returns its answer, which must come.
func (p *peer) ask(subject string, header nats.Header, body []byte) *nats.Msg {
	p.t.Helper()
	m, err := p.RequestMsg(&nats.Msg{Subject: subject, Header: header, Data: body}, patience)
	if err != nil {
		p.t.Fatalf("%s: %v", subject, err)
	}
	return m
}

// done is ask for a request that must work.
func (p *peer) done(subject string, header nats.Header, body string) *nats.Msg {
	p.t.Helper()
	m := p.ask(subject, header, []byte(body))
	if status(m) != 200 {
		p.t.Fatalf("%s: %s", subject, outcome(m))
	}
	return m
}

// open makes the peer a table's owner and returns the fence.
func (p *peer) open(table string) string {
	p.t.Helper()
	var body wire.OpenAnswer
	decode(p.t, p.done("nkv.v1.open."+table, nil, "{}"), &body)
	return strconv.FormatUint(body.Fence, 10)
}

func status(m *nats.Msg) int {
	n, err := strconv.Atoi(header(m, wire.HeaderStatus))
	if err != nil {
		return -1
	}
	return n
}

func header(m *nats.Msg, name string) string { return wire.Header(m.Header).Get(name) }

// outcome is an answer's status and reason.
func outcome(m *nats.Msg) string {
	if reason := header(m, wire.HeaderReason); reason != "" {
		return fmt.Sprint(status(m), " ", reason)
	}
	return fmt.Sprint(status(m))
}

func decode(t testing.TB, m *nats.Msg, into any) {
	t.Helper()
	if err := json.Unmarshal(m.Data, into); err != nil {
		t.Fatalf("the answer's body %q: %v", m.Data, err)
	}
}

// connect connects a client and waits until it is connected.
func connect(t testing.TB, url string, given ...client.Option) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.Connect(ctx, url, given...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// socketDialer dials a Unix socket, whatever address NATS asks for.
type socketDialer string

func (d socketDialer) Dial(string, string) (net.Conn, error) { return net.Dial("unix", string(d)) }

// SkipTLSHandshake keeps the NATS client from looking at what the URL says.
func (socketDialer) SkipTLSHandshake() bool { return true }
