package join_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/server/join"
)

const (
	largeValue = 8 << 20
	// patience is how long a test waits for what has to come.
	patience = 20 * time.Second
	// deadline is the write deadline of servers in tests.
	deadline = 500 * time.Millisecond
)

type serverOptions struct {
	tcp   bool // listen there too
	token string
	log   logrus.FieldLogger
}

// testServer is an embedded NATS server joined to a socket.
type testServer struct {
	ns     *natsserver.Server
	joiner *join.Joiner
	socket string
}

func startServer(t testing.TB, opts serverOptions) *testServer {
	t.Helper()
	ns, err := natsserver.NewServer(&natsserver.Options{
		DontListen: !opts.tcp, Host: "127.0.0.1", Port: natsserver.RANDOM_PORT,
		NoSigs: true, NoLog: true, NoFastProducerStall: true, Authorization: opts.token,
		MaxPayload: largeValue + 1024, MaxPending: 4 * largeValue, WriteDeadline: deadline,
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(patience) {
		t.Fatal("NATS server is not ready")
	}
	s := &testServer{ns: ns, socket: filepath.Join(t.TempDir(), "s")}
	l, err := join.Listen(s.socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s.joiner = join.Serve(l, func(join.Peer) (net.Conn, error) { return ns.InProcessConn() }, join.Options{Logger: opts.log, WriteTimeout: deadline})
	t.Cleanup(func() {
		s.joiner.Close()
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	return s
}

// connect connects a NATS client over the given kind of connection.
func (s *testServer) connect(t testing.TB, kind string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	url := s.ns.ClientURL()
	opts = append([]nats.Option{nats.NoReconnect(), nats.Timeout(patience)}, opts...)
	if kind == "unix" {
		url = "nats://127.0.0.1:4222" // not looked at; a name would be asked of DNS
		opts = append(opts, nats.SetCustomDialer(unixDialer{s.socket}))
	}
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// dial connects to the socket without a NATS client and takes the greeting.
func (s *testServer) dial(t testing.TB) (*net.UnixConn, *bufio.Reader) {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: s.socket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if greeting, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "INFO ") {
		t.Fatalf("greeting is %q, %v", greeting, err)
	}
	return c, r
}

type unixDialer struct{ path string }

func (d unixDialer) Dial(string, string) (net.Conn, error) { return net.Dial("unix", d.path) }

// SkipTLSHandshake keeps the client from looking at what the URL says.
func (unixDialer) SkipTLSHandshake() bool { return true }

func subscribe(t testing.TB, nc *nats.Conn, subject string, handle nats.MsgHandler) {
	t.Helper()
	if _, err := nc.Subscribe(subject, handle); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until check returns the empty string, which it does when all
// is well; otherwise it says what is not.
func eventually(t testing.TB, check func() string) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal(wrong)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// noLeak checks, when the test and its other cleanups are over, that it left no
// goroutine and no file descriptor behind. It must be called first.
func noLeak(t testing.TB) {
	t.Helper()
	files := openFiles(t)
	t.Cleanup(func() {
		eventually(t, func() string {
			if stacks := ours(); len(stacks) > 0 {
				return fmt.Sprintf("%d goroutines left:\n%s", len(stacks), strings.Join(stacks, "\n\n"))
			}
			if n := openFiles(t); n > files {
				return fmt.Sprintf("%d file descriptors are open, before the test %d", n, files)
			}
			return ""
		})
	})
}

// ours returns the stacks of goroutines in this package, NATS's server and client.
func ours() []string {
	buf := make([]byte, 16<<20)
	var found []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "join.(*") || strings.Contains(stack, "nats-server") || strings.Contains(stack, "nats.go.") {
			found = append(found, stack)
		}
	}
	return found
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func byteSize(n int) string { return fmt.Sprintf("%dB", n) }
