package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestSubscriptionsFollowWhatTheySelect(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s)
	must := func(_ uint64, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(agent, topic, scope, key string) wire.Path {
		return wire.Path{Table: wire.Table{Agent: agent, Topic: topic, Scope: scope}, Key: key}
	}
	for _, p := range []wire.Path{at("a", "T", "", "k"), at("a", "T", "", "l.m"), at("a", "T", "s", "k"), at("b", "T", "", "k")} {
		must(c.Put(ctx, p, []byte("1")))
	}
	readers := map[string]*reader{}
	for _, pattern := range []string{"a.T", "a.T.k", "a.>", ">", "*.T.k", "none.T"} {
		readers[pattern] = subscribe(t, c, pattern)
	}
	must(c.Put(ctx, at("a", "T", "", "k"), []byte("2")))
	must(c.Put(ctx, at("c", "U", "", "k"), []byte("3"))) // a table that is new
	must(c.Put(ctx, at("b", "T", "", "gone"), []byte("3")))
	must(c.Delete(ctx, at("b", "T", "", "gone")))
	all := map[string]string{"a.T.k": "2", "a.T.l.m": "1", "a.T@s.k": "1", "b.T.k": "1", "c.U.k": "3"}
	for pattern, r := range readers {
		parsed, err := wire.ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for name, value := range all {
			if parsed.Match(strings.Replace(name, "l.m", "l%2Em", 1)) { // the reader's names are not encoded
				want[name] = value
			}
		}
		r.has(want)
		eventually(t, pattern+" is current", r.s.Current)
	}
	for _, pattern := range []string{"", "a", "a..k", "a.T.k.l", "*", ">.T"} {
		if _, err := c.Subscribe(pattern); !errors.Is(err, ErrInvalid) {
			t.Errorf("Subscribe(%q): %v, want ErrInvalid", pattern, err)
		}
	}
}

func TestManyPagesAreOneSnapshot(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s)
	want := map[string]string{}
	for i := range 40 {
		value := strings.Repeat(fmt.Sprint(i%10), 50<<10)
		if _, err := c.Put(ctx, path(fmt.Sprint("k", i)), []byte(value)); err != nil {
			t.Fatal(err)
		}
		want["owner.T."+fmt.Sprint("k", i)] = value
	}
	subscribe(t, c, "owner.T").has(want)
	if got := contents(t, c, testTable); len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

// isEvent chooses events of one key.
func isEvent(key string) func(string, []byte) bool {
	subject := wire.EventSubject("owner.T." + key)
	return func(s string, _ []byte) bool { return s == subject }
}

