package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func openTable(t *testing.T, c *Client, given ...OpenOption) *Publication {
	t.Helper()
	p, err := c.Open(testContext(t), testTable, given...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func publish(t *testing.T, p *Publication, key, value string) {
	t.Helper()
	if err := p.Put(testContext(t), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func wanted(p *Publication) map[string]string {
	values := map[string]string{}
	for key, value := range p.All() {
		values[key] = string(value)
	}
	return values
}

func becomes(t *testing.T, c *Client, want map[string]string) {
	t.Helper()
	var got map[string]string
	for deadline := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		_, entries, err := c.Snapshot(testContext(t), testTable)
		got = map[string]string{}
		for _, e := range entries {
			got[e.Path.Key] = string(e.Value)
		}
		if err == nil && cmp.Equal(want, got) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the table (-want +got), %v:\n%s", err, cmp.Diff(want, got))
		}
	}
}

func TestAPublicationHoldsWhatIsWanted(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s, Name("owner"))
	p := openTable(t, c)
	publish(t, p, "a", "1")
	publish(t, p, "b", "1")
	publish(t, p, "a", "2")
	e, err := c.Get(ctx, path("a"))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, p, "a", "2")
	if again, err := c.Get(ctx, path("a")); err != nil || again.Revision != e.Revision {
		t.Errorf("the same value was put again: revision %d after %d, %v", again.Revision, e.Revision, err)
	}
	if err := p.Delete(ctx, "b"); err != nil {
		t.Error(err)
	}
	if err := p.Delete(ctx, "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	if _, ok := p.Get("b"); ok || p.Len() != 1 {
		t.Errorf("b is there: %t, %d keys", ok, p.Len())
	}
	long := strings.Repeat("k", wire.MaxName+1)
	for _, key := range []string{"", long, "\xff"} {
		if err := p.Put(ctx, key, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("Put(%q): %v, want ErrInvalid", key, err)
		}
		if err := p.Delete(ctx, key); !errors.Is(err, ErrInvalid) {
			t.Errorf("Delete(%q): %v, want ErrInvalid", key, err)
		}
	}
	becomes(t, c, map[string]string{"a": "2"})
	if _, err := c.Open(ctx, testTable); !errors.Is(err, ErrTableOwned) {
		t.Errorf("a second publication: %v, want ErrTableOwned", err)
	}
	if _, err := c.Open(ctx, wire.Table{Agent: "other", Topic: "T"}); !errors.Is(err, ErrForbidden) {
		t.Errorf("another agent's table: %v, want ErrForbidden", err)
	}

	// It gives the table up, and the next one finds what was there.
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
	if _, err := c.Put(ctx, path("by hand"), []byte("1")); err != nil {
		t.Error(err)
	}
	next := openTable(t, connected(t, s, Name("owner")))
	if diff := cmp.Diff(map[string]string{"a": "2", "by hand": "1"}, wanted(next)); diff != "" {
		t.Errorf("adopted (-want +got):\n%s", diff)
	}
	if err := next.Delete(ctx, "by hand"); err != nil {
		t.Error(err)
	}
	becomes(t, c, map[string]string{"a": "2"})
	if _, err := c.Open(ctx, testTable); !errors.Is(err, ErrTableOwned) {
		t.Errorf("a connected owner: %v, want ErrTableOwned", err)
	}
}

func TestAPublicationOutlivesItsServer(t *testing.T) {
	for _, state := range []string{"kept", "lost"} {
		t.Run(state, func(t *testing.T) {
			ctx := testContext(t)
			at := socket(t)
			opts := server.Options{Socket: at}
			if state == "kept" {
				opts.VolatileDir, opts.StoreDir = t.TempDir(), t.TempDir()
			}
			s := startServer(t, opts)
			owner := connect(t, "unix://"+at, Name("owner"), Timeout(100*time.Millisecond))
			p := openTable(t, owner)
			r := subscribe(t, connect(t, "unix://"+at, HeadCheck(time.Hour)), "owner.T")
			publish(t, p, "a", "1")
			publish(t, p, "b", "1")
			publish(t, p, "c", "1")
			if err := p.Restarted(ctx, 5); err != nil {
				t.Fatal(err)
			}
			r.has(map[string]string{"owner.T.a": "1", "owner.T.b": "1", "owner.T.c": "1"})
			r.until("the restart counter", func() bool { return r.restarts == 5 })
			s.Shutdown()
			if err := p.Put(context.Background(), "a", []byte("2")); !errors.Is(err, ErrUnconfirmed) {
				t.Errorf("Put: %v, want ErrUnconfirmed", err)
			}
			if err := p.Delete(context.Background(), "b"); !errors.Is(err, ErrUnconfirmed) {
				t.Errorf("Delete: %v, want ErrUnconfirmed", err)
			}
			if diff := cmp.Diff(map[string]string{"a": "2", "c": "1"}, wanted(p)); diff != "" {
				t.Errorf("wanted (-want +got):\n%s", diff)
			}
			before := len(r.told)
			s = startServer(t, opts)
			if state == "lost" {
				clear(r.newest) // its revisions are others
			}
			start := time.Now()
			r.has(map[string]string{"owner.T.a": "2", "owner.T.c": "1"})
			if took := time.Since(start); took > 2*reconnectMost {
				t.Errorf("it took %s after the server was there", took)
			}
			becomes(t, connected(t, s), map[string]string{"a": "2", "c": "1"})
			r.until("the restart counter", func() bool { return r.restarts == 5 })
			if state == "kept" {
				for _, c := range r.told[before:] {
					if !c.isMark() && c.Key == "c" || c.Op == Restarted {
						t.Errorf("told, and nothing had changed: %+v", c)
					}
				}
			}
			publish(t, p, "d", "1")
		})
	}
}

