package guarantees

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/wire"
)

// G9 bounded. Memory and disk grow with the number of keys and connections, not
// with the number of changes or the slowness of anyone.

// flood puts many values without waiting for each answer, but for all in the end.
type flood struct {
	t        testing.TB
	from     *attacker
	answered atomic.Int64
	refused  atomic.Int64
	sent     int64
}

func newFlood(t testing.TB, p *place) *flood {
	f := &flood{t: t, from: rawConnection(t, p, "flood")}
	if _, err := f.from.Subscribe(f.from.inbox(">"), func(m *nats.Msg) {
		if m.Header.Get(wire.HeaderStatus) != "200" {
			f.refused.Add(1)
		}
		f.answered.Add(1)
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

// put sends changes of 100 keys, at most some hundred of which are unanswered.
func (f *flood) put(topic string, changes int, durable bool) {
	f.t.Helper()
	header := nats.Header{}
	if durable {
		header.Set(wire.HeaderDurable, "true")
	}
	pad := strings.Repeat("x", 180)
	for i := range changes {
		m := &nats.Msg{
			Subject: fmt.Sprintf("nkv.v1.put.owner.%s.k%d", topic, i%100), Reply: f.from.inbox("a"), Header: header,
			Data: fmt.Appendf(nil, `{"N":%d,"Text":%q}`, f.sent, pad),
		}
		if err := f.from.PublishMsg(m); err != nil {
			f.t.Fatal(err)
		}
		if f.sent++; f.sent%500 == 0 {
			f.wait(500)
		}
	}
	f.wait(0)
}

func (f *flood) wait(unanswered int64) {
	f.t.Helper()
	if err := f.from.Flush(); err != nil {
		f.t.Fatal(err)
	}
	testutil.Await(f.t, 20*time.Second, "the flood is answered", func() bool { return f.sent-f.answered.Load() <= unanswered })
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// disk returns the bytes of all files in a directory.
func disk(t testing.TB, dir string) int64 {
	t.Helper()
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil { // gone meanwhile: no bytes
			size += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// TestG9Bounded changes 100 keys 200,000 times, fewer with the race detector,
// with a subscription that takes
// nothing, one whose handler is stuck, and one whose socket nobody reads.
func TestG9Bounded(t *testing.T) {
	changes, durableChanges := 200_000, 20_000
	switch {
	case testutil.Long():
		changes, durableChanges = 3_000_000, 300_000
	case raced:
		changes, durableChanges = 40_000, 5000
	}
	const (
		growth  = 3 << 20 // a leak of 16 bytes for each change shows, of 80 with the race detector
		onDisk  = 4 << 20 // twice a store's floor, and what lives
		perTake = 4       // changes and marks that may wait, for each key
	)
	p := newPlace(t)
	p.start()
	topic := items().Topic
	never, err := p.raw(t).Subscribe(items().String())
	if err != nil {
		t.Fatal(err)
	}
	stuck, release := make(chan struct{}), make(chan struct{})
	once := false
	r := newReader(t, p.url(), items(), "stuck", readerOptions{slow: func(string) {
		if !once {
			once = true
			close(stuck)
			<-release
		}
	}})
	f := newFlood(t, p)
	f.put(topic, 1000, false)
	<-stuck
	deaf := deafSubscriber(t, p, items().String())
	f.put(topic, 20_000, false)
	f.put("Kept", 2000, true)
	before := heap()
	for done := 0; done < changes; done += 20_000 {
		f.put(topic, 20_000, false)
		if n := never.State().Pending; n > 100*perTake {
			t.Errorf("%d changes wait for one that takes none; there are 100 keys", n)
		}
		if size := disk(t, p.volatileDir); size > onDisk {
			t.Errorf("after %d changes the volatile store takes %d bytes", done, size)
		}
	}
	f.put("Kept", durableChanges, true)
	if size := disk(t, p.storeDir); size > onDisk {
		t.Errorf("after %d changes the durable store takes %d bytes", durableChanges, size)
	}
	after := heap()
	t.Logf("heap %d KiB, then %d KiB; stores %d KiB and %d KiB", before>>10, after>>10, disk(t, p.volatileDir)>>10, disk(t, p.storeDir)>>10)
	if after-before > growth {
		t.Errorf("the heap grew by %d bytes over %d changes of 100 keys", after-before, changes)
	}
	if f.refused.Load() > 0 {
		t.Errorf("%d changes were refused", f.refused.Load())
	}
	deaf.Close()
	close(release)
	want := table(t, p.raw(t), items().Name())
	awaitView(t, r, want)
	if calls := len(r.history.all()); calls > 100*perTake+1100 {
		t.Errorf("the stuck handler was called %d times after all; there are 100 keys", calls)
	}
	seen := map[string]bool{}
	for {
		c, ok := never.Next()
		if !ok {
			break
		}
		seen[c.Key] = true
	}
	if len(seen) < 100 {
		t.Errorf("who took nothing finds %d keys", len(seen))
	}
}

// deafSubscriber subscribes and reads nothing.
func deafSubscriber(t testing.TB, p *place, table string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"protocol\":1,\"name\":\"deaf\",\"auth_token\":%q}\r\nSUB %s 1\r\nPING\r\n", rand.Text(), wire.TableEvents(table)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestG9BoundedConnections has connections come, ask, open tables and go.
func TestG9BoundedConnections(t *testing.T) {
	times := 200
	if testutil.Long() {
		times = 20_000
	}
	p := newPlace(t)
	p.grace = time.Millisecond
	p.start()
	c := p.raw(t)
	visits := func(n int) {
		for i := range n {
			v := visit(t, p, "visitor", rand.Text())
			if m := v.ask(t, fmt.Sprintf("nkv.v1.open.visitor.T%d", i%10), nil, []byte("{}")); m == nil {
				t.Fatal("no answer to an open")
			}
			if m := v.ask(t, fmt.Sprintf("nkv.v1.snapshot.visitor.T%d", i%10), nil, nil); m == nil {
				t.Fatal("no answer to a snapshot")
			}
			v.Close()
		}
		testutil.Await(t, settled, "the server has forgotten the visitors", func() bool {
			health, err := c.Health(testContext(t))
			return err == nil && health.Connections == 1
		})
	}
	visits(50)
	base, goroutines := heap(), runtime.NumGoroutine()
	visits(times)
	testutil.Await(t, settled, "the visitors' goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	if after := heap(); after-base > 4<<20 {
		t.Errorf("the heap grew by %d bytes over %d connections", after-base, times)
	}
}
