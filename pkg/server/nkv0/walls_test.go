package nkv0_test

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// heard notes what a connection hears that it must not.
type heard struct {
	mu       sync.Mutex // guards the fields
	messages []string
	refused  map[string]bool // what NATS said it refuses, by its text
}

func (h *heard) message(m *nats.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = append(h.messages, m.Subject+": "+string(m.Data))
}

func (h *heard) refusal(_ *nats.Conn, _ *nats.Subscription, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[strings.ToLower(err.Error())] = true
}

// TestWalls attacks from a connection of the first protocol: the others' events,
// inboxes and tables, NATS's own subjects, and messages in the server's name.
func TestWalls(t *testing.T) {
	s := start(t, serving(t))
	today := connect(t, s)
	victim := victimOfToday(t, s)
	bystander := old(t, s.ClientURL())
	bystander.put("k", "[1]")
	messages := bystander.hear("pub-k")
	answers := bystander.hear("_INBOX.bystander.>")

	got := &heard{refused: map[string]bool{}}
	attacker := old(t, s.ClientURL(), nats.ErrorHandler(got.refusal))
	for _, subject := range []string{
		"nkv.>", "nkv.v1.event.>", "nkv.v1.put.>", "_INBOX." + victim.instance + ".>", "$SYS.>", "$SYS.ACCOUNT.>", "$SYS.REQ.>", "$JS.>", "_R_.>",
		"pubsub.>", "pubsub.*", "pubsub.put", "*.put", "*.*.event.>",
	} {
		if _, err := attacker.Subscribe(subject, got.message); err != nil {
			t.Fatal(err)
		}
		if _, err := attacker.QueueSubscribe(subject, "q", got.message); err != nil {
			t.Fatal(err)
		}
	}
	if err := attacker.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{
		"nkv.v1.put.nkv0.Value.k", "nkv.v1.put.a.T.forged", "nkv.v1.delete.a.T.k", "nkv.v1.open.a.T", "nkv.v1.health", "nkv.v1.event.a.T.k",
		"_INBOX." + victim.instance + ".x", "_INBOX.bystander.x", "pub-k", "pub.k", "pubsub", "pubsub.put.more", ">", "*",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.ACCOUNT.$G.DISCONNECT", "$JS.API.INFO",
	} {
		if err := attacker.PublishRequest(subject, "_INBOX.attacker.x", []byte("forged")); err != nil {
			t.Logf("publish to %s: %v", subject, err)
		}
	}
	// What the server answers must not go where something else is expected.
	for _, reply := range []string{
		"", "pub-k", "pubsub.put", "pubsub.delete", "nkv.v1.put.a.T.forged", "nkv.v1.event.a.T.k", "$SYS.REQ.SERVER.PING", "_INBOX", "_R_.x", ">", "pub.k",
	} {
		for verb, body := range map[string]string{"get": request("Get", "k"), "put": request("Put", "k") + "[66]", "delete": request("Delete", "k"), "subscribe": request("Subscribe", "k")} {
			if err := attacker.PublishRequest("pubsub."+verb, reply, []byte(body+"}")); err != nil {
				t.Logf("reply to %s: %v", reply, err)
			}
		}
	}
	if err := attacker.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	victim.ask("nkv.v1.put.a.T.k", "seen by nobody")
	victim.ask("nkv.v1.get.a.T.k", "")
	attacker.want("pubsub.get", request("Get", "k")+"}", `{"Get":{"id":7,"status":200,"message":"No Error","data":[1]}}`) // nothing of it happened
	bystander.put("k", "[2]")
	messages.want(update("2")) // and nothing came before
	if m, err := answers.NextMsg(time.Millisecond); err == nil {
		t.Errorf("a bystander's inbox got %s", m.Data)
	}
	if _, err := today.Get(within(t), wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "forged"}); err == nil {
		t.Error("the attacker put into another table")
	}
	if tables, err := today.Tables(within(t), ">"); err != nil || len(tables) != 2 {
		t.Errorf("tables: %+v, %v", tables, err)
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	if len(got.messages) > 0 {
		t.Errorf("the attacker heard %q", got.messages)
	}
	for _, subject := range []string{"pubsub.put.more", "nkv.v1.put.nkv0.value.k", "pub-k", "$sys.req.user.info", "_inbox.bystander.x"} {
		if !got.refused[fmt.Sprintf("nats: permissions violation: permissions violation for publish to %q", subject)] &&
			!got.refused[fmt.Sprintf("nats: permissions violation for publish to %q", subject)] {
			t.Errorf("a publish to %s was not refused: %v", subject, got.refused)
		}
	}
}

// peer speaks the protocol of today by hand.
type peer struct {
	*nats.Conn
	t        testing.TB
	instance string
}

