package agenttest_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestMain(m *testing.M) { leak.Main(m) }

// Thing is what the tests share.
type Thing struct{ N int }

var (
	things  = agent.Table[Thing]{Owner: "owner"}
	lasting = agent.Table[Thing]{Owner: "owner", Topic: "Lasting", Durable: true}
	others  = agent.Table[Thing]{Owner: "other"}
)

// is holds for tables in which key is n.
func is(key string, n int) func(map[string]Thing) bool {
	return func(values map[string]Thing) bool { v, ok := values[key]; return ok && v.N == n }
}

// shortly is for what must fail, or may.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// connection returns the server's number of the connection over which an agent
// listens to a table, when there is one.
func connection(t *testing.T, s *agenttest.Server, name string, table wire.Table) uint64 {
	t.Helper()
	s.Settled(name)
	trace, err := s.Connect("tracer").Client().Trace(context.Background(), table)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range trace.Listeners {
		if l.Agent == name {
			return l.Connection
		}
	}
	t.Fatalf("agent %s does not listen to %s: %+v", name, table, trace)
	return 0
}

// failing is a test that is meant to fail.
type failing struct {
	testing.TB // the real one

	mu       sync.Mutex // guards the fields below
	messages []string
	cleanups []func()
}

// fails runs a test that must fail with messages that contain these texts, in
// their order, and with no others.
func fails(t *testing.T, test func(t testing.TB), want ...string) {
	t.Helper()
	f := &failing{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer f.cleanUp()
		test(f)
	}()
	<-ended
	for i, message := range f.messages {
		if i >= len(want) || !strings.Contains(message, want[i]) {
			t.Errorf("it failed with %q", message)
		}
	}
	if len(f.messages) < len(want) {
		t.Errorf("it did not fail with %q", want[len(f.messages):])
	}
}

func (f *failing) cleanUp() {
	if len(f.cleanups) == 0 {
		return
	}
	last := len(f.cleanups) - 1
	do := f.cleanups[last]
	f.cleanups = f.cleanups[:last]
	defer f.cleanUp() // also when this one fails
	do()
}

func (f *failing) Helper()           {}
func (f *failing) Output() io.Writer { return io.Discard }

func (f *failing) Cleanup(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, do)
}

func (f *failing) note(message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, message)
}

func (f *failing) Errorf(format string, args ...any) { f.note(fmt.Sprintf(format, args...)) }

func (f *failing) Fatalf(format string, args ...any) {
	f.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any) {
	f.note(fmt.Sprint(args...))
	runtime.Goexit()
}
