package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

const (
	fanoutReaders = 26
	fanoutChanges = 1000
	// fanoutBound is for the last of the readers, in the middle of all changes.
	fanoutBound = 2 * time.Millisecond
	// fanoutGrowth is how much longer it may take with ten times the keys.
	fanoutGrowth = 1.5
)

// fanout measures how long one change of a large table takes until the last of
// many readers has handled it.
func fanout(ctx context.Context, b *bench, transport string) error {
	server, url, err := b.start(ctx, transport)
	if err != nil {
		return err
	}
	defer server.stop()
	var p50 []time.Duration
	for _, keys := range []int{1000, 10000} {
		last, err := fanoutTo(ctx, b, url, keys)
		if err != nil {
			return err
		}
		fmt.Printf("fanout %-9s  %d readers, %d keys, one changes, publish to last handler: %s (bound p50 %s)\n",
			transport, fanoutReaders, keys, last, fanoutBound)
		p50 = append(p50, last.quantile(0.5))
	}
	if p50[0] > fanoutBound {
		return fmt.Errorf("p50 is %s; the bound is %s", p50[0], fanoutBound)
	}
	if growth := float64(p50[1]) / float64(p50[0]); growth > fanoutGrowth {
		return fmt.Errorf("ten times the keys take %.2f times as long; the bound is %.1f", growth, fanoutGrowth)
	}
	return nil
}

func fanoutTo(ctx context.Context, b *bench, url string, keys int) (latencies, error) {
	a, err := agent.Connect(ctx, "fanout", agent.URL(url))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	scope := strconv.Itoa(keys)
	pub, err := agent.Publish(ctx, a, fanoutTable(scope))
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if err := pub.Publish(ctx, "key"+strconv.Itoa(i), Sample{Text: strings.Repeat("x", 200)}); err != nil {
			return nil, err
		}
	}
	readers, err := b.play(ctx, "fanout", url, scope)
	if err != nil {
		return nil, err
	}
	defer readers.stop()
	if _, err := readers.expect("ready"); err != nil {
		return nil, err
	}
	var last latencies
	for i := range fanoutChanges {
		if err := pub.Publish(ctx, "key0", sample(int64(i+1))); err != nil {
			return nil, err
		}
		text, err := readers.expect("last")
		if err != nil {
			return nil, err
		}
		took, err := time.ParseDuration(text)
		if err != nil {
			return nil, err
		}
		last = append(last, took)
	}
	return last, nil
}

func fanoutTable(scope string) agent.Table[Sample] {
	return agent.Table[Sample]{Owner: "fanout", Scope: scope}
}