func victimOfToday(t testing.TB, s *server.Server) *peer {
	t.Helper()
	p := &peer{t: t, instance: rand.Text()}
	var err error
	if p.Conn, err = nats.Connect(s.ClientURL(), nats.Token(p.instance), nats.CustomInboxPrefix(wire.InboxPrefix(p.instance)), nats.NoReconnect()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (p *peer) ask(subject, body string) {
	p.t.Helper()
	m, err := p.Request(subject, []byte(body), patience)
	if err != nil || m.Header[wire.HeaderStatus][0] != "200" {
		p.t.Fatalf("%s: %v, %v", subject, m, err)
	}
}

// TestTodaysClientsStayOutside: who has a token hears and sends nothing in the
// first protocol's account, and one that names no instance still hears events.
func TestTodaysClientsStayOutside(t *testing.T) {
	s := start(t, serving(t))
	c, victim := old(t, s.ClientURL()), victimOfToday(t, s)
	c.put("k", "[1]")
	messages := c.hear("pub-k")
	got := &heard{refused: map[string]bool{}}
	var events []*listener
	for _, token := range []string{rand.Text(), "listener", strings.Repeat("*", 26)} {
		attacker := old(t, s.ClientURL(), nats.Token(token), nats.ErrorHandler(got.refusal))
		for _, subject := range []string{">", "pub-k", "pub-*", "pubsub.*", "_INBOX.>"} {
			if _, err := attacker.Subscribe(subject, got.message); err != nil {
				t.Fatal(err)
			}
		}
		events = append(events, attacker.hear("nkv.v1.event.a.T.k"))
		for _, subject := range []string{"pub-k", "pubsub.put", "pubsub.delete"} {
			if err := attacker.PublishRequest(subject, wire.InboxPrefix(token)+".x", []byte(request("Put", "k")+"[66]}")); err != nil {
				t.Logf("publish to %s: %v", subject, err)
			}
		}
		if err := attacker.FlushTimeout(patience); err != nil {
			t.Fatal(err)
		}
	}
	victim.ask("nkv.v1.put.a.T.k", "v")
	for _, l := range events {
		l.want("v")
	}
	c.put("k", "[2]")
	messages.want(update("2"))
	got.mu.Lock()
	defer got.mu.Unlock()
	if len(got.messages) > 0 {
		t.Errorf("the attackers heard %q", got.messages)
	}
}

// TestNobodyChangesSides: a connection that introduces itself anew on the other
// side of the wall is cut, and what it listened to is forgotten.
func TestNobodyChangesSides(t *testing.T) {
	s := start(t, serving(t))
	dial := func(hello, listen string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		say(t, conn, in, "CONNECT "+hello+"\r\nSUB "+listen+" 1\r\nPING\r\n", "PONG")
		return conn, in
	}
	const nobody = `{"verbose":false,"auth_token":""}`
	instance := rand.Text()
	somebody := fmt.Sprintf(`{"verbose":false,"auth_token":%q}`, instance)
	listener := `{"verbose":false,"auth_token":"listener"}`
	for name, test := range map[string]struct{ first, listen, second string }{
		"to an instance":      {nobody, ">", somebody},
		"to a listener":       {nobody, ">", listener},
		"from an instance":    {somebody, "_INBOX." + instance + ".>", nobody},
		"from a listener":     {listener, "nkv.v1.event.>", nobody},
		"to the same, nobody": {nobody, ">", nobody},
		"to the same, token":  {somebody, "nkv.v1.event.>", somebody},
	} {
		conn, in := dial(test.first, test.listen)
		want := "-ERR 'Authorization Violation'"
		if strings.HasPrefix(name, "to the same") {
			want = "PONG"
		}
		say(t, conn, in, "CONNECT "+test.second+"\r\nPING\r\n", want)
	}
}

// say writes to a connection and reads until a line comes.
func say(t *testing.T, conn net.Conn, in *bufio.Reader, text, until string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		if line = strings.TrimSpace(line); line == until {
			return
		}
		if strings.HasPrefix(line, "-ERR") || line == "PONG" {
			t.Fatalf("after %q came %s; want %s", text, line, until)
		}
	}
}

// TestNoEventsWithoutAToken: what the first protocol's clients lose.
func TestNoEventsWithoutAToken(t *testing.T) {
	s := start(t, serving(t))
	c := old(t, s.ClientURL())
	events := c.hear("nkv.v1.event.>")
	victimOfToday(t, s).ask("nkv.v1.put.a.T.k", "v")
	c.put("k", "[1]")
	if m, err := events.NextMsg(time.Millisecond); err == nil {
		t.Errorf("it hears %s", m.Subject)
	} else if !errors.Is(err, nats.ErrTimeout) {
		t.Error(err)
	}
}
