package server_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestLogHidesInstances: an instance is the way to its client's inboxes and speaks in
// its name, also after a reconnect. So it is not in the log, however it is brought up:
// by a request that comes after its connection is gone, or by what NATS refuses.
func TestLogHidesInstances(t *testing.T) {
	g := guard(t)
	asker := g.as("viewer", "nkv")
	gone := rand.Text()
	m := &nats.Msg{Subject: "nkv.v1.version", Reply: wire.InboxPrefix(gone) + ".x"}
	if err := asker.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{wire.InboxPrefix(asker.instance), wire.InboxPrefix(gone) + ".>"} {
		if _, err := asker.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		if err := asker.Publish(subject, nil); err != nil {
			t.Logf("%s: %v", subject, err)
		}
	}
	asker.done("nkv.v1.version", nil, "")
	testutil.Await(t, patience, "all is in the log", func() bool {
		said := g.log.String()
		return strings.Contains(said, "Subscription Violation") && strings.Contains(said, "Publish Violation") && strings.Contains(said, "not the one that its connection named")
	})
	for _, instance := range []string{asker.instance, gone} {
		if said := g.log.String(); strings.Contains(said, instance) {
			t.Errorf("the log has an instance: %s", said)
		}
	}
}

// TestWrongLoginsFromOneMachine: a process can take any loopback address, but that
// does not give it more wrong tries.
func TestWrongLoginsFromOneMachine(t *testing.T) {
	g := guard(t)
	for i := range 8 {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(10+i))}, Timeout: patience}
		nc, err := dialed("nats://"+g.Addr().String(), nats.SetCustomDialer(dialer), nats.NoReconnect(), nats.Timeout(patience),
			nats.Name("zedagent"), nats.Token(rand.Text()), nats.UserInfo("zedagent", fmt.Sprint("wrong", i)))
		if err == nil {
			nc.Close()
			t.Fatal("a wrong password is taken")
		}
	}
	if said := g.log.String(); !strings.Contains(said, "too many logins") || !strings.Contains(said, "127.0.0.11") {
		t.Errorf("each address has tries of its own: %s", said)
	}
}

// TestHeadsOfManyPatterns: the core matches every table against each pattern that is
// asked for, while others wait; so their number is bounded.
func TestHeadsOfManyPatterns(t *testing.T) {
	g := guard(t)
	root := g.as("root", "nkv")
	root.done("nkv.v1.put.a.T.k", nil, "1")
	for _, test := range []struct {
		different, times int
		want             string
	}{{4096, 2, "200"}, {4097, 1, "400 invalid"}, {100_000, 1, "400 invalid"}} {
		var body wire.HeadsRequest
		for range test.times {
			for i := range test.different {
				body.Tables = append(body.Tables, fmt.Sprintf("*.T%d", i))
			}
		}
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if m := root.ask("nkv.v1.heads", nil, encoded); outcome(m) != test.want {
			t.Errorf("%d patterns, %d times: %s; want %s", test.different, test.times, outcome(m), test.want)
		}
	}
}

// TestWebsocketNoise: what comes to the websocket port and is none fills no log.
func TestWebsocketNoise(t *testing.T) {
	g := guard(t, func(o *server.Options) {
		o.NATSConfig = natsConfig(t, "websocket { listen: \"127.0.0.1:-1\", no_tls: true }")
	})
	address := strings.Replace(g.NATS().WebsocketURL(), "ws://", "http://", 1)
	for range 200 {
		answer, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if n := strings.Count(g.log.String(), "\n"); n > 60 {
		t.Errorf("%d lines in the log: %s", n, g.log.String()[:1000])
	}
}
