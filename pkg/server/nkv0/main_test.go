package nkv0_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// serving returns options of a server that serves the first protocol, on TCP as
// the first server did, and keeps everything in a directory of the test.
func serving(t testing.TB) server.Options {
	t.Helper()
	dir := t.TempDir()
	return server.Options{
		Listen: "127.0.0.1:0", Insecure: true, StoreDir: filepath.Join(dir, "durable"), VolatileDir: filepath.Join(dir, "volatile"), NKV0: true,
	}
}

func start(t testing.TB, opts server.Options) *server.Server {
	t.Helper()
	s, err := server.Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// oldClient is a client of the first protocol: a NATS client with no options of
// this project.
type oldClient struct {
	*nats.Conn
	t testing.TB
}

func old(t testing.TB, url string, more ...nats.Option) *oldClient {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return &oldClient{nc, t}
}

// ask sends a request and returns its answer, which must come.
func (c *oldClient) ask(subject, body string) string {
	c.t.Helper()
	m, err := c.Request(subject, []byte(body), patience)
	if err != nil {
		c.t.Fatalf("%s %.100s: %v", subject, body, err)
	}
	return string(m.Data)
}

// want is ask for an answer that is known.
func (c *oldClient) want(subject, body, answer string) {
	c.t.Helper()
	if got := c.ask(subject, body); got != answer {
		c.t.Errorf("%s %.100s: got %.300s; want %.300s", subject, body, got, answer)
	}
}

func (c *oldClient) put(key, value string) {
	c.t.Helper()
	c.want("pubsub.put", request("Put", key)+value+"}", done)
}

const done = `{"Base":{"id":7,"status":200,"message":"No Error"}}`

// request is the beginning of a put, and but for a brace all of another request.
func request(verb, key string) string {
	encoded, err := json.Marshal(key)
	if err != nil {
		panic(err) // text can't fail
	}
	text := fmt.Sprintf(`{"type":%q,"id":7,"key":%s`, verb, encoded)
	if verb == "Put" {
		text += `,"value":`
	}
	return text
}

// listen subscribes to a key in the two steps of the protocol.
func (c *oldClient) listen(key string) *listener {
	c.t.Helper()
	var answer struct {
		Put struct {
			Status int
			Data   []int
		}
	}
	text := c.ask("pubsub.subscribe", request("Subscribe", key)+"}")
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Put.Status != 200 {
		c.t.Fatalf("subscribe to %q: %s, %v", key, text, err)
	}
	var subject []byte
	for _, b := range answer.Put.Data {
		subject = append(subject, byte(b))
	}
	l := c.hear(string(subject))
	l.greeted = true
	return l
}

// hear listens to a subject; what is sent from now on is heard.
func (c *oldClient) hear(subject string) *listener {
	c.t.Helper()
	sub, err := c.SubscribeSync(subject)
	if err != nil {
		c.t.Fatalf("listen to %q: %v", subject, err)
	}
	if err := c.FlushTimeout(patience); err != nil {
		c.t.Fatal(err)
	}
	return &listener{Subscription: sub, t: c.t}
}

type listener struct {
	*nats.Subscription
	t testing.TB
	// greeted: a hello may come first. It follows the answer that named the subject,
	// so that whoever listens at once may hear it still.
	greeted bool
}

// next returns the next message, which must come.
func (l *listener) next() string {
	l.t.Helper()
	m, err := l.NextMsg(patience)
	if err != nil {
		l.t.Fatalf("on %s: %v", l.Subject, err)
	}
	if l.greeted && string(m.Data) == hello {
		l.greeted = false
		return l.next()
	}
	l.greeted = false
	return string(m.Data)
}

func (l *listener) want(messages ...string) {
	l.t.Helper()
	for _, want := range messages {
		if got := l.next(); got != want {
			l.t.Errorf("on %s came %.100s; want %.100s", l.Subject, got, want)
		}
	}
}

// connect connects a client of today.
func connect(t testing.TB, s *server.Server, given ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), "", append([]client.Option{client.InProcess(s)}, given...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func path(key string) wire.Path {
	return wire.Path{Table: wire.Table{Agent: "nkv0", Topic: "Value"}, Key: key}
}
