package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

const (
	clients          = 500
	tablesPerClient  = 20
	changesPerSecond = 1000
	loadFor          = 10 * time.Second
	// residentBound is what the server may take with all of them connected:
	// 65 MB. A bare embedded NATS takes 52 over TCP.
	residentBound = 65_000_000
)

// loadTable is one of as many tables as there are clients; each client reads
// tablesPerClient of them.
func loadTable(i int) agent.Table[Sample] {
	return agent.Table[Sample]{Owner: "load", Scope: strconv.Itoa(i % clients)}
}

// connections measures the server's resident memory with many connections and
// subscriptions, at rest and after a steady load, and how long a change takes to
// its handlers.
func connections(ctx context.Context, b *bench, transport string) error {
	server, url, err := b.start(ctx, transport)
	if err != nil {
		return err
	}
	defer server.stop()
	a, err := agent.Connect(ctx, "load", agent.URL(url))
	if err != nil {
		return err
	}
	defer a.Close()
	pubs := make([]*agent.Publication[Sample], clients)
	for i := range pubs {
		if pubs[i], err = agent.Publish(ctx, a, loadTable(i)); err != nil {
			return err
		}
		if err := pubs[i].Publish(ctx, "key", sample(0)); err != nil {
			return err
		}
	}
	before, err := resident(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	readers, err := b.play(ctx, "readers", url, strconv.Itoa(clients), strconv.Itoa(tablesPerClient))
	if err != nil {
		return err
	}
	defer readers.stop()
	if _, err := readers.expect("ready"); err != nil {
		return err
	}
	rest, err := resident(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	sent, err := steadyLoad(ctx, pubs)
	if err != nil {
		return err
	}
	loaded, err := resident(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := readers.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	handled, err := readers.expect("handled")
	if err != nil {
		return err
	}
	fmt.Printf("connections %-4s  %d × %d subscriptions: resident %s before them, %s with them (bound %s), %s right after %d changes\n",
		transport, clients, tablesPerClient, mib(before), mib(rest), mib(residentBound), mib(loaded), sent)
	fmt.Printf("connections %-4s  %d changes/s, publish to handler: %s\n", transport, changesPerSecond, handled)
	if rest > residentBound {
		return fmt.Errorf("resident memory is %s; the bound is %s", mib(rest), mib(residentBound))
	}
	return nil
}

// steadyLoad publishes at an even rate, for a while, over all tables.
func steadyLoad(ctx context.Context, pubs []*agent.Publication[Sample]) (sent int, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadFor+10*time.Second)
	defer cancel()
	work := make(chan int)
	failed := make(chan error, 1)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range work {
				if err := pubs[i%len(pubs)].Publish(ctx, "key", sample(int64(i))); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	ticker := time.NewTicker(time.Second / changesPerSecond)
	defer ticker.Stop()
	end := time.Now().Add(loadFor)
	begun := time.Now()
	for time.Now().Before(end) && ctx.Err() == nil {
		<-ticker.C
		for due := int(time.Since(begun).Seconds() * changesPerSecond); sent < due; sent++ {
			work <- sent + 1
		}
	}
	close(work)
	workers.Wait()
	select {
	case err := <-failed:
		return sent, err
	default:
		return sent, ctx.Err()
	}
}

// freePort returns a TCP port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close() //nolint:errcheck // it was only to learn the number
	return l.Addr().(*net.TCPAddr).Port, nil
}
