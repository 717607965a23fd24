package server_test

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// Attacks on G8, walls, with access control on. None succeeds, and nobody else
// notices.

// TestG8AttackWalls is an agent with an identity of its own that tries to hear and
// to forge what is another's.
func TestG8AttackWalls(t *testing.T) {
	g := guard(t)
	watchOver(t, g)
	owner := g.as("zedagent", "zedagent")
	fence := owner.open("zedagent.Config")
	owner.done("nkv.v1.put.zedagent.Config.k", headers(wire.HeaderFence, fence), "true")
	var heard, forged atomic.Int64
	if _, err := owner.Subscribe(wire.InboxPrefix(owner.instance)+".victim.>", func(*nats.Msg) { forged.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Subscribe("nkv.v1.event.>", func(m *nats.Msg) {
		if strings.Contains(string(m.Data), "forged") || m.Header.Get(wire.HeaderStore) != g.StoreID() {
			forged.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, identity := range []struct{ name, agent string }{{"reader", "reader"}, {"viewer", "nkv"}, {"other", "zedagent"}, {"root", "zedagent"}} {
		attacker := g.as(identity.name, identity.agent)
		for _, subject := range []string{
			">", "*", "*.>", "nkv.>", "nkv.v1.>", "nkv.v1.*.>", "nkv.v1.put.>", "nkv.*.put.>", "nkv.v1.get.zedagent.Config.k", "nkv.v1.heads",
			"_INBOX.>", "_INBOX.*.>", "_INBOX." + owner.instance + ".>", "_INBOX." + owner.instance + ".*", "$SYS.>", "$SYS.ACCOUNT.>", "$JS.>", "_R_.>",
		} {
			for _, queue := range []string{"", "q"} {
				if _, err := attacker.QueueSubscribe(subject, queue, func(*nats.Msg) { heard.Add(1) }); err != nil {
					t.Logf("%s: %v", subject, err)
				}
			}
		}
		event := nats.Header{wire.HeaderOp: {"put"}, wire.HeaderRevision: {"9"}, wire.HeaderPrevious: {"8"}, wire.HeaderStore: {g.StoreID()}}
		for _, subject := range []string{
			"nkv.v1.event.zedagent.Config.k", "nkv.v1.event.zedagent.Config.$mark", "nkv.v2.event.zedagent.Config.k", "nkv.*.event.zedagent.Config.k",
			"_INBOX." + owner.instance + ".victim.x", "_INBOX.>", "$SYS.REQ.SERVER.PING", "nkv.>", ">",
		} {
			if err := attacker.PublishMsg(&nats.Msg{Subject: subject, Header: event, Data: []byte("forged")}); err != nil {
				t.Logf("%s: %v", subject, err)
			}
			if strings.Contains(subject, owner.instance) {
				continue // who knows it is taken for the owner
			}
			// The server is not made to say it, either.
			if err := attacker.PublishMsg(&nats.Msg{Subject: "nkv.v1.get.zedagent.Config.k", Reply: subject, Header: nats.Header{wire.HeaderID: {"forged"}}}); err != nil {
				t.Logf("reply to %s: %v", subject, err)
			}
			if err := attacker.PublishMsg(&nats.Msg{Subject: "nkv.v1.version", Header: nats.Header{"Nats-Trace-Dest": {subject}, "Nats-Trace-Only": {"true"}}, Data: []byte("forged")}); err != nil {
				t.Logf("trace to %s: %v", subject, err)
			}
		}
		for _, h := range []nats.Header{nil, headers(wire.HeaderFence, fence)} {
			for _, subject := range []string{"put.zedagent.Config.k", "delete.zedagent.Config.k", "close.zedagent.Config", "mark.zedagent.Config"} {
				if m := attacker.ask("nkv.v1."+subject, h, []byte(`{"restart":5}`)); status(m) == 200 {
					t.Errorf("%s did %s", identity.name, subject)
				}
			}
		}
		owner.done("nkv.v1.get.zedagent.Config.k", nil, "")
		if err := errors.Join(attacker.FlushTimeout(patience), owner.FlushTimeout(patience), attacker.FlushTimeout(patience)); err != nil {
			t.Error(err)
		}
		if n := heard.Swap(0); n > 0 {
			t.Errorf("%s overheard %d messages", identity.name, n)
		}
		attacker.Close()
	}
	if m := owner.done("nkv.v1.get.zedagent.Config.k", nil, ""); string(m.Data) != "true" {
		t.Errorf("the value became %q", m.Data)
	}
	if n := forged.Load(); n > 0 {
		t.Errorf("%d forged messages were heard", n)
	}
	if said := g.log.String(); strings.Contains(said, owner.instance) && !strings.Contains(said, "Violation") {
		t.Error("the log has an instance that nobody gave away")
	}
}

// TestG8AttackOwner lets another identity, which may act as the same agent, go for
// a table: while its owner is connected, within its grace, and with its instance.
func TestG8AttackOwner(t *testing.T) {
	g := guard(t, func(o *server.Options) { o.OwnerGrace = time.Minute })
	watchOver(t, g)
	owner := g.as("zedagent", "zedagent")
	fence := owner.open("zedagent.Config")
	late := headers(wire.HeaderFence, fence)
	owner.done("nkv.v1.put.zedagent.Config.k", late, "mine")
	heir := g.as("other", "zedagent")
	if m := heir.ask("nkv.v1.open.zedagent.Config", nil, nil); outcome(m) != "409 owned" {
		t.Errorf("while the owner is there: %s", outcome(m))
	}
	if _, _, err := g.try("other", "zedagent", owner.instance); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a connection with the owner's instance, under another identity: %v", err)
	}
	if _, _, err := g.try("root", "zedagent", owner.instance); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a connection with the owner's instance, as an operator: %v", err)
	}
	again, _, err := g.try("zedagent", "zedagent", owner.instance)
	if err != nil {
		t.Fatalf("the owner's second connection: %v", err)
	}
	before, _ := g.Sessions()
	owner.Close()
	again.Close()
	awaitSessions(t, g.Server, before-2)
	if m := heir.ask("nkv.v1.open.zedagent.Config", nil, nil); outcome(m) != "409 owned" || header(m, wire.HeaderRetryAfter) == "" {
		t.Errorf("within the grace: %s", outcome(m))
	}
	nc, _, err := g.try("other", "zedagent", owner.instance)
	if err != nil {
		t.Fatal(err)
	}
	thief := &peer{Conn: nc, t: t, instance: owner.instance}
	if m := thief.ask("nkv.v1.open.zedagent.Config", nil, nil); outcome(m) != "409 owned" {
		t.Errorf("within the grace, with the owner's instance: %s", outcome(m))
	}
	if m := thief.ask("nkv.v1.put.zedagent.Config.k", late, []byte("stolen")); outcome(m) != "412 fence" && outcome(m) != "409 owned" {
		t.Errorf("a put under the owner's fence, with its instance: %s", outcome(m))
	}
	known, _ := g.Sessions()
	thief.Close()
	awaitSessions(t, g.Server, known-1)

	// The owner was cut off, an operator took its table, and now its last put arrives.
	root := g.as("root", "nkv")
	taken := root.done("nkv.v1.open.zedagent.Config", headers(wire.HeaderForce, "true"), "{}")
	nc, _, err = g.try("zedagent", "zedagent", owner.instance)
	if err != nil {
		t.Fatal(err)
	}
	back := &peer{Conn: nc, t: t, instance: owner.instance}
	if m := back.ask("nkv.v1.put.zedagent.Config.k", late, []byte("late")); outcome(m) != "412 fence" {
		t.Errorf("a late put: %s", outcome(m))
	}
	root.done("nkv.v1.put.zedagent.Config.k", headers(wire.HeaderFence, header(taken, wire.HeaderRevision)), "taken")
	if m := back.done("nkv.v1.get.zedagent.Config.k", nil, ""); string(m.Data) != "taken" {
		t.Errorf("the value is %q", m.Data)
	}
}

// TestG8AttackConnect: a connection that introduces itself again, or before it was
// greeted, or as another.
func TestG8AttackConnect(t *testing.T) {
	g := guard(t)
	watchOver(t, g)
	for _, network := range []string{"tcp", "unix"} {
		instance, second := rand.Text(), rand.Text()
		hello := connectLine("reader", "reader", instance)
		for name, test := range map[string]struct{ text, heard string }{
			"anew":             {hello + connectLine("reader", "reader", instance) + "PING\r\n", "Authorization Violation"},
			"as another":       {hello + connectLine("root", "nkv", second) + "PING\r\n", "Authorization Violation"},
			"as nobody":        {hello + "CONNECT {}\r\nPING\r\n", "Authorization Violation"},
			"with a name only": {hello + "CONNECT {\"name\":\"zedagent\"}\r\nPING\r\n", "Authorization Violation"},
			"not at all":       {"PING\r\nSUB nkv.v1.event.> 1\r\nPING\r\n", "-ERR"},
			"by a put first":   {"PUB nkv.v1.put.peer.T.k 1\r\n1\r\n", "-ERR"},
		} {
			if heard := g.raw(network).say(test.text, ""); !strings.Contains(heard, test.heard) {
				t.Errorf("%s, %s: %q", network, name, heard)
			}
		}
	}
	// Nothing is told before who it is; many at once, since it would be a race.
	var wait sync.WaitGroup
	for range 200 {
		wait.Go(func() {
			conn, err := net.Dial("unix", g.opts.Socket)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a socket takes deadlines
			early := &raw{Conn: conn, in: bufio.NewReader(conn)}
			text := fmt.Sprintf("CONNECT {\"verbose\":false,\"name\":\"peer\",\"auth_token\":%q}\r\nPING\r\n", rand.Text())
			if heard := early.say(text, "PONG"); !strings.Contains(heard, "PONG") || strings.Contains(heard, "-ERR") {
				t.Errorf("a client that speaks first: %q", heard)
			}
		})
	}
	wait.Wait()
}

// TestG8AttackFrames sends what no client sends: whatever it is, others go on.
func TestG8AttackFrames(t *testing.T) {
	g := guard(t, func(o *server.Options) { o.MaxValue = 64 << 10 })
	watchOver(t, g)
	instance := rand.Text()
	reply := wire.InboxPrefix(instance) + ".x"
	huge := strings.Repeat("x", 5000)
	frames := map[string]string{
		"a huge payload":       "PUB nkv.v1.put.reader.T.k " + reply + " 999999999\r\n",
		"a negative size":      "PUB nkv.v1.put.reader.T.k -1\r\n\r\n",
		"a size of no number":  "PUB nkv.v1.put.reader.T.k ten\r\n",
		"a size that is wrong": "PUB nkv.v1.put.reader.T.k 3\r\n12345\r\n",
		"headers over all":     "HPUB nkv.v1.put.reader.T.k " + reply + " 50 10\r\n",
		"headers of nothing":   "HPUB nkv.v1.put.reader.T.k " + reply + " 4 4\r\n\r\n\r\n\r\n",
		"headers of noise":     "HPUB nkv.v1.put.reader.T.k " + reply + " 20 20\r\n\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\r\n",
		"a huge subject":       "PUB " + huge + " 1\r\n1\r\n",
		"a huge verb":          huge + "\r\n",
		"zero bytes":           strings.Repeat("\x00", 10000),
		"TLS":                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\xaa", 500),
		"HTTP":                 "GET /connz?subs=1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT of no JSON":   "CONNECT {\"user\":\r\n",
		"CONNECT of a list":    "CONNECT [1,2,3]\r\n",
		"CONNECT of depth":     "CONNECT " + strings.Repeat("[", 3000) + "\r\n",
		"CONNECT of a number":  "CONNECT {\"user\":1,\"pass\":{},\"nkey\":[],\"sig\":false}\r\n",
		"CONNECT too long":     "CONNECT {\"pass\":\"" + strings.Repeat("p", 100_000) + "\"}\r\n",
	}
	requests := map[string]string{
		"a body of no JSON":   pub("nkv.v1.heads", reply, "{\"tab"),
		"a body of depth":     pub("nkv.v1.open.reader.T", reply, strings.Repeat("[", 20000)),
		"a body of noise":     pub("nkv.v1.mark.reader.T", reply, "\xff\xfe\x00\x01"),
		"a pattern of noise":  pub("nkv.v1.heads", reply, `{"tables":["\u0000..>.*.>"]}`),
		"no path":             "PUB nkv.v1.get " + reply + " 0\r\n\r\n",
		"a path that is long": "PUB nkv.v1.get.reader." + strings.Repeat("t", 2000) + ".k " + reply + " 0\r\n\r\n",
		"no such verb":        "PUB nkv.v1.none.reader.T.k " + reply + " 0\r\n\r\n",
		"a bad header":        hpub("nkv.v1.put.reader.T.k", reply, "Nkv-Fence: -1\r\nNkv-Expect: 1e9\r\nNkv-Durable: perhaps", "1"),
		"many headers":        hpub("nkv.v1.put.reader.T.k", reply, strings.TrimSuffix(strings.Repeat("Nkv-Fence: 1\r\n", 2000), "\r\n"), "1"),
		"a long id":           hpub("nkv.v1.version", reply, "Nkv-Id: "+strings.Repeat("i", 3000), ""),
	}
	for _, network := range []string{"tcp", "unix"} {
		for name, frame := range frames {
			for when, before := range map[string]string{"before": "", "after": connectLine("reader", "reader", instance)} {
				r := g.raw(network)
				go func() { // it may be cut while it is still being written
					time.AfterFunc(time.Second, func() { r.Conn.(interface{ CloseWrite() error }).CloseWrite() }) //nolint:errcheck // gone already: the same
				}()
				if heard := r.say(before+frame+"\r\nPING\r\n", "PONG"); heard == "" {
					t.Errorf("%s, %s, %s CONNECT: nothing", network, name, when)
				}
				r.Close()
			}
		}
		for name, request := range requests {
			r := g.raw(network)
			hello := connectLine("reader", "reader", instance) + "SUB " + wire.InboxPrefix(instance) + ".> 1\r\n"
			if heard := r.say(hello+request, wire.HeaderStatus+":"); !strings.Contains(heard, wire.HeaderStatus+":4") && !strings.Contains(heard, wire.HeaderStatus+": 4") {
				t.Errorf("%s, %s: %q", network, name, heard)
			}
			r.Close()
		}
	}
}

// TestG8AttackPaths tries names that lead out of directories, with tables kept in
// files.
func TestG8AttackPaths(t *testing.T) {
	outside := t.TempDir()
	root := filepath.Join(outside, "a", "b", "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	g := guard(t, func(o *server.Options) {
		o.EveRoot = root
		o.StoreDir, o.VolatileDir = filepath.Join(outside, "a", "b", "durable"), filepath.Join(outside, "a", "b", "volatile")
	})
	watchOver(t, g)
	attacker := g.as("root", "nkv")
	names := []string{
		"..", ".", "../..", "../../../../../../etc", "/etc", "a/../../../..", "..\\..", "..%2F..", "%2e%2e", "\x00", "a\x00b", "~", "$HOME",
		"../" + strings.Repeat("n", 240), strings.Repeat("../", 60), "k\n", "-rf", "*", "root/../../x",
	}
	taken := 0
	for _, name := range names {
		for _, path := range []wire.Path{
			{Table: wire.Table{Agent: name, Topic: "T"}, Key: "k"}, {Table: wire.Table{Agent: "a", Topic: name}, Key: "k"},
			{Table: wire.Table{Agent: "a", Topic: "T", Scope: name}, Key: "k"}, {Table: wire.Table{Agent: "a", Topic: "T"}, Key: name},
		} {
			for _, durable := range []string{"true", "false"} {
				m := attacker.ask("nkv.v1.put."+path.String(), headers(wire.HeaderDurable, durable), []byte(`"attack"`))
				switch outcome(m) {
				case "200":
					taken++
				case "400 invalid", "503 unavailable":
				default:
					t.Errorf("%q: %s", path, outcome(m))
				}
			}
		}
	}
	allowed := []string{filepath.Join(outside, "a", "b", "root"), g.opts.StoreDir, g.opts.VolatileDir}
	err := filepath.WalkDir(outside, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(root, path) {
			return err
		}
		for _, place := range allowed {
			if path == place || strings.HasPrefix(path, place+"/") {
				return nil
			}
		}
		t.Errorf("%s was made", path)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, dir := range []string{g.opts.StoreDir, g.opts.VolatileDir} {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 4 {
			t.Errorf("%s holds %d files, %v", dir, len(entries), err)
		}
	}
	t.Logf("1 round, %d odd names in 4 places, %d puts taken, within the root", len(names), taken)
}

func public(t testing.TB, g *guarded) string {
	t.Helper()
	key, err := g.key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
