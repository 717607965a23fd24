package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/server"
)

func TestMain(m *testing.M) { leak.Main(m) }

// bound is how long a test waits for what must happen.
const bound = 10 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*bound)
	t.Cleanup(cancel)
	return ctx
}

func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nkv") // short enough for a Unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func startServer(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	s, err := server.Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t *testing.T, name string, given ...agent.Option) *agent.Agent {
	t.Helper()
	a, err := agent.Connect(testContext(t), name, given...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// run runs an agent's loop until the test ends.
func run(t *testing.T, a *agent.Agent) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// Thing is what the tests share.
type Thing struct {
	N int
	S string `json:"s,omitempty"`
	L []int  `json:"l,omitempty"`
}

var things = agent.Table[Thing]{Owner: "owner"}

// scribe writes down handler calls, and fails those that it is told to.
type scribe struct {
	mu     sync.Mutex // guards the fields below
	calls  []string
	inside bool
	broken map[string]bool // "create k"
	signal chan struct{}
}

func newScribe() *scribe {
	return &scribe{broken: map[string]bool{}, signal: make(chan struct{}, 1)}
}

func (s *scribe) breaks(call string, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[call] = broken
}

// write notes a call; what says which one fails.
func (s *scribe) write(what, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside {
		text += " while another runs"
	}
	s.inside = true
	s.mu.Unlock()
	runtime.Gosched()
	s.mu.Lock()
	s.inside = false
	s.calls = append(s.calls, text)
	select {
	case s.signal <- struct{}{}:
	default:
	}
	if s.broken[what] {
		return fmt.Errorf("%s is broken", what)
	}
	return nil
}

func (s *scribe) handlers() agent.Handlers[Thing] {
	return agent.Handlers[Thing]{
		Create: func(_ context.Context, key string, v Thing) error {
			defer spoil(&v)
			return s.write("create "+key, fmt.Sprintf("create %s %d", key, v.N))
		},
		Modify: func(_ context.Context, key string, v, old Thing) error {
			defer spoil(&v)
			defer spoil(&old)
			return s.write("modify "+key, fmt.Sprintf("modify %s %d from %d", key, v.N, old.N))
		},
		Delete: func(_ context.Context, key string, old Thing) error {
			defer spoil(&old)
			return s.write("delete "+key, fmt.Sprintf("delete %s %d", key, old.N))
		},
		Synchronized: func(context.Context) { _ = s.write("", "synchronized") },
		Restarted:    func(_ context.Context, n uint64) { _ = s.write("", fmt.Sprint("restarted ", n)) },
	}
}

// spoil changes a value that is the handler's own.
func spoil(v *Thing) {
	v.N, v.S = -1, "spoiled"
	for i := range v.L {
		v.L[i] = -1
	}
}

func (s *scribe) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// until waits until a condition holds for the calls.
func (s *scribe) until(t *testing.T, what string, holds func(calls []string) bool) {
	t.Helper()
	timeout := time.After(bound)
	for !holds(s.all()) {
		select {
		case <-s.signal:
		case <-timeout:
			t.Fatalf("not within %s: %s; the calls are %q", bound, what, s.all())
		}
	}
}

// wrote waits for exactly these calls.
func (s *scribe) wrote(t *testing.T, want ...string) {
	t.Helper()
	s.until(t, fmt.Sprintf("%q", want), func(calls []string) bool { return len(calls) >= len(want) })
	if diff := cmp.Diff(want, s.all()); diff != "" {
		t.Fatalf("calls (-want +got):\n%s", diff)
	}
}

func has(call string) func([]string) bool {
	return func(calls []string) bool {
		for _, c := range calls {
			if c == call {
				return true
			}
		}
		return false
	}
}
