package agenttest

import (
	"cmp"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/join"
)

const (
	// Patience is how long something may take before the test fails.
	Patience = 20 * time.Second
	// ownerGrace is a server's OwnerGrace unless configured otherwise.
	ownerGrace = 200 * time.Millisecond
)

// Server is a server in the test's process, and what the test started on it. Its
// methods fail the test, so call them from the test's goroutine.
type Server struct {
	// Log is what the server and the agents log to; it is the test's output.
	Log *logrus.Logger

	t testing.TB
	*shared
}

// shared is what a Server and its parts have in common.
type shared struct {
	opts  server.Options
	door  *door
	leave func() // the bubble

	mu     sync.Mutex // guards the fields below
	agents []*agent.Agent
	socket string // empty: nobody asked for it
	joiner *join.Joiner
}

// New starts a server that keeps its tables in temporary directories and listens
// nowhere. When the test ends, all that was started on it is stopped, and the
// test fails when goroutines are left that it, or anything it called, has started
// since New; so call New first.
//
// Configure may change how the server is started, now and after each restart:
// MaxValue, for example. OwnerGrace, which is how long the table of an agent that
// vanished stays its own, is 200 ms unless it is set.
func New(t testing.TB, configure ...func(*server.Options)) *Server {
	t.Helper()
	left := leak.Mark()
	t.Cleanup(func() {
		t.Helper()
		if stacks := left(Patience); stacks != "" {
			t.Errorf("goroutines are left that the test started:\n%s", stacks)
		}
	})
	log := logrus.New()
	log.SetOutput(t.Output())
	dir := t.TempDir()
	s := &Server{Log: log, t: t, shared: &shared{
		opts:  server.Options{StoreDir: filepath.Join(dir, "durable"), VolatileDir: filepath.Join(dir, "volatile"), Logger: log},
		door:  newDoor(),
		leave: settleIn(),
	}}
	for _, change := range configure {
		change(&s.opts)
	}
	s.opts.OwnerGrace = cmp.Or(s.opts.OwnerGrace, ownerGrace)
	t.Cleanup(s.end)
	s.boot()
	return s
}

// end stops the server when all agents are closed.
func (s *Server) end() {
	s.t.Helper()
	s.halt(false)
	s.door.carrying.Wait()
	s.Log.SetOutput(io.Discard) // the test's output ends with the test
	s.leave()
}

// For returns the server for a part of the test, as of t.Run: what is started
// with it ends with that part, and what fails, fails that part.
func (s *Server) For(t testing.TB) *Server {
	return &Server{Log: s.Log, t: t, shared: s.shared}
}

// boot starts the server, and its socket when there was one.
func (s *Server) boot() {
	s.t.Helper()
	started, err := server.Start(context.Background(), s.opts)
	if err != nil {
		s.t.Fatalf("the server does not start: %v", err)
	}
	s.door.lead(started)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket != "" {
		s.listen()
	}
}

// halt stops the server and ends all connections; abruptly: these first, so that
// the server can't say anything any more.
func (s *Server) halt(abruptly bool) {
	s.t.Helper()
	running := s.door.lead(nil)
	if abruptly {
		s.Cut()
	}
	if running != nil {
		running.Shutdown()
	}
	s.mu.Lock()
	joiner := s.joiner
	s.joiner = nil
	s.mu.Unlock()
	if joiner != nil {
		joiner.Close()
	}
	s.Cut()
}

// URL returns where programs reach the server, as in $NKV_URL: a Unix socket,
// which the first call makes. In a testing/synctest bubble it fails the test:
// while anything waits for the network, time stands still there.
func (s *Server) URL() string {
	s.t.Helper()
	if inBubble() {
		s.t.Fatal("a server in a testing/synctest bubble can't listen on a socket: time would stand still")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == "" {
		dir, err := os.MkdirTemp("", "nkv") // a socket's path must be short
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { os.RemoveAll(dir) })
		s.socket = filepath.Join(dir, "nkv.sock")
		s.listen()
	}
	return "unix://" + s.socket
}

// listen opens the socket. The lock is held.
func (s *Server) listen() {
	s.t.Helper()
	l, err := join.Listen(s.socket, server.DefaultSocketMode)
	if err != nil {
		s.t.Fatal(err)
	}
	dial := func(join.Peer) (net.Conn, error) { return s.door.dial(anyAgent) }
	s.joiner = join.Serve(l, dial, join.Options{Logger: s.Log})
}

// Connect returns a new agent. It is closed when the test ends, if not before.
func (s *Server) Connect(name string, options ...agent.Option) *agent.Agent {
	s.t.Helper()
	a, err := agent.Connect(context.Background(), name,
		append([]agent.Option{agent.InProcess(entrance{s.door, name}), agent.Logger(s.Log)}, options...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(a.Close)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents = append(s.agents, a)
	return a
}

// Start runs an agent in a goroutine until stop is called, at the latest by the
// end of the test. Run gets a new agent and must return when ctx is done; the
// test fails when it returns an error. Stop returns when run has, and is
// idempotent.
func (s *Server) Start(name string, run func(ctx context.Context, a *agent.Agent) error, options ...agent.Option) (stop func()) {
	s.t.Helper()
	a := s.Connect(name, options...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx, a); err != nil {
			s.t.Errorf("agent %s ended: %v", name, err)
		}
	}()
	var once sync.Once
	stop = func() {
		s.t.Helper()
		once.Do(func() {
			s.t.Helper()
			cancel()
			select {
			case <-ended:
				a.Close()
			case <-time.After(Patience):
				s.t.Errorf("agent %s does not end", name)
			}
		})
	}
	s.t.Cleanup(stop)
	return stop
}
