package guarantees

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G1 latest value. When changes stop, every connected subscription's view becomes
// equal to the server's table within 10 s, whatever was dropped, cut, restarted
// or slow; normally at once.

// storm changes keys at random through a publication until it is told to stop,
// and returns when all that it wants is acknowledged.
type storm struct {
	pub  *agent.Publication[Item]
	n    int
	keys int
	stop chan struct{}
	done chan struct{}
	mu   sync.Mutex // guards acked
	acks int
}

func startStorm(t testing.TB, pub *agent.Publication[Item], keys int) *storm {
	return startStormAt(t, pub, keys, 0)
}

// startStormAt begins with the number after n.
func startStormAt(t testing.TB, pub *agent.Publication[Item], keys, n int) *storm {
	random := testutil.Rand(t)
	s := &storm{pub: pub, n: n, keys: keys, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			select {
			case <-s.stop:
				return
			default:
			}
			k := key(random.IntN(keys))
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			var err error
			if random.IntN(4) == 0 {
				err = pub.Unpublish(ctx, k)
			} else {
				s.n++
				err = pub.Publish(ctx, k, Item{s.n, fmt.Sprint("text of ", k)})
			}
			cancel()
			if err == nil {
				s.mu.Lock()
				s.acks++
				s.mu.Unlock()
			}
		}
	}()
	t.Cleanup(s.end)
	return s
}

func (s *storm) end() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	<-s.done
}

func (s *storm) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acks
}

// until waits for more acknowledged changes.
func (s *storm) until(t testing.TB, more int) {
	t.Helper()
	goal := s.acknowledged() + more
	testutil.Await(t, 20*time.Second, fmt.Sprint(more, " more changes are acknowledged"), func() bool { return s.acknowledged() >= goal })
}

// finish ends the storm and waits until the table is what the owner wants.
func (s *storm) finish(t testing.TB, p *place) map[string]Item {
	t.Helper()
	s.end()
	c := p.raw(t)
	var found map[string]Item
	testutil.Await(t, settled, "the table is what its owner wants", func() bool {
		found = table(t, c, wire.Table{Agent: "owner", Topic: "Item"})
		n := 0
		for k, v := range s.pub.All() {
			if found[k] != v {
				return false
			}
			n++
		}
		return n == len(found)
	})
	return found
}

func TestG1LatestValue(t *testing.T) {
	faults := []struct {
		name  string
		fault func(t *testing.T, p *place, readers *testutil.Proxy, owner *testutil.Proxy, s *storm)
	}{
		{"nothing happens", func(t *testing.T, _ *place, _, _ *testutil.Proxy, s *storm) { s.until(t, 300) }},
		{"readers are cut", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, s *storm) {
			for range 8 {
				s.until(t, 30)
				readers.Cut()
			}
		}},
		{"the owner is cut", func(t *testing.T, _ *place, _, owner *testutil.Proxy, s *storm) {
			for range 8 {
				s.until(t, 30)
				owner.Cut()
			}
		}},
		{"everything is late", func(t *testing.T, _ *place, readers, owner *testutil.Proxy, s *storm) {
			readers.Set(testutil.ToClient, testutil.Delay)
			readers.Set(testutil.ToServer, testutil.Delay)
			owner.Set(testutil.ToClient, testutil.Delay)
			s.until(t, 60)
			readers.Cut()
			s.until(t, 60)
			owner.Cut()
			s.until(t, 60)
		}},
		{"events vanish", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, s *storm) {
			for range 5 {
				readers.Set(testutil.ToClient, testutil.Drop)
				s.until(t, 30)
				readers.Cut()
				readers.Set(testutil.ToClient, testutil.Flow)
				s.until(t, 20)
			}
		}},
		{"part of the stream vanishes", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, s *storm) {
			for range 5 {
				readers.Set(testutil.ToClient, testutil.Drop)
				s.until(t, 1)
				readers.Set(testutil.ToClient, testutil.Flow)
				s.until(t, 30)
			}
			readers.Cut()
		}},
		{"readers are held", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, s *storm) {
			readers.Set(testutil.ToClient, testutil.Hold)
			s.until(t, 200)
			readers.Set(testutil.ToClient, testutil.Flow)
			s.until(t, 20)
			readers.Set(testutil.ToServer, testutil.Hold)
			readers.CutClients()
			s.until(t, 50)
			readers.Set(testutil.ToServer, testutil.Flow)
		}},
		{"readers close their writing half", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, s *storm) {
			for range 4 {
				s.until(t, 30)
				readers.HalfClose()
			}
		}},
		{"the server restarts", func(t *testing.T, p *place, _, _ *testutil.Proxy, s *storm) {
			for range 4 {
				s.until(t, 40)
				p.stop()
				p.start()
			}
			s.until(t, 20)
		}},
		{"the server restarts behind the readers' back", func(t *testing.T, p *place, readers, _ *testutil.Proxy, s *storm) {
			for range 3 {
				s.until(t, 40)
				readers.Refuse(true)
				readers.Cut()
				p.stop()
				p.start()
				s.until(t, 40)
				readers.Refuse(false)
			}
		}},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start()
			readers, owners := testutil.NewProxy(t, p.socket), testutil.NewProxy(t, p.socket)
			pub := owner(t, owners.URL(), items())
			fast := newReader(t, readers.URL(), items(), "fast", readerOptions{})
			random := testutil.Rand(t)
			slow := newReader(t, readers.URL(), items(), "slow", readerOptions{slow: func(string) {
				if random.IntN(10) == 0 {
					time.Sleep(2 * time.Millisecond)
				}
			}})
			s := startStorm(t, pub, 40)
			f.fault(t, p, readers, owners, s)
			late := newReader(t, readers.URL(), items(), "late", readerOptions{})
			want := s.finish(t, p)
			for _, r := range []*reader{fast, slow, late} {
				awaitView(t, r, want)
			}
		})
	}
}

// TestG1LatestValueOfLostEvents has single events lost, repeated and late, on a
// connection that goes on: nothing but the events' chain and the heads tell.
func TestG1LatestValueOfLostEvents(t *testing.T) {
	const check = 300 * time.Millisecond
	for _, tt := range []struct {
		name  string
		every int // so many events are delivered before one is not
		fate  testutil.Fate
		tail  bool // the last ones are lost, which no chain shows
	}{
		{"some are lost", 7, testutil.Lose, false},
		{"every other is lost", 2, testutil.Lose, false},
		{"all are lost", 1, testutil.Lose, true},
		{"the last is lost", 0, testutil.Lose, true},
		{"some come twice", 5, testutil.Repeat, false},
		{"some are late", 6, testutil.Late, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start()
			proxy := testutil.NewProxy(t, p.socket)
			var mu sync.Mutex // guards the two below
			count, tail := 0, false
			proxy.Filter(func(subject string) testutil.Fate {
				mu.Lock()
				defer mu.Unlock()
				if !strings.HasPrefix(subject, wire.EventPrefix) {
					return testutil.Deliver
				}
				if count++; tt.every > 0 && count%tt.every == 0 || tail {
					return tt.fate
				}
				return testutil.Deliver
			})
			pub := owner(t, p.url(), items())
			r := newReader(t, proxy.URL(), items(), "reader", readerOptions{
				agent: []agent.Option{agent.Client(client.HeadCheck(check))},
			})
			s := startStorm(t, pub, 20)
			s.until(t, 300)
			s.finish(t, p)
			mu.Lock()
			tail = tt.tail
			mu.Unlock()
			publish(t, pub, "last", Item{N: 10_000})
			awaitView(t, r, table(t, p.raw(t), items().Name()))
		})
	}
}
