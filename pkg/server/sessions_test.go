package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func awaitSessions(t *testing.T, s *server.Server, want int) {
	t.Helper()
	testutil.Await(t, patience, fmt.Sprint(want, " connections are known"), func() bool {
		n, _ := s.Sessions()
		return n == want
	})
}

// TestInstanceOfTwoConnections: an owner that reconnects before the server has
// noticed the end of its first connection keeps its table.
func TestInstanceOfTwoConnections(t *testing.T) {
	s := start(t, server.Options{OwnerGrace: 50 * time.Millisecond})
	instance := rand.Text()
	first := meetAs(t, s, "a", instance)
	second := meetAs(t, s, "a", instance)
	heir := meet(t, s, "a")
	owned := headers(wire.HeaderFence, first.open("a.T"))
	first.Close()
	awaitSessions(t, s, 2)
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); { // four times the grace
		if m := heir.ask("nkv.v1.open.a.T", nil, nil); outcome(m) != "409 owned" || header(m, wire.HeaderRetryAfter) != "" {
			t.Fatalf("the owner lost its claim: %s, retry after %q", outcome(m), header(m, wire.HeaderRetryAfter))
		}
	}
	second.done("nkv.v1.put.a.T.k", owned, "v")
	second.Close()
	testutil.Await(t, patience, "the heir opens the table", func() bool {
		return outcome(heir.ask("nkv.v1.open.a.T", nil, nil)) == "200"
	})
	if n, instances := s.Sessions(); n != 1 || instances != 1 {
		t.Errorf("%d connections of %d instances are known", n, instances)
	}
}

// TestSweepFindsWhatWasNotTold lets connections end without the server being
// told.
func TestSweepFindsWhatWasNotTold(t *testing.T) {
	s := start(t, server.Options{OwnerGrace: 50 * time.Millisecond})
	owner, heir := meet(t, s, "a"), meet(t, s, "a")
	owner.open("a.T")
	s.Deafen()
	owner.Close()
	testutil.Await(t, patience, "NATS has one client and the server's own", func() bool { return s.NATS().NumClients() <= 2 })
	if m := heir.ask("nkv.v1.open.a.T", nil, nil); outcome(m) != "409 owned" || header(m, wire.HeaderRetryAfter) != "" {
		t.Errorf("before the sweep: %s", outcome(m))
	}
	if n, _ := s.Sessions(); n != 2 {
		t.Errorf("%d connections are known before the sweep", n)
	}
	s.SweepSessions()
	if n, instances := s.Sessions(); n != 1 || instances != 1 {
		t.Errorf("%d connections of %d instances are known after the sweep", n, instances)
	}
	testutil.Await(t, patience, "the heir opens the table", func() bool {
		return outcome(heir.ask("nkv.v1.open.a.T", nil, nil)) == "200"
	})
	s.SweepSessions()
	heir.done("nkv.v1.version", nil, "") // the living stay
}

// TestNameOfAnInstance: the name counts that the instance came with, until all
// of its connections are gone.
func TestNameOfAnInstance(t *testing.T) {
	s := start(t, server.Options{})
	instance := rand.Text()
	first := meetAs(t, s, "a", instance)
	second := meetAs(t, s, "b", instance)
	for table, want := range map[string]string{"a.T": "200", "b.T": "403 not-owner"} {
		if got := outcome(second.ask("nkv.v1.open."+table, nil, nil)); got != want {
			t.Errorf("beside a connection named a, one named b opens %s: %s; want %s", table, got, want)
		}
	}
	first.Close()
	second.Close()
	awaitSessions(t, s, 0)
	third := meetAs(t, s, "b", instance)
	for table, want := range map[string]string{"b.T": "200", "a.U": "403 not-owner"} {
		if got := outcome(third.ask("nkv.v1.open."+table, nil, nil)); got != want {
			t.Errorf("back under the name b, it opens %s: %s; want %s", table, got, want)
		}
	}
	nameless := meetAs(t, s, "", rand.Text())
	nameless.done("nkv.v1.put.c.T.k", nil, "v")
	for _, table := range []string{"c.T", "a.T"} {
		if got := outcome(nameless.ask("nkv.v1.open."+table, nil, nil)); got != "403 not-owner" {
			t.Errorf("without a name it opens %s: %s", table, got)
		}
	}
	odd := meetAs(t, s, "ä b.c", rand.Text())
	odd.open(wire.Table{Agent: "ä b.c", Topic: "T"}.String())
}

