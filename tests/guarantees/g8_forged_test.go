package guarantees

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G8 walls, as far as they stand with authentication off: nobody forges an event
// or reads another's answers.

// unixSocket dials a socket, whatever address NATS asks for.
type unixSocket string

func (s unixSocket) Dial(string, string) (net.Conn, error) { return net.Dial("unix", string(s)) }

// attacker is a NATS client that knows the protocol and keeps to none of it.
type attacker struct {
	*nats.Conn
	instance string
	refused  atomic.Int64 // permission violations that NATS reported
}

func attack(t testing.TB, p *place, agent, token string) *attacker {
	t.Helper()
	a := visit(t, p, agent, token)
	t.Cleanup(a.Close)
	return a
}

// visit is attack without a cleanup: the caller closes it.
func visit(t testing.TB, p *place, agent, token string) *attacker {
	t.Helper()
	a := &attacker{instance: token}
	nc, err := nats.Connect("nats://127.0.0.1:1", nats.SetCustomDialer(unixSocket(p.socket)), nats.Name(agent),
		nats.Token(token), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				a.refused.Add(1)
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	a.Conn = nc
	return a
}

// rawConnection is an attacker that behaves.
func rawConnection(t testing.TB, p *place, agent string) *attacker {
	t.Helper()
	return attack(t, p, agent, rand.Text())
}

// inbox is a subject on which the attacker may get answers.
func (a *attacker) inbox(what string) string { return wire.InboxPrefix(a.instance) + "." + what }

// ask sends a request and returns its answer; nil: none came.
func (a *attacker) ask(t testing.TB, subject string, header nats.Header, body []byte) *nats.Msg {
	t.Helper()
	reply := a.inbox("ask" + rand.Text())
	sub, err := a.SubscribeSync(reply)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone
	if err := a.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Header: header, Data: body}); err != nil {
		t.Logf("%s: %v", subject, err)
		return nil
	}
	m, err := sub.NextMsg(5 * time.Second)
	if err != nil {
		return nil
	}
	return m
}

