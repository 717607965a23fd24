package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	stoppedRounds = 5
	stoppedFor    = 4 * time.Second
	stoppedKeys   = 50
	stoppedWriter = 4
	// stoppedFactor is how much worse everyone else's p99 may become.
	stoppedFactor = 2
	// stoppedCatchUp is how soon after it goes on the reader's view is right.
	stoppedCatchUp = 10 * time.Second
)

// stopped measures everyone else's puts while a reader is stopped by a signal,
// against the same without that, in turn; then how soon the reader is right again.
func stopped(ctx context.Context, b *bench, transport string) error {
	server, url, err := b.start(ctx, transport)
	if err != nil {
		return err
	}
	defer server.stop()
	reader, err := b.play(ctx, "reader", url)
	if err != nil {
		return err
	}
	defer reader.stop()
	if _, err := reader.expect("ready"); err != nil {
		return err
	}
	w, err := newWriters(ctx, url)
	if err != nil {
		return err
	}
	defer w.close()
	var ratios []float64
	var slowest time.Duration
	for range stoppedRounds {
		free, err := w.write(ctx, false)
		if err != nil {
			return err
		}
		if err := reader.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		held, err := w.write(ctx, true)
		if err != nil {
			return err
		}
		if err := reader.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		resumed := time.Now()
		if _, err := reader.expect("right " + strconv.FormatInt(w.number, 10)); err != nil {
			return err
		}
		slowest = max(slowest, time.Since(resumed))
		ratio := float64(held.quantile(0.99)) / float64(free.quantile(0.99))
		ratios = append(ratios, ratio)
		fmt.Printf("stopped %-8s  puts of others: %s; with a reader stopped: %s; p99 ratio %.2f; right again after %s\n",
			transport, free, held, ratio, round(time.Since(resumed)))
	}
	ratio := median(ratios)
	fmt.Printf("stopped %-8s  median p99 ratio %.2f (bound %d), right again after at most %s (bound %s)\n",
		transport, ratio, stoppedFactor, round(slowest), stoppedCatchUp)
	if ratio > stoppedFactor {
		return fmt.Errorf("p99 grows by %.2f; the bound is %d", ratio, stoppedFactor)
	}
	if slowest > stoppedCatchUp {
		return fmt.Errorf("the reader was right again after %s; the bound is %s", slowest, stoppedCatchUp)
	}
	return nil
}

func median(values []float64) float64 {
	l := make(latencies, 0, len(values))
	for _, v := range values {
		l = append(l, time.Duration(v*1e6))
	}
	return float64(l.quantile(0.5)) / 1e6
}

// writers put into one table, which nobody owns, as fast as they are answered.
type writers struct {
	clients []*client.Client
	number  int64 // of the last round
}

var stoppedTable = wire.Table{Agent: "stopped", Topic: "Sample"}

func newWriters(ctx context.Context, url string) (*writers, error) {
	w := &writers{}
	for range stoppedWriter {
		c, err := client.Connect(ctx, url)
		if err != nil {
			w.close()
			return nil, err
		}
		w.clients = append(w.clients, c)
		if err := c.Wait(ctx); err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

func (w *writers) close() {
	for _, c := range w.clients {
		c.Close()
	}
}

// write measures puts for a while; then it sets every key to the last value of
// the round.
func (w *writers) write(ctx context.Context, stopping bool) (latencies, error) {
	w.number++
	var mu sync.Mutex
	var all latencies
	var failed []error
	var work sync.WaitGroup
	end := time.Now().Add(stoppedFor)
	for _, c := range w.clients {
		work.Go(func() {
			mine, err := w.puts(ctx, c, end)
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, mine...), append(failed, err)
		})
	}
	work.Wait()
	if err := errors.Join(failed...); err != nil || !stopping {
		return all, err
	}
	for i := range stoppedKeys {
		last := sample(w.number)
		last.Last = true
		if err := put(ctx, w.clients[0], i, last); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (w *writers) puts(ctx context.Context, c *client.Client, end time.Time) (latencies, error) {
	var mine latencies
	for i := 0; time.Now().Before(end); i++ {
		start := time.Now()
		if err := put(ctx, c, i%stoppedKeys, sample(w.number)); err != nil {
			return nil, fmt.Errorf("a put while others are stopped: %w", err)
		}
		mine = append(mine, time.Since(start))
	}
	return mine, nil
}

func put(ctx context.Context, c *client.Client, key int, s Sample) error {
	data, err := encodeSample(s)
	if err != nil {
		return err
	}
	_, err = c.Put(ctx, wire.Path{Table: stoppedTable, Key: strconv.Itoa(key)}, data)
	return err
}
