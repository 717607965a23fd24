package interop

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// settled is how long a view may take to become the table (G1).
const settled = 10 * time.Second

// place is where a server lives, however often it starts, with a proxy before
// each of its listeners: TCP for Node, a Unix socket for Go.
type place struct {
	t       *testing.T
	options testutil.ServerOptions
	process *testutil.Process
	forNode *testutil.Proxy
	forGo   *testutil.Proxy
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, options: testutil.ServerOptions{
		Socket: filepath.Join(dir, "s.sock"), StoreDir: filepath.Join(dir, "store"), VolatileDir: filepath.Join(dir, "volatile"),
		Listen: testutil.FreeAddress(t), OwnerGrace: 300 * time.Millisecond,
	}}
	p.forNode = testutil.NewTCPProxy(t, p.options.Listen)
	p.forGo = testutil.NewProxy(t, p.options.Socket)
	return p
}

// start starts the server.
func (p *place) start() {
	p.t.Helper()
	p.process = testutil.StartProcess(p.t, p.options)
}

// restart kills the server and starts another, in its place and with its stores,
// less what is taken away meanwhile.
func (p *place) restart(meanwhile ...string) {
	p.t.Helper()
	p.process.Kill()
	for _, dir := range meanwhile {
		if err := os.RemoveAll(dir); err != nil {
			p.t.Fatal(err)
		}
	}
	p.start()
}

// node starts a driver that is connected as an agent.
func (p *place) node(agent string, with args) *node {
	p.t.Helper()
	n := startNode(p.t)
	given := args{"url": p.forNode.URL(), "agent": agent}
	for name, value := range with {
		given[name] = value
	}
	n.ask("connect", given)
	return n
}

// client connects a Go client, through the proxy.
func (p *place) client(agent string) *client.Client {
	p.t.Helper()
	c, err := client.Connect(p.t.Context(), p.forGo.URL(), client.Name(agent))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	if err := c.Wait(p.context()); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// owner opens a table for a Go client of its agent.
func (p *place) owner(table wire.Table) (*client.Client, *client.Publication) {
	p.t.Helper()
	c := p.client(table.Agent)
	pub, err := c.Open(p.context(), table)
	if err != nil {
		p.t.Fatal(err)
	}
	return c, pub
}

// put publishes what must be acknowledged.
func (p *place) put(pub *client.Publication, key, value string) {
	p.t.Helper()
	if err := pub.Put(p.context(), key, []byte(value)); err != nil {
		p.t.Fatal(err)
	}
}

// context ends with the test, and late enough for what a step of it may take.
func (p *place) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	p.t.Cleanup(cancel)
	return ctx
}

// keys are plain ones, and all that could break on its way.
func keys() []string {
	odd := []string{
		"a.b.c", "a/b", "a b", " ", "grün", "日本", "🦊", "%", "%2E", "%%", "*", ">", "$mark", "$", "@", "x@y", "\n", "\r\n", "\t", "\x00", "\x7f", "\"'\\",
		"\u00a0", "\ufeffbom", "e\u0301", "constructor", "__proto__", "toString", "-_-", "A", "a",
		string(make([]byte, 255)),
	}
	long := make([]byte, 255)
	for i := range long {
		long[i] = 'x'
	}
	odd = append(odd, string(long), string(long[:251])+"🦊")
	for i := range 200 {
		odd = append(odd, "key"+strconv.Itoa(i))
	}
	return odd
}
