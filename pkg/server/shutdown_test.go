package server_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
)

func TestContextEndsServer(t *testing.T) {
	opts := lives(t)
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	select {
	case <-s.Done():
		t.Fatal("done before its end")
	default:
	}
	cancel()
	select {
	case <-s.Done():
	case <-time.After(patience):
		t.Fatal("it does not end with its context")
	}
	ended, err := server.Start(ctx, opts) // the end came before the start
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ended.Shutdown)
	select {
	case <-ended.Done():
	case <-time.After(patience):
		t.Fatal("it does not end with a context that was over before")
	}
}

func TestShutdownByMany(t *testing.T) {
	s := start(t, lives(t))
	meet(t, s, "a").open("a.T")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s.Shutdown()
			select {
			case <-s.Done():
			default:
				t.Error("Shutdown returned before the end")
			}
		})
	}
	all.Wait()
	s.Shutdown()
	if c, err := s.InProcessConn(); err == nil {
		c.Close()
		t.Error("a stopped server takes a connection")
	}
}

// TestReceivedIsAnswered stops the server under load: what NATS had taken when
// Shutdown began has its answer.
func TestReceivedIsAnswered(t *testing.T) {
	const requests = 3000
	opts := lives(t)
	s := start(t, opts)
	p := meetAs(t, s, "a", "instance-of-the-stopped-one", nats.SetCustomDialer(socketDialer(opts.Socket)),
		nats.InProcessServer(nil), nats.SkipHostLookup(),
		func(o *nats.Options) error { o.AllowReconnect = true; return nil }) // so that what came stays there to be read
	inbox := p.NewInbox()
	answers, err := p.SubscribeSync(inbox + ".*")
	if err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		m := &nats.Msg{Subject: fmt.Sprintf("nkv.v1.put.a.T.k%d", i%500), Reply: fmt.Sprintf("%s.%d", inbox, i), Data: fmt.Append(nil, i)}
		if i%3 == 0 {
			m.Subject, m.Header = fmt.Sprintf("nkv.v1.put.a.D.k%d", i%500), headers("Nkv-Durable", "true")
		}
		if err := p.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	seen := map[string]bool{}
	for len(seen) < requests {
		m, err := answers.NextMsg(time.Second)
		if err != nil {
			t.Fatalf("%d of %d requests were answered: %v", len(seen), requests, err)
		}
		if got := status(m); got != 200 {
			t.Fatalf("%s: %s", m.Subject, outcome(m))
		}
		seen[m.Subject] = true
	}
	again := meet(t, start(t, opts), "a")
	for _, path := range []string{"a.T.k499", "a.D.k498"} {
		if m := again.done("nkv.v1.get."+path, nil, ""); len(m.Data) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
}

// TestAcceptedIsAnswered stops the server while changes go on coming: each that
// the change log tells of was answered.
func TestAcceptedIsAnswered(t *testing.T) {
	opts := lives(t)
	opts.ChangeLog = filepath.Join(t.TempDir(), "changes")
	s := start(t, opts)
	p := meetAs(t, s, "a", "instance-of-the-stopped-one", nats.SetCustomDialer(socketDialer(opts.Socket)),
		nats.InProcessServer(nil), nats.SkipHostLookup(),
		func(o *nats.Options) error { o.AllowReconnect = true; return nil })
	inbox := p.NewInbox()
	answers := make(chan *nats.Msg, 1<<16)
	if _, err := p.ChanSubscribe(inbox+".*", answers); err != nil {
		t.Fatal(err)
	}
	put := func(i int) error {
		return p.PublishMsg(&nats.Msg{
			Subject: fmt.Sprintf("nkv.v1.put.a.T.%d", i), Reply: fmt.Sprintf("%s.%d", inbox, i),
			Header: headers("Nkv-Durable", "true"), Data: []byte("v"),
		})
	}
	const ahead = 16 // requests on their way
	sent := 0
	for ; sent < ahead; sent++ {
		if err := put(sent); err != nil {
			t.Fatal(err)
		}
	}
	answered := map[string]bool{}
	take := func(m *nats.Msg) {
		if status(m) == 200 {
			answered[m.Subject[len(inbox)+1:]] = true
		}
	}
	for deadline := time.After(patience); ; {
		select {
		case m := <-answers:
			take(m)
			if sent++; put(sent) != nil {
				continue // the connection is gone
			}
			if len(answered) == 300 {
				go s.Shutdown()
			}
			continue
		case <-s.Done():
		case <-deadline:
			t.Fatal("the server does not stop")
		}
		break
	}
	accepted := readChangeLog(t, opts.ChangeLog)
	for deadline := time.After(time.Second); len(answered) < len(accepted); {
		select {
		case m := <-answers:
			take(m)
			continue
		case <-deadline:
		}
		break
	}
	for _, record := range accepted {
		if !answered[record.Key] {
			t.Errorf("%s was accepted and not answered", record.Key)
		}
	}
}
