package bridge

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
	"github.com/evenkv/nkv/tests/migration/original"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// files counts which tables are left to old publishers.
type files struct {
	Files

	mu       sync.Mutex // guards released
	released map[wire.Table]bool
}

func (f *files) Release(table wire.Table) {
	f.Files.Release(table)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released[table] = true
}

func (f *files) Adopt(table wire.Table) (map[string][]byte, []string, uint64, error) {
	f.mu.Lock()
	delete(f.released, table)
	f.mu.Unlock()
	return f.Files.Adopt(table)
}

func (f *files) left(table wire.Table) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.released[table]
}

// bench is a server with a bridge.
type bench struct {
	t      *testing.T
	root   string
	said   *testutil.Text
	log    *logrus.Logger
	server *server.Server
	bridge *Bridge
	files  *files
	viewer *client.Client
	greets time.Duration
	gate   *Gate
}

// newBench starts them; the owners' grace is longer than any test waits.
func newBench(t *testing.T) *bench {
	t.Helper()
	root, err := os.MkdirTemp("", "nkv") // short, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	b := &bench{t: t, root: root, said: &testutil.Text{}, log: logrus.New(), gate: NewGate()}
	b.log.SetOutput(b.said)
	b.log.SetLevel(logrus.DebugLevel)
	if b.server, err = server.Start(t.Context(), server.Options{OwnerGrace: time.Minute, Logger: b.log, Gate: b.gate.Open, EveRoot: root}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.server.Shutdown)
	b.viewer = b.client("viewer")
	b.files = &files{Files: b.server.EveFiles(), released: map[wire.Table]bool{}}
	b.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", b.said)
		}
	})
	return b
}

func (b *bench) start() {
	b.t.Helper()
	var err error
	b.bridge, err = Start(b.t.Context(), Options{Root: eve.Root(b.root), Server: b.server, Files: b.files, Gate: b.gate, Logger: b.log, greetWithin: b.greets})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.bridge.Close)
}

// door is a client's way to the server, which tests shut.
type door struct {
	b *bench

	mu    sync.Mutex // guards the fields below
	conns []net.Conn
	shut  bool
}

// InProcessConn returns a connection, while the door is open.
func (d *door) InProcessConn() (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, errors.New("the door is shut")
	}
	conn, err := d.b.server.InProcessConn()
	if err == nil {
		d.conns = append(d.conns, conn)
	}
	return conn, err
}

// cut breaks the connection; with shut, for good, as the end of a process does:
// its tables are not given up.
func (d *door) cut(shut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.conns {
		conn.Close()
	}
	d.conns, d.shut = nil, shut
}

func (b *bench) client(agent string) *client.Client {
	b.t.Helper()
	c, _ := b.clientBehind(agent)
	return c
}

func (b *bench) clientBehind(agent string) (*client.Client, *door) {
	b.t.Helper()
	d := &door{b: b}
	c, err := client.Connect(b.t.Context(), "", client.InProcess(d), client.Name(agent))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	if err := c.Wait(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return c, d
}

// own opens a table as a new instance of its agent; while another has it, it
// tries again.
func (b *bench) own(name original.Name, options ...client.OpenOption) (*door, *client.Publication) {
	b.t.Helper()
	c, d := b.clientBehind(name.Agent)
	var pub *client.Publication
	b.await("the table opens", func() bool {
		var err error
		pub, err = c.Open(b.t.Context(), table(name), options...)
		if err != nil && !errors.Is(err, client.ErrTableOwned) {
			b.t.Fatal(err)
		}
		return err == nil
	})
	return d, pub
}

func table(name original.Name) wire.Table {
	return wire.Table{Agent: name.Agent, Scope: name.Scope, Topic: name.Topic}
}

func (b *bench) publish(name original.Name, durable bool, options ...func(*original.Publisher)) *original.Publisher {
	b.t.Helper()
	var p *original.Publisher
	b.await("the old publisher starts", func() bool {
		var err error
		p, err = original.Publish(b.root, name, durable, options...)
		if err != nil && !errors.Is(err, original.ErrInUse) && !errors.Is(err, os.ErrNotExist) {
			b.t.Fatal(err)
		}
		return err == nil
	})
	b.t.Cleanup(p.Kill)
	return p
}

func (b *bench) subscribe(name original.Name, hear func(original.Event)) *original.Subscriber {
	s := original.Subscribe(b.root, name, hear)
	b.t.Cleanup(s.Close)
	return s
}

func (b *bench) await(what string, condition func() bool) {
	b.t.Helper()
	testutil.Await(b.t, patience, what, condition)
}

func (b *bench) says(text string) {
	b.t.Helper()
	b.await("it says "+text, func() bool { return strings.Contains(b.said.String(), text) })
}

// snapshot returns a table as the server has it.
func (b *bench) snapshot(name original.Name) (wire.TableInfo, map[string]string) {
	b.t.Helper()
	info, entries, err := b.viewer.Snapshot(b.t.Context(), table(name))
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		b.t.Fatal(err)
	}
	values := map[string]string{}
	for _, e := range entries {
		values[e.Path.Key] = string(e.Value)
	}
	return info, values
}

// holds waits until the server's table is as wanted.
func (b *bench) holds(name original.Name, want map[string]string) wire.TableInfo {
	b.t.Helper()
	var info wire.TableInfo
	var got map[string]string
	if !testutil.Holds(patience, func() bool { info, got = b.snapshot(name); return cmp.Equal(want, got) }) {
		b.t.Fatalf("table %v (-want +got):\n%s", name, cmp.Diff(want, got))
	}
	return info
}

// sees waits until an old subscriber's view is as wanted.
func (b *bench) sees(s *original.Subscriber, want map[string]string) {
	b.t.Helper()
	if !testutil.Holds(patience, func() bool { return s.Complete() && cmp.Equal(want, s.Values()) }) {
		b.t.Fatalf("the old subscriber, complete %t (-want +got):\n%s", s.Complete(), cmp.Diff(want, s.Values()))
	}
	if err := s.Err(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) socketIsThere(name original.Name) bool {
	_, err := os.Lstat(name.Socket(b.root))
	return err == nil
}

func (b *bench) large() string { return filepath.Join(b.root, "persist", "pubsub-large") }