// A change or its answer that is lost, on a connection that stays, is found.
func TestALostChangeIsSentAgain(t *testing.T) {
	s := startServer(t, server.Options{})
	c, d := tapped(t, s, Name("owner"), Timeout(100*time.Millisecond))
	p := openTable(t, c)
	publish(t, p, "k", "1")
	isPut := func(subject string, _ []byte) bool { return strings.HasPrefix(subject, wire.Prefix+"put.") }
	isAnswer := func(subject string, _ []byte) bool { return strings.HasPrefix(subject, wire.InboxRoot) }
	reading := connected(t, s)
	for i, way := range []struct {
		name             string
		inbound, outward func(string, []byte) bool
	}{{"the change", nil, isPut}, {"the answer", isAnswer, nil}} {
		d.lose(way.inbound, way.outward)
		value := fmt.Sprint("v", i)
		if err := p.Put(context.Background(), "k", []byte(value)); !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("%s is lost: %v, want ErrUnconfirmed", way.name, err)
		}
		d.lose(nil, nil)
		becomes(t, reading, map[string]string{"k": value})
		eventually(t, way.name+" was lost; the value is confirmed", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.fence != 0 && p.wanted["k"].confirmed
		})
		publish(t, p, "k", value)
	}
}

func TestADisplacedOwnerComesBack(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	owner := connected(t, s, Name("owner"), Timeout(200*time.Millisecond))
	p := openTable(t, owner)
	publish(t, p, "k", "1")
	publish(t, p, "l", "1")
	operator := connected(t, s)
	fence, err := operator.Take(ctx, testTable, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Put(ctx, path("k"), []byte("theirs"), Fence(fence)); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Put(ctx, path("m"), []byte("theirs"), Fence(fence)); err != nil {
		t.Fatal(err)
	}
	err = p.Put(ctx, "l", []byte("2"))
	if !errors.Is(err, ErrTableOwned) {
		t.Errorf("Put: %v, want ErrTableOwned", err)
	}
	becomes(t, operator, map[string]string{"k": "theirs", "l": "1", "m": "theirs"})
	if err := operator.Release(ctx, testTable, fence); err != nil {
		t.Fatal(err)
	}
	becomes(t, operator, map[string]string{"k": "1", "l": "2", "m": "theirs"})
	eventually(t, "m is adopted", func() bool { _, ok := p.Get("m"); return ok })
	publish(t, p, "k", "3")
}

// What the server never takes is given up, and nothing else suffers.
func TestARefusedValue(t *testing.T) {
	ctx := testContext(t)
	at := socket(t)
	big := server.Options{Socket: at, MaxValue: 200 << 10}
	s := startServer(t, big)
	owner := connect(t, "unix://"+at, Name("owner"), Timeout(2*time.Second))
	p := openTable(t, owner)
	publish(t, p, "k", "1")
	if err := p.Put(ctx, "k", make([]byte, big.MaxValue+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	if v, ok := p.Get("k"); !ok || string(v) != "1" {
		t.Errorf("after a refused value k is %q", v)
	}
	publish(t, p, "big", strings.Repeat("x", 150<<10))
	publish(t, p, "medium", strings.Repeat("x", 50<<10))

	// A server that takes less, and has lost everything.
	s.Shutdown()
	small := big
	small.MaxValue = 1000
	s = startServer(t, small)
	becomes(t, connected(t, s), map[string]string{"k": "1"})
	eventually(t, "the values that are too large are given up", func() bool { return p.Len() == 1 })
	eventually(t, "the table is open", func() bool { return p.Fence() != 0 })
	fence := p.Fence()
	publish(t, p, "k", "2")
	if now := p.Fence(); now != fence {
		t.Errorf("the table is opened again and again: fence %d, then %d", fence, now)
	}
}

func TestTheRestartCounterComesAfterAllChanges(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	owner, d := tapped(t, s, Name("owner"))
	p := openTable(t, owner)
	r := subscribe(t, connected(t, s), "owner.T")
	if n := p.Restarts(); n != 0 {
		t.Errorf("the counter is %d", n)
	}
	// Puts that nobody waits for, and a connection that breaks amid them.
	hasty, cancel := context.WithCancel(ctx)
	cancel()
	want := map[string]string{}
	for i := range 200 {
		key := fmt.Sprint("k", i)
		if err := p.Put(hasty, key, []byte("1")); err != nil && !errors.Is(err, ErrUnconfirmed) {
			t.Fatal(err)
		}
		want["owner.T."+key] = "1"
		if i == 100 {
			d.cut(false)
		}
	}
	if err := p.Restarted(ctx, 1); err != nil {
		t.Fatal(err)
	}
	r.until("restarted", func() bool { return r.restarts == 1 })
	seen := map[string]string{}
	for _, c := range r.told {
		if c.Op == Put {
			seen["owner.T."+c.Key] = string(c.Value)
		}
		if c.Op == Restarted && c.Info.Restart == 1 && len(seen) != len(want) {
			t.Errorf("restarted after %d of %d keys", len(seen), len(want))
		}
	}
	r.has(want)
	if err := p.Restarted(ctx, 0); err != nil {
		t.Error(err)
	}
	r.until("cleared", func() bool { return r.restarts == 0 })
	if err := p.Restarted(ctx, p.Restarts()+1); err != nil || p.Restarts() != 1 {
		t.Errorf("%d, %v", p.Restarts(), err)
	}
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
	if n := openTable(t, connected(t, s, Name("owner"))).Restarts(); n != 1 {
		t.Errorf("the next owner finds counter %d, want 1", n)
	}
}

// Subscription, publication and server may come in any order.
func TestNobodyNeedsToBeFirst(t *testing.T) {
	at := socket(t)
	r := subscribe(t, connect(t, "unix://"+at), "owner.T")
	owner := connect(t, "unix://"+at, Name("owner"))
	opened := make(chan error, 1)
	go func() {
		p, err := owner.Open(testContext(t), testTable, DurableTable())
		if err == nil {
			err = p.Put(testContext(t), "k", []byte("1"))
		}
		opened <- err
	}()
	ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	if _, err := connect(t, "unix://"+at, Name("other")).Open(ctx, wire.Table{Agent: "other", Topic: "T"}); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrDisconnected) {
		t.Errorf("Open without a server: %v", err)
	}
	start := time.Now()
	startServer(t, server.Options{Socket: at})
	r.has(map[string]string{"owner.T.k": "1"})
	if took := time.Since(start); took > 2*reconnectMost {
		t.Errorf("the first value came after %s", took)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
	if !r.synced {
		r.until("synchronized", func() bool { return r.synced })
	}
}

// An owner that is gone keeps its claim for its grace; who wants the table waits
// for that.
func TestOpenWaitsForAFormerOwner(t *testing.T) {
	const grace = 300 * time.Millisecond
	s := startServer(t, server.Options{OwnerGrace: grace})
	former, d := tapped(t, s, Name("owner"))
	p := openTable(t, former)
	publish(t, p, "k", "1")
	next := connected(t, s, Name("owner"))
	if _, err := next.Open(testContext(t), testTable); !errors.Is(err, ErrTableOwned) {
		t.Fatalf("%v, want ErrTableOwned", err)
	}
	d.cut(true)
	var opened *Publication
	eventually(t, "the table is open", func() bool {
		var err error
		opened, err = next.Open(testContext(t), testTable)
		return err == nil
	})
	if v, ok := opened.Get("k"); !ok || string(v) != "1" {
		t.Errorf("k is %q", v)
	}
}

func TestADurableTableIsThereAfterTheServersEnd(t *testing.T) {
	ctx := testContext(t)
	opts := server.Options{StoreDir: t.TempDir()}
	s := startServer(t, opts)
	c := connected(t, s, Name("owner"))
	p := openTable(t, c, OwnerFingerprint("print"))
	publish(t, p, "k", "1")
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	p = openTable(t, c, DurableTable(), OwnerFingerprint("print")) // it becomes durable, with its keys
	publish(t, p, "l", "1")
	c.Close()
	s.Shutdown()
	s = startServer(t, opts)
	c = connected(t, s)
	info, _, err := c.Snapshot(ctx, testTable)
	if err != nil {
		t.Fatal(err)
	}
	if !info.Durable || !info.Opened || info.Open || info.Fingerprint != "print" || info.Keys != 2 {
		t.Errorf("%+v", info)
	}
	becomes(t, c, map[string]string{"k": "1", "l": "1"})
}

// Whatever happens to the connections: in the end the table is what its owner
// wants, and every reader's view is the table.
func TestOwnerAndReadersAgreeAfterARandomDay(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := startServer(t, server.Options{})
	owner, cutOwner := tapped(t, s, Name("owner"), Timeout(200*time.Millisecond), HeadCheck(100*time.Millisecond))
	p := openTable(t, owner)
	reading, cutReader := tapped(t, s, HeadCheck(100*time.Millisecond), Timeout(200*time.Millisecond))
	r := subscribe(t, reading, "owner.T")
	want := map[string]string{}
	ctx := context.Background() // the client's own timeout holds
	for i := range 200 {
		key := fmt.Sprint("k", random.IntN(10))
		switch pick := random.IntN(40); {
		case pick == 0:
			cutOwner.cut(false)
		case pick == 1:
			cutReader.cut(false)
		case pick == 2:
			cutReader.lose(isEvent(key), nil)
		case pick == 3:
			cutReader.lose(nil, nil)
		case pick < 10:
			if err := p.Delete(ctx, key); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnconfirmed) {
				t.Error(err)
			}
			delete(want, key)
		default:
			value := fmt.Sprint("v", i)
			if err := p.Put(ctx, key, []byte(value)); err != nil && !errors.Is(err, ErrUnconfirmed) {
				t.Error(err)
			}
			want[key] = value
		}
		for random.IntN(3) > 0 {
			c, ok := r.s.Next()
			if !ok {
				break
			}
			r.take(c)
		}
	}
	if diff := cmp.Diff(want, wanted(p)); diff != "" {
		t.Errorf("wanted (-want +got):\n%s", diff)
	}
	becomes(t, connected(t, s), want)
	told := map[string]string{}
	for key, value := range want {
		told["owner.T."+key] = value
	}
	r.has(told)
}

// Two wishes of one key are made while the server can't be reached: when the
// second is confirmed, the caller of the first is told, too.
func TestAPutThatWasOvertakenIsAnswered(t *testing.T) {
	s := startServer(t, server.Options{})
	c, line := tapped(t, s, Name(testTable.Agent), Timeout(time.Minute))
	p := openTable(t, c)
	line.cut(true)
	eventually(t, "the owner to notice", func() bool { return p.Fence() == 0 })
	answered := make(chan error, 2)
	put := func(value string) {
		go func() { answered <- p.Put(testContext(t), "k", []byte(value)) }()
		eventually(t, "the wish to be noted", func() bool { return wanted(p)["k"] == value })
	}
	put("1")
	put("2")
	line.cut(false)
	for range 2 {
		select {
		case err := <-answered:
			if err != nil {
				t.Error(err)
			}
		case <-testContext(t).Done():
			t.Fatal("a put was never answered")
		}
	}
}

// TestChangesWithoutAServerCostNoMoreThanTheirKeys is guarantee G9: what nobody
// waits for any more is let go of.
func TestChangesWithoutAServerCostNoMoreThanTheirKeys(t *testing.T) {
	s := startServer(t, server.Options{})
	p, err := connected(t, s, Name(testTable.Agent)).Open(testContext(t), testTable)
	if err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	patient := make(chan error, 1)
	ctx, cancel := context.WithCancel(testContext(t))
	go func() { patient <- p.Put(ctx, "k", []byte("patient")) }()
	eventually(t, "the patient caller waits", func() bool { _, ok := p.Get("k"); return ok })
	over, expired := context.WithCancel(context.Background())
	expired()
	for i := range 1000 {
		if err := p.Put(over, "k", fmt.Append(nil, i)); !errors.Is(err, ErrUnconfirmed) {
			t.Fatal(err)
		}
	}
	p.mu.Lock()
	chain := 0
	for w := p.wanted["k"]; w != nil; w = w.older {
		chain++
	}
	p.mu.Unlock()
	if chain > 3 { // the newest, and the patient one with one beside it
		t.Errorf("%d values of one key are kept", chain)
	}
	cancel()
	if err := <-patient; !errors.Is(err, ErrUnconfirmed) {
		t.Error(err)
	}
	if got, ok := p.Get("k"); !ok || string(got) != "999" {
		t.Errorf("wanted is %q, %t", got, ok)
	}
}

// TestCallersThatOverlapCostNoMore is guarantee G9: what nobody waits for any more
// is let go of too when somebody always waits for something newer.
func TestCallersThatOverlapCostNoMore(t *testing.T) {
	s := startServer(t, server.Options{})
	p, err := connected(t, s, Name(testTable.Agent)).Open(testContext(t), testTable)
	if err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	giveUp := func() {}
	for i := range 100 {
		ctx, cancel := context.WithCancel(testContext(t))
		value, ended := fmt.Append(nil, i), make(chan struct{})
		go func() {
			defer close(ended)
			if err := p.Put(ctx, "k", value); !errors.Is(err, ErrUnconfirmed) {
				t.Error(err)
			}
		}()
		eventually(t, "the next caller waits", func() bool { got, _ := p.Get("k"); return bytes.Equal(got, value) })
		giveUp()
		giveUp = func() { cancel(); <-ended }
	}
	giveUp()
	p.mu.Lock()
	defer p.mu.Unlock()
	chain := 0
	for w := p.wanted["k"]; w != nil; w = w.older {
		chain++
	}
	if chain > 3 {
		t.Errorf("%d values of one key are kept", chain)
	}
}

// TestNothingIsLostToAConnectionThatIsUp: when the client says that it is
// connected, publications have taken note of the break. One that took note later
// would lose what was opened since.
func TestNothingIsLostToAConnectionThatIsUp(t *testing.T) {
	s := startServer(t, server.Options{})
	c := connected(t, s, Name(testTable.Agent))
	p := openTable(t, c)
	c.setUp(false)
	p.mu.Lock()
	before, done := p.connections, make(chan struct{})
	go func() {
		defer close(done)
		c.connected(nil)
	}()
	ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	if err := c.Wait(ctx); err == nil {
		t.Error("connected, and a publication has not taken note")
	}
	p.mu.Unlock()
	<-done
	p.mu.Lock()
	after := p.connections
	p.mu.Unlock()
	if after != before+1 {
		t.Errorf("%d breaks were noted", after-before)
	}
	publish(t, p, "a", "1")
}

// TestOpenLater publishes before there is a server, and while another has the
// table.
func TestOpenLater(t *testing.T) {
	url := socket(t)
	c := connect(t, "unix://"+url, Name("owner"))
	pub, err := c.OpenLater(testTable)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.OpenLater(testTable); !errors.Is(err, ErrTableOwned) {
		t.Errorf("a second publication of one client: got %v, want ErrTableOwned", err)
	}
	gone, cancel := context.WithCancel(testContext(t))
	cancel()
	if err := pub.Put(gone, "early", []byte("1")); !errors.Is(err, ErrUnconfirmed) {
		t.Errorf("a put without a server: got %v, want ErrUnconfirmed", err)
	}
	if err := pub.Flush(gone); !errors.Is(err, ErrUnconfirmed) {
		t.Errorf("a flush without a server: got %v, want ErrUnconfirmed", err)
	}
	s := startServer(t, server.Options{Socket: url})
	if err := pub.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := pub.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	reads := connected(t, s)
	eventually(t, "the early key is there", func() bool {
		got, err := reads.Get(testContext(t), path("early"))
		return err == nil && string(got.Value) == "1"
	})

	other := connected(t, s, Name("owner"))
	second, err := other.OpenLater(testTable)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(testContext(t)); !errors.Is(err, ErrTableOwned) {
		t.Errorf("a table that another has: got %v, want ErrTableOwned", err)
	}
	if err := second.Put(testContext(t), "late", []byte("2")); !errors.Is(err, ErrTableOwned) {
		t.Errorf("a put meanwhile: got %v, want ErrTableOwned", err)
	}
	if err := second.Flush(testContext(t)); !errors.Is(err, ErrUnconfirmed) || !errors.Is(err, ErrTableOwned) {
		t.Errorf("a flush meanwhile: got %v, want ErrUnconfirmed for ErrTableOwned", err)
	}
	if err := pub.Close(testContext(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the late key is there", func() bool {
		got, err := reads.Get(testContext(t), path("late"))
		return err == nil && string(got.Value) == "2"
	})
	if got, ok := second.Get("early"); !ok || string(got) != "1" {
		t.Errorf("what the table held is not adopted: got %q, %t", got, ok)
	}
	if err := second.Close(testContext(t)); err != nil {
		t.Fatal(err)
	}
}