// TestG8ForgedDenied tries every way to make a subscription take for an event
// what is none, or to hear what is another's.
func TestG8ForgedDenied(t *testing.T) {
	p := newPlace(t)
	p.start()
	ctx := testContext(t)
	pub := owner(t, p.url(), items())
	publish(t, pub, "k", Item{N: 1})
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	testutil.Await(t, settled, "synchronized", r.sub.Synchronized)
	victim := rawConnection(t, p, "victim")
	var heard atomic.Int64
	if _, err := victim.Subscribe(victim.inbox(">"), func(*nats.Msg) { heard.Add(1) }); err != nil {
		t.Fatal(err)
	}
	var events sync.Map
	if _, err := victim.Subscribe(wire.EventPrefix+">", func(m *nats.Msg) {
		if m.Header.Get(wire.HeaderStore) == "" || m.Header.Get(wire.HeaderStatus) != "" || strings.Contains(string(m.Data), "forged") {
			events.Store(m.Subject+": "+string(m.Data), m.Header)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := victim.Flush(); err != nil {
		t.Fatal(err)
	}
	before := len(r.history.all())

	path := items().String() + ".k"
	event := wire.EventSubject(path)
	forged := nats.Header{
		wire.HeaderOp: {"put"}, wire.HeaderRevision: {"9000"}, wire.HeaderPrevious: {fmt.Sprint(mustHead(t, p.raw(t), items().Name()))},
	}
	body := []byte(`{"N":666,"Text":"forged"}`)
	tokens := map[string]string{
		"a client":             rand.Text(),
		"no token":             "",
		"a short token":        "short",
		"a token of a pattern": "****************************",
		"a token of all":       ">>>>>>>>>>>>>>>>>>>>>>>>>>>>",
		"a dotted token":       "aaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
	}
	for name, token := range tokens {
		a := attack(t, p, "attacker", token)
		var overheard atomic.Int64
		for _, subject := range []string{
			">", "*", "nkv.>", "nkv.v1.>", "nkv.v1.*.>", "nkv.v1.put.>", "nkv.*.put.>", "nkv.v1.get." + path, "nkv.v1.heads",
			"_INBOX.>", "_INBOX.*.>", "_INBOX.*.r.*", "_INBOX." + victim.instance + ".>", victim.inbox("answer"), "*.*.*", "*.>",
			"$SYS.>", "$SYS.ACCOUNT.>", "$SYS.REQ.>", "$JS.>", "_R_.>", "$SYS.REQ.SERVER.PING",
		} {
			if _, err := a.Subscribe(subject, func(*nats.Msg) { overheard.Add(1) }); err != nil {
				t.Logf("%s: %v", subject, err)
			}
			if _, err := a.QueueSubscribe(subject, "q", func(*nats.Msg) { overheard.Add(1) }); err != nil {
				t.Logf("%s: %v", subject, err)
			}
		}
		for _, subject := range []string{
			event, wire.MarkSubject(items().String()), "nkv.v1.event", "nkv.v1.event.", "nkv.v2.event." + path, "nkv.*.event." + path,
			"nkv.v1.*." + path, "nkv.v1.event.*", "nkv.v1.event.>", "nkv.>", ">",
			victim.inbox("answer"), "_INBOX." + victim.instance, "_INBOX.*.answer", "_INBOX.>", "$SYS.REQ.SERVER.PING", "$SYS.ACCOUNT.$G.DISCONNECT",
		} {
			if err := a.PublishMsg(&nats.Msg{Subject: subject, Header: forged, Data: body}); err != nil {
				t.Logf("%s: %v", subject, err)
			}
		}
		// The server itself must not be made to say it.
		for _, reply := range []string{
			event, wire.MarkSubject(items().String()), "nkv.v1.put." + path, "nkv.v1.delete." + path,
			victim.inbox("answer"), "_INBOX.*.answer", "_INBOX.>", "_INBOX." + victim.instance, ">", "$SYS.X", "",
		} {
			for _, subject := range []string{"nkv.v1.get." + path, "nkv.v1.version", "nkv.v9.get", "nkv.v1.nonsense", "nkv.v1.health"} {
				if reply == victim.inbox("answer") {
					continue // the victim's secret: who has it is the victim
				}
				m := &nats.Msg{Subject: subject, Reply: reply, Header: nats.Header{wire.HeaderID: {string(body)}}, Data: body}
				if err := a.PublishMsg(m); err != nil {
					t.Logf("%s with reply %s: %v", subject, reply, err)
				}
			}
		}
		// NATS's own message tracing tells a subject of one's choice.
		for _, dest := range []string{event, victim.inbox("answer"), "$SYS.X"} {
			for _, only := range []string{"true", "false"} {
				m := &nats.Msg{Subject: "nkv.v1.version", Reply: a.inbox("x"), Header: nats.Header{"Nats-Trace-Dest": {dest}, "Nats-Trace-Only": {only}}, Data: body}
				if err := a.PublishMsg(m); err != nil {
					t.Logf("trace to %s: %v", dest, err)
				}
			}
		}
		if err := a.Flush(); err != nil {
			t.Logf("%s: %v", name, err)
		}
		// Others go on talking meanwhile, where it could be overheard.
		for range 3 {
			if m := victim.ask(t, "nkv.v1.get."+path, nil, nil); m == nil || m.Header.Get(wire.HeaderStatus) != "200" {
				t.Errorf("%s: the victim gets no answer: %v", name, m)
			}
		}
		if err := a.Flush(); err != nil {
			t.Logf("%s: %v", name, err)
		}
		if n := overheard.Load(); n > 0 {
			t.Errorf("%s overheard %d messages", name, n)
		}
		if a.refused.Load() == 0 {
			t.Errorf("%s was refused nothing", name)
		}
		a.Close()
	}
	publish(t, pub, "k", Item{N: 2})
	awaitView(t, r, map[string]Item{"k": {N: 2}})
	if err := victim.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := heard.Load(); n != int64(3*len(tokens)) { // its own answers
		t.Errorf("the victim heard %d messages in its inboxes; %d are its own", n, 3*len(tokens))
	}
	events.Range(func(what, header any) bool { t.Errorf("a forged event was heard: %s %v", what, header); return true })
	if calls := r.history.all()[before:]; len(calls) != 1 || calls[0].v.N != 2 {
		t.Errorf("the reader was called: %v", calls)
	}
	if _, err := p.raw(t).Version(ctx); err != nil {
		t.Error(err)
	}
}

// TestG8ForgedFenceDenied writes under a fence that is the valid one, and
// another's: everybody can read it.
func TestG8ForgedFenceDenied(t *testing.T) {
	p := newPlace(t)
	p.start()
	ctx := testContext(t)
	pub := owner(t, p.url(), items())
	publish(t, pub, "k", Item{N: 1})
	forger := p.raw(t, client.Name("owner"))
	info, _, err := forger.Snapshot(ctx, items().Name())
	if err != nil {
		t.Fatal(err)
	}
	path := wire.Path{Table: items().Name(), Key: "k"}
	for fence := info.Fence - 1; fence <= info.Fence+1; fence++ {
		if _, err := forger.Put(ctx, path, []byte(`{"N":666}`), client.Fence(fence)); err == nil {
			t.Errorf("a put under another's fence %d was taken", fence)
		}
		if _, err := forger.Delete(ctx, path, client.Fence(fence)); err == nil {
			t.Errorf("a delete under another's fence %d was taken", fence)
		}
		if _, err := forger.Clear(ctx, items().Name(), client.Fence(fence)); err == nil {
			t.Errorf("a clear under another's fence %d was taken", fence)
		}
		if err := forger.Release(ctx, items().Name(), fence); err == nil {
			t.Errorf("a table was closed under another's fence %d", fence)
		}
	}
	publish(t, pub, "k", Item{N: 2})
	if found := table(t, forger, items().Name()); len(found) != 1 || found["k"].N != 2 {
		t.Errorf("the table is %v", found)
	}
}

// TestG8IdentityChanges has one connection introduce itself again and again: the
// server must not take it for many, nor hold tables for those it was.
func TestG8IdentityChanges(t *testing.T) {
	p := newPlace(t)
	p.start()
	c := p.raw(t)
	base, err := c.Health(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const times = 300
	var script strings.Builder
	for i := range times {
		token := rand.Text()
		fmt.Fprintf(&script, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true,\"protocol\":1,\"name\":\"owner\",\"auth_token\":%q}\r\n", token)
		topic := fmt.Sprintf("nkv.v1.open.owner.Topic%d", i)
		fmt.Fprintf(&script, "PUB %s _INBOX.%s.a 2\r\n{}\r\n", topic, token)
	}
	script.WriteString("PING\r\n")
	if _, err := conn.Write([]byte(script.String())); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	buf := make([]byte, 64<<10)
	for !strings.Contains(got.String(), "PONG") {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a socket takes deadlines
		n, err := conn.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
	}
	health, err := c.Health(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if health.Connections > base.Connections+1 {
		t.Errorf("one connection counts as %d", health.Connections-base.Connections)
	}
	conn.Close()
	testutil.Await(t, settled, "the connection is forgotten", func() bool {
		health, err := c.Health(testContext(t))
		return err == nil && health.Connections == base.Connections
	})
	testutil.Await(t, settled, "its tables are free", func() bool {
		tables, err := c.Tables(testContext(t), "")
		if err != nil {
			return false
		}
		for _, info := range tables {
			if info.Open {
				return false
			}
		}
		return true
	})
}
