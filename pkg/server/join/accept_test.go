package join_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// recorder is a logger whose lines a test can look at.
type recorder struct {
	*logrus.Logger
	mu  sync.Mutex // guards got
	got []string
}

func newRecorder() *recorder {
	r := &recorder{Logger: logrus.New()}
	r.SetOutput(discard{})
	r.AddHook(r)
	return r
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func (r *recorder) Levels() []logrus.Level { return logrus.AllLevels }

func (r *recorder) Fire(e *logrus.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, fmt.Sprintf("%s: %s", e.Level, e.Message))
	return nil
}

func (r *recorder) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

func TestTooManyOpenFiles(t *testing.T) {
	noLeak(t)
	log := newRecorder()
	server := startServer(t, serverOptions{log: log})
	const (
		failed = "error: a connection can't be accepted; it waits, and is tried again until it can"
		again  = "info: connections are accepted again"
	)
	var want []string
	for range 2 {
		// The client has its descriptor before they run out.
		client, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		free := exhaustFiles(t)
		if err := unix.Connect(client, &unix.SockaddrUnix{Name: server.socket}); err != nil {
			t.Fatal(err)
		}
		want = append(want, failed)
		eventually(t, func() string { return cmp.Diff(want, log.lines()) })
		free()
		want = append(want, again)
		greeting := make([]byte, 5)
		if _, err := unix.Read(client, greeting); err != nil || string(greeting) != "INFO " {
			t.Fatalf("greeting is %q, %v", greeting, err)
		}
		if err := unix.Close(client); err != nil {
			t.Fatal(err)
		}
		// All that is open then stays so.
		eventually(t, func() string { return joined(server, 0) })
	}
	eventually(t, func() string { return cmp.Diff(want, log.lines()) })
}

// exhaustFiles takes all file descriptors that the process may have, which it
// makes few; the function that it returns gives them back.
func exhaustFiles(t *testing.T) func() {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lowered := limit
	lowered.Cur = uint64(openFiles(t) + 20)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	var once sync.Once
	free := func() {
		for _, f := range files {
			f.Close()
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { once.Do(free) })
	return func() { once.Do(free) }
}
