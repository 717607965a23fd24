package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// What the server has received when SIGTERM comes is answered: every change that
// it accepted, and none is told to have happened that did not.
func TestDrain(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := newDir(t)
			i := spawn(t, dir, append(places(dir), "--change-log", filepath.Join(dir, "changes"))...).ready()
			w := newWriters(i, 16)
			testutil.Await(t, patience, "changes are made", func() bool { return w.count() > 300 })
			i.signal(sig)
			if code := i.wait(); code != exitDone {
				t.Errorf("exit code %d: %s", code, i.stderr.String())
			}
			i.says("nkv-server has stopped")
			accepted := readChanges(t, i.file("changes"))
			testutil.Holds(patience, func() bool { return w.count() >= len(accepted) })
			w.stop()
			for key := range accepted {
				if !w.done[key] {
					t.Errorf("%s was accepted and not answered", key)
				}
			}
			for key := range w.done {
				if !accepted[key] {
					t.Errorf("%s was answered and not accepted", key)
				}
			}
		})
	}
}

// writers put new keys, each one after the other, until they are stopped. They
// speak NATS themselves: pkg/client may call a change unconfirmed whose answer
// comes together with the connection's end.
type writers struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
	mu     sync.Mutex // guards done
	done   map[string]bool
}

// unixDialer reaches a Unix socket, whatever the address.
type unixDialer string

func (d unixDialer) Dial(_, _ string) (net.Conn, error) { return net.Dial("unix", string(d)) }

func newWriters(i *instance, n int) *writers {
	i.t.Helper()
	ctx, cancel := context.WithCancel(i.t.Context())
	w := &writers{cancel: cancel, done: map[string]bool{}}
	secret := rand.Text()
	nc, err := nats.Connect("nats://localhost", nats.SetCustomDialer(unixDialer(i.file("s"))), nats.MaxReconnects(-1),
		nats.Name("tester"), nats.Token(secret), nats.CustomInboxPrefix(wire.InboxPrefix(secret)))
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { w.stop(); nc.Close() })
	for writer := range n {
		w.work.Go(func() {
			for turn := 0; ; turn++ {
				key := fmt.Sprintf("%d-%d", writer, turn)
				m := &nats.Msg{
					Subject: wire.Subject(wire.VerbPut, keyPath("T", key).String()),
					Header:  nats.Header{wire.HeaderDurable: {"true"}}, Data: []byte("1"),
				}
				answer, err := nc.RequestMsgWithContext(ctx, m)
				if err != nil {
					return // stopped, the server being gone
				}
				if status := answer.Header.Get(wire.HeaderStatus); status != "200" {
					i.t.Errorf("put %s: status %s", key, status)
					return
				}
				w.mu.Lock()
				w.done[key] = true
				w.mu.Unlock()
			}
		})
	}
	return w
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.done)
}

func (w *writers) stop() {
	w.cancel()
	w.work.Wait()
}

func readChanges(t *testing.T, name string) map[string]bool {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	keys := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var record server.ChangeRecord
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		keys[record.Key] = true
	}
	return keys
}

// A change log that nobody reads keeps the server from stopping in peace.
func TestSecondSignal(t *testing.T) {
	dir := newDir(t)
	newFIFO(t, filepath.Join(dir, "changes"))
	i := spawn(t, dir, append(places(dir), "--change-log", filepath.Join(dir, "changes"))...).ready()
	c := i.connect()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var put sync.WaitGroup
	put.Go(func() { c.Put(ctx, keyPath("T", "k"), []byte("1")) }) //nolint:errcheck // it has no answer
	testutil.Await(t, patience, "the core hangs", func() bool {
		asking, done := context.WithTimeout(ctx, 20*time.Millisecond)
		defer done()
		_, err := c.Health(asking)
		return err != nil
	})
	i.signal(syscall.SIGTERM)
	i.says("answers what it has received")
	select {
	case <-i.ended:
		t.Fatalf("it did not wait: %s", i.stderr.String())
	case <-time.After(100 * time.Millisecond):
	}
	begun := time.Now()
	i.signal(syscall.SIGTERM)
	if code := i.wait(); code != exitFailed || time.Since(begun) > time.Second {
		t.Errorf("exit code %d after %s", code, time.Since(begun))
	}
	i.says("second signal")
	cancel()
	put.Wait()
}

// A NATS configuration that does not come keeps the server from starting.
func TestSignalDuringStart(t *testing.T) {
	for name, test := range map[string]struct {
		then func(i *instance)
		code int
		says string
	}{
		"a second one ends it": {func(i *instance) { i.signal(syscall.SIGTERM) }, exitFailed, "second signal"},
		"one ends it when it has started": {func(i *instance) {
			writeFile(t, i.file("nats"), "# nothing\n")
		}, exitDone, "nkv-server has stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			makeFIFO(t, filepath.Join(dir, "nats"))
			i := spawn(t, dir, append(places(dir), "--nats-config", filepath.Join(dir, "nats"))...)
			testutil.Await(t, patience, "it starts", func() bool {
				_, err := os.Stat(i.file("volatile"))
				return err == nil
			})
			i.signal(syscall.SIGTERM)
			i.says("is starting")
			test.then(i)
			if code := i.wait(); code != test.code {
				t.Errorf("exit code %d: %s", code, i.stderr.String())
			}
			i.says(test.says)
		})
	}
}

// A reader of the log that went away ends no server.
func TestLogNobodyReads(t *testing.T) {
	dir := newDir(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	i := spawnWith(t, dir, writer, places(dir)...)
	if _, err := bufio.NewReader(reader).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	i.stop() // what it says then fails
}

// A file at its limit fails a change, and ends no server.
func TestFileLimit(t *testing.T) {
	dir := newDir(t)
	i := spawn(t, dir, places(dir)...).ready()
	c := i.connect()
	if err := unix.Prlimit(i.pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), keyPath("T", "k"), []byte("1"), client.Durable()); err == nil {
		t.Error("it took a change that it can't write")
	}
	if _, err := c.Health(t.Context()); err != nil {
		t.Error(err)
	}
}
