package soak

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	sleeps = 30 * time.Second
	// pendingMost is what the server holds for a connection that does not read:
	// twice the largest message (the server's NATS option MaxPending), and what is
	// in sockets and being written.
	pendingMost = 2*(8<<20+wire.HeaderSpace) + 4<<20
)

// final sets the key "final", which is no key of the load, to a number.
func final(t testing.TB, s *steady, n int) {
	t.Helper()
	value, err := json.Marshal(Sample{N: n})
	if err == nil {
		err = put(s.bulk, steadyTable, "final", value)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sleepingHandler is an agent whose handler sleeps for 30 s, or until the round is
// over.
func sleepingHandler() func(testing.TB, *place, *steady, int) func() {
	var started *agent.Agent
	var sub *agent.Subscription[Sample]
	var wake atomic.Pointer[chan struct{}]
	var calls atomic.Int64
	return func(t testing.TB, p *place, s *steady, round int) func() {
		release := make(chan struct{})
		wake.Store(&release)
		if started == nil {
			started, sub = sleeper(t, p, &wake, &calls)
		}
		before := calls.Load()
		return func() {
			trace, err := s.writer.Trace(testContext(t), steadyTable)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range trace.Listeners {
				if l.Agent == "sleeper" && l.State != nil && l.State.Pending > 4*steadyKeys {
					t.Errorf("%d changes wait for the handler; the table has %d keys", l.State.Pending, steadyKeys+1)
				}
			}
			if n := calls.Load() - before; n > 4*steadyKeys { // it handled what it had before it fell asleep
				t.Errorf("the handler was called %d times while it slept", n)
			}
			wake.Store(nil)
			close(release)
			final(t, s, round)
			becomes(t, "the view of who slept", func() bool {
				v, ok := sub.Get("final")
				return ok && v.N == round
			})
		}
	}
}

func sleeper(t testing.TB, p *place, wake *atomic.Pointer[chan struct{}], calls *atomic.Int64) (*agent.Agent, *agent.Subscription[Sample]) {
	ctx, cancel := context.WithCancel(context.Background())
	a, err := agent.Connect(ctx, "sleeper", agent.URL(p.url()))
	if err != nil {
		t.Fatal(err)
	}
	handle := func(context.Context, string) {
		calls.Add(1)
		if until := wake.Load(); until != nil {
			select {
			case <-*until:
			case <-time.After(sleeps):
			case <-ctx.Done():
			}
		}
	}
	sub, err := agent.Subscribe(ctx, a, agent.Table[Sample]{Owner: steadyTable.Agent, Topic: steadyTable.Topic}, agent.Handlers[Sample]{
		Create: func(ctx context.Context, key string, _ Sample) error { handle(ctx, key); return nil },
		Modify: func(ctx context.Context, key string, _, _ Sample) error { handle(ctx, key); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); a.Close(); running.Wait() })
	return a, sub
}

// guest is a connection of somebody who speaks the protocol by hand.
type guest struct {
	net.Conn
	in       *bufio.Reader
	instance string
}

// greet connects, and returns when the server has answered.
func greet(socket, name string) (*guest, error) {
	conn, err := net.DialTimeout("unix", socket, 5*time.Second)
	if err != nil {
		return nil, err
	}
	g := &guest{conn, bufio.NewReader(conn), rand.Text()}
	conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // the read tells
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"protocol\":1,\"name\":%q,\"auth_token\":%q}\r\nPING\r\n", name, g.instance)
	for err == nil {
		var text string
		if text, err = g.in.ReadString('\n'); text == "PONG\r\n" {
			return g, nil
		}
	}
	conn.Close()
	return nil, err
}

// unreadSockets subscribes to everything on three connections and reads nothing.
func unreadSockets(t testing.TB, p *place, s *steady, _ int) func() {
	health, err := s.writer.Health(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var unread []*guest
	for range 3 {
		g, err := greet(p.options.Socket, "deaf")
		if err == nil {
			_, err = fmt.Fprintf(g, "SUB %s 1\r\nPING\r\n", wire.TableEvents(steadyTable.Agent+".*"))
		}
		if err != nil {
			t.Fatal(err)
		}
		unread = append(unread, g)
	}
	return func() {
		becomes(t, "the server has cut who does not read", func() bool {
			now, err := s.writer.Health(testContext(t))
			return err == nil && now.Slow >= health.Slow+int64(len(unread)) && now.Connections <= health.Connections
		})
		for _, g := range unread {
			g.Close()
		}
	}
}

// stoppedProcess stops a client by a signal, and has it go on.
func stoppedProcess() func(testing.TB, *place, *steady, int) func() {
	var follower *player
	return func(t testing.TB, p *place, s *steady, round int) func() {
		if follower == nil {
			follower = p.play(t, "follow", steadyTable.Agent+".>", "final")
		}
		follower.signal(syscall.SIGSTOP)
		return func() {
			follower.signal(syscall.SIGCONT)
			final(t, s, 1000+round)
			follower.expect(fmt.Sprint("saw ", 1000+round), settled)
		}
	}
}