func TestTheHeadCheckFindsALostTail(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s)
	reading, d := tapped(t, s, HeadCheck(20*time.Millisecond))
	r := subscribe(t, reading, "owner.T")
	if _, err := c.Put(ctx, path("k"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	r.has(map[string]string{"owner.T.k": "1"})
	eventually(t, "current", r.s.Current)
	d.lose(isEvent("k"), nil)
	if _, err := c.Put(ctx, path("k"), []byte("2")); err != nil {
		t.Fatal(err)
	}
	r.has(map[string]string{"owner.T.k": "2"})
	if _, err := c.Delete(ctx, path("k")); err != nil {
		t.Fatal(err)
	}
	r.has(map[string]string{})
}

func TestAGapIsClosedAtOnce(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s)
	reading, d := tapped(t, s, HeadCheck(time.Hour))
	r := subscribe(t, reading, "owner.T")
	if _, err := c.Put(ctx, path("k"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	r.has(map[string]string{"owner.T.k": "1"})
	eventually(t, "current", r.s.Current)
	d.lose(isEvent("k"), nil)
	if _, err := c.Put(ctx, path("k"), []byte("2")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(ctx, path("l"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	r.has(map[string]string{"owner.T.k": "2", "owner.T.l": "1"})
}

// Nothing but differences is told over a lost connection, and it takes
// milliseconds.
func TestAReconnectTellsOnlyDifferences(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s)
	reading, d := tapped(t, s, HeadCheck(time.Hour))
	r := subscribe(t, reading, "owner.T")
	for _, key := range []string{"same", "changed", "gone"} {
		if _, err := c.Put(ctx, path(key), []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	r.has(map[string]string{"owner.T.same": "1", "owner.T.changed": "1", "owner.T.gone": "1"})
	d.cut(true)
	eventually(t, "disconnected", func() bool { return reading.Connected() != nil })
	if _, err := reading.Get(ctx, path("same")); !errors.Is(err, ErrDisconnected) {
		t.Errorf("a get without a connection: %v", err)
	}
	if _, err := c.Put(ctx, path("changed"), []byte("2")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(ctx, path("gone")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(ctx, path("new"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	before := len(r.told)
	start := time.Now()
	d.cut(false)
	r.has(map[string]string{"owner.T.same": "1", "owner.T.changed": "2", "owner.T.new": "1"})
	if took := time.Since(start); took > 2*reconnectMost {
		t.Errorf("the reconnect took %s", took)
	}
	if n := len(r.told) - before; n != 3 {
		t.Errorf("%d changes of three differences: %s", n, r.story())
	}
}

func TestCallsFailFastWithoutAConnection(t *testing.T) {
	ctx := testContext(t)
	c := connect(t, "unix://"+socket(t))
	start := time.Now()
	for name, call := range map[string]func() error{
		"get":      func() error { _, err := c.Get(ctx, path("k")); return err },
		"put":      func() error { _, err := c.Put(ctx, path("k"), nil); return err },
		"delete":   func() error { _, err := c.Delete(ctx, path("k")); return err },
		"clear":    func() error { _, err := c.Clear(ctx, testTable); return err },
		"take":     func() error { _, err := c.Take(ctx, testTable, false); return err },
		"release":  func() error { return c.Release(ctx, testTable, 1) },
		"snapshot": func() error { _, _, err := c.Snapshot(ctx, testTable); return err },
		"tables":   func() error { _, err := c.Tables(ctx, ""); return err },
		"trace":    func() error { _, err := c.Trace(ctx, testTable); return err },
		"health":   func() error { _, err := c.Health(ctx); return err },
		"version":  func() error { _, err := c.Version(ctx); return err },
		"state":    c.Connected,
	} {
		if err := call(); !errors.Is(err, ErrDisconnected) {
			t.Errorf("%s: %v, want ErrDisconnected", name, err)
		}
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestNamesAreCheckedBeforeAnythingIsSent(t *testing.T) {
	ctx := testContext(t)
	c := connect(t, "unix://"+socket(t))
	long := strings.Repeat("k", wire.MaxName+1)
	for _, bad := range []wire.Path{path(""), path(long), path("\xff"), {Key: "k"}, {Table: wire.Table{Agent: long, Topic: "T"}, Key: "k"}} {
		_, get := c.Get(ctx, bad)
		_, put := c.Put(ctx, bad, nil)
		_, gone := c.Delete(ctx, bad)
		for _, err := range []error{get, put, gone} {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: %v, want ErrInvalid", bad, err)
			}
		}
	}
	_, _, snapshot := c.Snapshot(ctx, wire.Table{})
	_, cleared := c.Clear(ctx, wire.Table{})
	_, opened := c.Open(ctx, wire.Table{})
	for _, err := range []error{snapshot, cleared, opened} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%v, want ErrInvalid", err)
		}
	}
}

func TestConditions(t *testing.T) {
	ctx := testContext(t)
	c := connected(t, startServer(t, server.Options{MaxValue: 1000}))
	first, err := c.Put(ctx, path("k"), []byte("1"), Create(), Durable())
	if err != nil {
		t.Fatal(err)
	}
	var refused *Error
	if _, err := c.Put(ctx, path("k"), []byte("2"), Create()); !errors.Is(err, ErrRevision) || !errors.As(err, &refused) || refused.Revision != first {
		t.Errorf("%v, %+v", err, refused)
	}
	if _, err := c.Put(ctx, path("k"), []byte("2"), ExpectRevision(first)); err != nil {
		t.Error(err)
	}
	if _, err := c.Delete(ctx, path("k"), ExpectRevision(first)); !errors.Is(err, ErrRevision) {
		t.Error(err)
	}
	if _, err := c.Put(ctx, path("k"), []byte("3"), Fence(7)); !errors.Is(err, ErrFence) {
		t.Error(err)
	}
	if _, err := c.Put(ctx, path("k"), make([]byte, 1001)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "1001") || !strings.Contains(err.Error(), "1000") {
		t.Error(err)
	}
	if _, err := c.Get(ctx, path("none")); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if e, err := c.Get(ctx, path("k")); err != nil || string(e.Value) != "2" {
		t.Errorf("%s, %v", e.Value, err)
	}
	if n, err := c.Clear(ctx, testTable); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// What nobody asked for, comes twice or comes late is no answer.
func TestAnswersOfStrangersAreIgnored(t *testing.T) {
	var c calls
	answers := make(chan answer, 10)
	id := c.add(func(a answer) { answers <- a })
	message := func(subject string) *nats.Msg {
		return &nats.Msg{Subject: subject, Header: nats.Header{wire.HeaderStatus: {"200"}}}
	}
	for _, subject := range []string{"_INBOX.x.r.", "_INBOX.x.r.99", "_INBOX.x.r.-1", "_INBOX.x.r.1x", "_INBOX.x.r.18446744073709551617", ""} {
		c.answer(message(subject))
	}
	if len(answers) > 0 {
		t.Fatalf("%+v", <-answers)
	}
	for range 3 {
		c.answer(message(fmt.Sprint("_INBOX.x.r.", id)))
	}
	c.fail(c.newest(), ErrClosed)
	if a := <-answers; a.err != nil || len(answers) > 0 {
		t.Errorf("%v, and %d more answers", a.err, len(answers))
	}
	taken := c.add(func(a answer) { answers <- a })
	c.take(taken)
	c.answer(message(fmt.Sprint("_INBOX.x.r.", taken)))
	c.add(func(a answer) { answers <- a })
	c.fail(c.newest(), ErrClosed)
	if a := <-answers; !errors.Is(a.err, ErrClosed) || len(answers) > 0 {
		t.Errorf("%v, and %d more answers", a.err, len(answers))
	}
	for name, header := range map[string]nats.Header{
		"no status": {}, "no number": {wire.HeaderStatus: {"x"}}, "nobody listens": {"Status": {"503"}},
	} {
		if a := readAnswer(&nats.Msg{Header: header}); a.err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOptionsAreValidated(t *testing.T) {
	for name, option := range map[string]Option{
		"name":       Name(""),
		"long name":  Name(strings.Repeat("n", wire.MaxName+1)),
		"in process": InProcess(nil),
		"timeout":    Timeout(0),
		"heads":      HeadCheck(-time.Second),
		"logger":     Logger(nil),
		"dialer":     Dialer(nil),
		"root CAs":   RootCAs("/does/not/exist"),
	} {
		if _, err := Connect(testContext(t), "", option); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%s: %v, want ErrInvalidOption", name, err)
		}
	}
	for _, url := range []string{"http://host", "unix://", "nats://", "://", "nats://host:port", "nats://ann:sesame@127.0.0.1:1", "ann:sesame@host", "nats://sesame@127.0.0.1:1", "http://ann:ses%ame@host"} {
		if c, err := Connect(testContext(t), url); !errors.Is(err, ErrInvalidOption) || strings.Contains(err.Error(), "same") {
			t.Errorf("%q: %v, want ErrInvalidOption", url, err)
			if err == nil {
				c.Close()
			}
		}
	}
	t.Setenv(EnvURL, "nats://from.env:1")
	if got := DefaultURL(); got != "nats://from.env:1" {
		t.Errorf("DefaultURL() = %q", got)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	c := connected(t, s, Name("owner"))
	sub, err := c.Subscribe(">")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Open(ctx, testTable)
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	closing, err := c.Subscribe("none.T")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if err := closing.Wait(ctx); err != nil {
				waited <- err
				return
			}
		}
	}()
	for range 2 {
		closing.Close()
		c.Close()
		sub.Close()
	}
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: %v, want ErrClosed", err)
	}
	if err := p.Put(ctx, "k", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Put: %v, want ErrClosed", err)
	}
	if err := p.Delete(ctx, "k"); !errors.Is(err, ErrClosed) {
		t.Errorf("Delete: %v, want ErrClosed", err)
	}
	if err := p.Restarted(ctx, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Restarted: %v, want ErrClosed", err)
	}
	if err := p.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := c.Subscribe(">"); !errors.Is(err, ErrClosed) {
		t.Errorf("Subscribe: %v, want ErrClosed", err)
	}
	if _, err := c.Open(ctx, testTable); !errors.Is(err, ErrClosed) {
		t.Errorf("Open: %v, want ErrClosed", err)
	}
	if _, err := c.Get(ctx, path("k")); !errors.Is(err, ErrClosed) {
		t.Errorf("Get: %v, want ErrClosed", err)
	}
	if err := c.Connected(); !errors.Is(err, ErrClosed) {
		t.Errorf("Connected: %v, want ErrClosed", err)
	}
	connect(t, "unix://"+socket(t)).Close() // one that never had a connection
}

// A table that always has something new does not keep the others waiting.
func TestNextTakesTablesInTurn(t *testing.T) {
	s := &Subscription{}
	for _, name := range []string{"busy", "quiet"} {
		v := newTableView(name)
		s.order = append(s.order, v)
		v.waiting.add(Change{Op: Put, Table: name, Key: "k"})
	}
	for range 3 {
		c, ok := s.Next()
		if !ok {
			t.Fatal("nothing to take")
		}
		if c.Table == "quiet" {
			return
		}
		s.order[0].waiting.add(Change{Op: Put, Table: "busy", Key: "k"})
	}
	t.Error("the quiet table never had its turn")
}

// A client that is told no address finds a server that starts later in the user's
// runtime directory.
func TestTheDefaultSocketIsLookedForEachTime(t *testing.T) {
	dir := filepath.Dir(socket(t))
	t.Setenv(EnvURL, "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if _, err := os.Stat(DefaultSocket); err == nil {
		t.Skip("a server of this machine listens on", DefaultSocket)
	}
	c, err := Connect(testContext(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	startServer(t, server.Options{Socket: filepath.Join(dir, "nkv.sock")})
	if err := c.Wait(testContext(t)); err != nil {
		t.Error(err)
	}
}

// A server that does not read holds no caller up for long.
func TestAServerThatDoesNotReadIsLeft(t *testing.T) {
	s := startServer(t, server.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stalled, ended := make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() { pass(l, s, stalled, ended, &work) })
	defer func() {
		close(ended)
		l.Close()
		work.Wait()
	}()
	c := connect(t, "nats://"+l.Addr().String(), Name(testTable.Agent), Timeout(time.Second))
	defer c.Close() // before the pass ends
	p := openTable(t, c)
	close(stalled)
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := p.Put(ctx, "k", make([]byte, 7<<20)); !errors.Is(err, ErrUnconfirmed) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > writeWithin+3*time.Second {
		t.Errorf("the put held its caller up for %s", took)
	}
}

// pass carries connections to a server and back. Once it is stalled it leaves what
// is large unread until the end.
func pass(l net.Listener, s *server.Server, stalled, ended <-chan struct{}, work *sync.WaitGroup) {
	for {
		outer, err := l.Accept()
		if err != nil {
			return
		}
		inner, err := s.InProcessConn()
		if err != nil {
			outer.Close()
			return
		}
		work.Go(func() {
			defer outer.Close()
			io.Copy(outer, inner) //nolint:errcheck // its end is all that matters
		})
		work.Go(func() {
			defer inner.Close()
			buffer := make([]byte, 512)
			for {
				n, err := outer.Read(buffer)
				if err != nil {
					return
				}
				select {
				case <-stalled:
					if n == len(buffer) { // the large one: leave the rest unread
						<-ended
						return
					}
				default:
				}
				if _, err := inner.Write(buffer[:n]); err != nil {
					return
				}
			}
		})
	}
}

// An answer that has arrived counts, although the connection breaks before it is
// taken.
func TestAnswersThatArrivedBeforeTheBreakAreTaken(t *testing.T) {
	s := startServer(t, server.Options{})
	c, line := tapped(t, s)
	before := c.nc.Stats().InMsgs
	release := make(chan struct{})
	answered := make(chan error, 1)
	for _, done := range []func(answer){func(answer) { <-release }, func(a answer) { answered <- a.err }} {
		if _, err := c.send(wire.VerbVersion, "", nil, nil, done); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both answers to arrive", func() bool { return c.nc.Stats().InMsgs >= before+2 })
	line.cut(true)
	eventually(t, "the break to be noticed", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		select {
		case <-c.up:
			return false
		default:
			return true
		}
	})
	close(release)
	select {
	case err := <-answered:
		if err != nil {
			t.Errorf("the answer was thrown away: %v", err)
		}
	case <-testContext(t).Done():
		t.Error("the call was never answered")
	}
	line.cut(false)
}

func TestAChangeIsHandledWhenTheNextIsAskedFor(t *testing.T) {
	ctx := testContext(t)
	c := connected(t, startServer(t, server.Options{}))
	var revisions []uint64
	for _, key := range []string{"k", "l"} {
		revision, err := c.Put(ctx, path(key), []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, revision)
	}
	s := subscribe(t, c, "owner.T").s
	eventually(t, "current", s.Current)
	for i, want := range []struct {
		handled uint64
		pending int
	}{{0, 2}, {0, 2}, {revisions[0], 1}, {revisions[1], 0}} {
		if i > 0 {
			if _, ok := s.Next(); ok != (i <= len(revisions)) {
				t.Fatalf("Next number %d: %t", i, ok)
			}
		}
		if got := s.State(); got.Handled["owner.T"] != want.handled || got.Pending != want.pending {
			t.Errorf("after Next number %d: handled %d, pending %d; want %+v", i, got.Handled["owner.T"], got.Pending, want)
		}
	}
}

// TestClosedTwiceAtOnce: whichever returns first, the client is closed and its tables
// are given up.
func TestClosedTwiceAtOnce(t *testing.T) {
	ctx := testContext(t)
	s := startServer(t, server.Options{})
	watcher := connected(t, s, Name("watcher"))
	for range 5 {
		c := connected(t, s, Name(testTable.Agent))
		for i := range 50 {
			table := testTable
			table.Scope = strconv.Itoa(i)
			if _, err := c.Open(ctx, table); err != nil {
				t.Fatal(err)
			}
		}
		returned := make(chan struct{}, 2)
		for range 2 {
			go func() { c.Close(); returned <- struct{}{} }()
		}
		<-returned
		tables, err := watcher.Tables(ctx, testTable.Agent+".>")
		if err != nil || len(tables) != 50 {
			t.Fatalf("%d tables, %v", len(tables), err)
		}
		for _, table := range tables {
			if table.Open {
				t.Fatalf("one Close has returned, and %s is open", table.Table)
			}
		}
		<-returned
	}
}
