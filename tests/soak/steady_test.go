package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	steadyRate = 500 // puts a second
	steadyKeys = 50
	bulkRate   = 50
	bulkBytes  = 64 << 10
)

var (
	steadyTable = wire.Table{Agent: "steady", Topic: "Sample"}
	// bulkTable gets large values, so that what is not read is soon much.
	bulkTable = wire.Table{Agent: "steady", Topic: "Bulk"}
)

// Sample is a value of the steady load.
type Sample struct {
	N    int
	Sent int64 // when its put was due, Unix time in nanoseconds
	Pad  string
}

// steady is puts at an even rate, and one who follows them, all the time. A put
// that is late because the one before took long counts from when it was due.
type steady struct {
	writer, bulk, reader *client.Client
	sub                  *client.Subscription
	stop                 context.CancelFunc
	running              sync.WaitGroup
	anew                 atomic.Int64 // when the newest window began, Unix time in nanoseconds

	mu     sync.Mutex // guards the fields below
	puts   []time.Duration
	events []time.Duration
	failed []error
	last   int // number of the newest put that was answered
}

func startSteady(t testing.TB, url string) *steady {
	s := &steady{writer: connect(t, url), bulk: connect(t, url), reader: connect(t, url)}
	var err error
	if s.sub, err = s.reader.Subscribe(steadyTable.String()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = func() { cancel(); s.running.Wait() }
	t.Cleanup(s.stop)
	s.running.Go(func() { s.follow(ctx) })
	s.running.Go(func() { atRate(ctx, steadyRate, &s.anew, s.put) })
	large := []byte(strings.Repeat("x", bulkBytes))
	s.running.Go(func() {
		atRate(ctx, bulkRate, &s.anew, func(i int, _ time.Time) {
			s.note(put(s.bulk, bulkTable, strconv.Itoa(i%10), append(large, byte(i), byte(i>>8))))
		})
	})
	return s
}

// atRate calls do so often a second, one call at a time, until ctx ends. Due is
// when the call was to begin, or did because there was nothing to wait for. What is
// overdue when it begins anew, by the clock in Unix nanoseconds, is left out.
func atRate(ctx context.Context, rate int, anew *atomic.Int64, do func(i int, due time.Time)) {
	interval := time.Second / time.Duration(rate)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	due := time.Now()
	for i := 1; ctx.Err() == nil; i++ {
		if from := time.Unix(0, anew.Load()); due.Before(from) {
			due = from
		}
		if now := time.Now(); now.Before(due) {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			due = time.Now() // how exactly a timer wakes is not what is measured
		}
		do(i, due)
		due = due.Add(interval)
	}
}

func put(c *client.Client, table wire.Table, key string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := c.Put(ctx, wire.Path{Table: table, Key: key}, value)
	return err
}

func (s *steady) put(i int, due time.Time) {
	value, err := json.Marshal(Sample{N: i, Sent: due.UnixNano(), Pad: strings.Repeat("x", 180)})
	if err == nil {
		err = put(s.writer, steadyTable, strconv.Itoa(i%steadyKeys), value)
	}
	took := time.Since(due)
	s.note(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts = append(s.puts, took)
	s.last = i
}

func (s *steady) note(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, err)
}

func (s *steady) follow(ctx context.Context) {
	for s.sub.Wait(ctx) == nil {
		for {
			c, ok := s.sub.Next()
			if !ok {
				break
			}
			if c.Op != client.Put {
				continue
			}
			var v Sample
			err := json.Unmarshal(c.Value, &v)
			took := time.Since(time.Unix(0, v.Sent))
			s.note(err)
			s.mu.Lock()
			s.events = append(s.events, took)
			s.mu.Unlock()
		}
	}
}

// latencies is the p99 of puts and of events, from when a put was due.
type latencies struct{ put, event time.Duration }

// window lets the load run for a while and returns its p99. What is still late from
// before does not count.
func (s *steady) window(d time.Duration) latencies {
	s.anew.Store(time.Now().UnixNano())
	s.forget()
	time.Sleep(d) // a length of time, not a condition
	s.mu.Lock()
	defer s.mu.Unlock()
	return latencies{p99(s.puts), p99(s.events)}
}

// windows returns the p99 of some windows.
func (s *steady) windows(n int) []latencies {
	var all []latencies
	for range n {
		all = append(all, s.window(windowFor))
	}
	return all
}

func (s *steady) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts, s.events = nil, nil
}

// failures returns what went wrong since it was asked last.
func (s *steady) failures() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.failed
	s.failed = nil
	return failed
}

func p99(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return time.Hour // nothing came through
	}
	slices.Sort(of)
	return of[min(len(of)-1, len(of)*99/100)]
}

// median returns the medians of windows.
func median(of []latencies) latencies {
	var puts, events []time.Duration
	for _, l := range of {
		puts, events = append(puts, l.put), append(events, l.event)
	}
	slices.Sort(puts)
	slices.Sort(events)
	return latencies{puts[len(puts)/2], events[len(events)/2]}
}

// over returns how many times longer than without it takes beside something.
func (l latencies) over(quiet latencies) (put, event float64) {
	return float64(l.put) / float64(quiet.put), float64(l.event) / float64(quiet.event)
}

func (l latencies) String() string {
	return fmt.Sprintf("put %s, event %s", l.put.Round(time.Microsecond), l.event.Round(time.Microsecond))
}
