package reverse

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type Status struct{ A string }

type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) Tracef(string, ...any)    {}
func (l *log) Functionf(string, ...any) {}
func (l *log) Noticef(string, ...any)   {}
func (l *log) Warnf(string, ...any)     {}
func (l *log) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// listening is an agent that listens below a directory of the test's.
func listening(t *testing.T) (name string, values chan string, l *log) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nkv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name = socket(dir, "agent", Status{})
	listener, err := listen(name)
	if err != nil {
		t.Fatal(err)
	}
	values, l = make(chan string), &log{}
	var done sync.WaitGroup
	done.Go(func() { accept(l, listener, values) })
	t.Cleanup(func() {
		listener.Close()
		done.Wait()
	})
	return name, values, l
}

func get(t *testing.T, values <-chan string) string {
	t.Helper()
	select {
	case v := <-values:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		return ""
	}
}

func TestValuesCome(t *testing.T) {
	name, values, _ := listening(t)
	if filepath.Base(name) != "Status.sock" || filepath.Base(filepath.Dir(name)) != "agent" {
		t.Errorf("the socket is %s", name)
	}
	for i := range 3 {
		v := Status{A: strings.Repeat("x", i*20000)}
		if err := publish(name, "agent", v); err != nil {
			t.Fatal(err)
		}
		if got := get(t, values); got != `{"A":"`+v.A+`"}` {
			t.Errorf("%d bytes came", len(got))
		}
	}
}

func TestWhatCantBeSentIsAnError(t *testing.T) {
	name, _, _ := listening(t)
	for what, v := range map[string]any{"too large": Status{A: strings.Repeat("x", maxMessage)}, "a function": func() {}} {
		if err := publish(name, "agent", v); err == nil {
			t.Errorf("%s was sent", what)
		}
	}
	if err := publish(name+"x", "agent", Status{}); err == nil {
		t.Error("it was sent where nobody listens")
	}
}

func TestOnlyOneListens(t *testing.T) {
	name, values, _ := listening(t)
	if _, err := listen(name); err == nil {
		t.Error("two listen")
	}
	if err := publish(name, "agent", Status{A: "1"}); err != nil {
		t.Fatal(err)
	}
	get(t, values)
	// What a listener that was killed leaves behind is no listener.
	stale := filepath.Join(filepath.Dir(name), "Stale.sock")
	first, err := net.ListenUnix(network, &net.UnixAddr{Name: stale, Net: network})
	if err != nil {
		t.Fatal(err)
	}
	first.SetUnlinkOnClose(false)
	first.Close()
	second, err := listen(stale)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

func TestTooLargeMessagesAreLeftOut(t *testing.T) {
	name, values, l := listening(t)
	conn, err := net.Dial(network, name)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, size := range []int{maxMessage + 10, 3} {
		if _, err := conn.Write([]byte(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, values); got != "xxx" {
		t.Errorf("%d bytes came", len(got))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) != 1 {
		t.Errorf("the log has %q", l.lines)
	}
}