// TestTokens tells which tokens name an instance; the others may only listen.
func TestTokens(t *testing.T) {
	s := start(t, server.Options{})
	teller := meet(t, s, "a")
	for name, tc := range map[string]struct {
		token string
		names bool
	}{
		"none":          {"", false},
		"short":         {strings.Repeat("x", wire.MinInstance-1), false},
		"shortest":      {strings.Repeat("x", wire.MinInstance), true},
		"letters":       {"azAZ09-_azAZ09-_azAZ09-_", true},
		"longest":       {strings.Repeat("x", 255), true},
		"too long":      {strings.Repeat("x", 256), false},
		"much too long": {strings.Repeat("x", 3000), false},
		"dot":           {strings.Repeat("x", 20) + ".y", false},
		"star":          {strings.Repeat("*", 20), false},
		"rest":          {strings.Repeat("x", 20) + ">", false},
		"space":         {strings.Repeat("x", 20) + " y", false},
		"wide letters":  {strings.Repeat("ä", 10), true},
		"quote":         {strings.Repeat("x", 20) + "\"\\", false},
	} {
		t.Run(name, func(t *testing.T) {
			refused := make(chan error, 10)
			nc, err := nats.Connect("", nats.InProcessServer(s), nats.Name("a"), nats.Token(tc.token), nats.NoReconnect(),
				nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			want := 1
			if tc.names {
				want = 2
			}
			if n, _ := s.Sessions(); n != want {
				t.Errorf("%d connections are known; want %d", n, want)
			}
			events, err := nc.SubscribeSync("nkv.v1.event.a.T.*")
			if err != nil {
				t.Fatal(err)
			}
			if err := nc.FlushTimeout(patience); err != nil {
				t.Fatal(err)
			}
			teller.done("nkv.v1.put.a.T.k", nil, rand.Text())
			if _, err := events.NextMsg(patience); err != nil {
				t.Errorf("an event: %v", err)
			}
			if tc.names {
				return
			}
			if err := nc.PublishRequest("nkv.v1.put.a.T.intruder", "_INBOX."+tc.token+".x", nil); err == nil {
				select {
				case err := <-refused:
					if !errors.Is(err, nats.ErrPermissionViolation) {
						t.Errorf("a put: %v", err)
					}
				case <-time.After(patience):
					t.Error("a put was not refused")
				}
			}
			if m := teller.ask("nkv.v1.get.a.T.intruder", nil, nil); outcome(m) != "404 not-found" {
				t.Errorf("the put happened: %s", outcome(m))
			}
			nc.Close()
		})
		awaitSessions(t, s, 1)
	}
}

// TestCrowdLeavesNothing lets clients of both kinds come and go.
func TestCrowdLeavesNothing(t *testing.T) {
	const crowd = 200
	opts := lives(t)
	opts.OwnerGrace = time.Millisecond
	s := start(t, opts)
	resident := meet(t, s, "resident")
	before := runtime.NumGoroutine()
	for round := range crowdRounds {
		var all sync.WaitGroup
		for i := range crowd {
			all.Go(func() {
				if i%20 == 0 {
					if err := visit(t.Context(), s, fmt.Sprint("v", i)); err != nil {
						t.Errorf("round %d, client %d: %v", round, i, err)
					}
					return
				}
				token := rand.Text()
				nc, err := nats.Connect("nats://127.0.0.1:1", nats.SetCustomDialer(socketDialer(opts.Socket)), nats.NoReconnect(),
					nats.Name("raw"), nats.Token(token), nats.CustomInboxPrefix(wire.InboxPrefix(token)), nats.Timeout(patience))
				if err != nil {
					t.Errorf("round %d, connection %d: %v", round, i, err)
					return
				}
				defer nc.Close()
				if m, err := nc.Request(fmt.Sprintf("nkv.v1.open.raw.T%d", i), nil, patience); err != nil || status(m) == 0 {
					t.Errorf("round %d, connection %d: %v", round, i, err)
				}
			})
		}
		all.Wait()
	}
	testutil.Await(t, patience, "all connections are gone", func() bool {
		n, instances := s.Sessions()
		return n == 1 && instances == 1 && s.NATS().NumClients() <= 3
	})
	testutil.Await(t, patience, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+5 })
	var health wire.HealthAnswer
	decode(t, resident.done("nkv.v1.health", nil, ""), &health)
	if health.Connections != 1 || health.Status != "ok" {
		t.Errorf("health: %+v", health)
	}
	testutil.Await(t, patience, "nobody owns a table", func() bool {
		var tables wire.TablesAnswer
		decode(t, resident.done("nkv.v1.tables", nil, ""), &tables)
		for _, info := range tables.Tables {
			if info.Open {
				return false
			}
		}
		return len(tables.Tables) == crowd
	})
}

// visit is what a client does that comes and goes.
func visit(ctx context.Context, s *server.Server, agent string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := client.Connect(ctx, s.ClientURL(), client.Name(agent))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Wait(ctx); err != nil {
		return err
	}
	p, err := c.Open(ctx, wire.Table{Agent: agent, Topic: "T"})
	if err != nil {
		return err
	}
	return p.Put(ctx, "k", []byte("v"))
}
