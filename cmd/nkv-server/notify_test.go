package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
)

// supervisor is systemd's end of the notify socket.
type supervisor struct {
	t    *testing.T
	conn *net.UnixConn
}

func newSupervisor(t *testing.T, name string) *supervisor {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &supervisor{t, conn}
}

// hear returns the next datagram; empty: none within the time.
func (s *supervisor) hear(within time.Duration) string {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		s.t.Fatal(err)
	}
	var datagram [256]byte
	n, err := s.conn.Read(datagram[:])
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Fatal(err)
	}
	return string(datagram[:n])
}

func (s *supervisor) hears(want string) {
	s.t.Helper()
	if got := s.hear(patience); got != want {
		s.t.Errorf("heard %q, want %q", got, want)
	}
}

func TestNotify(t *testing.T) {
	for kind, name := range map[string]string{
		"path":     filepath.Join(newDir(t), "notify"),
		"abstract": fmt.Sprintf("@nkv-test-%d", os.Getpid()),
	} {
		t.Run(kind, func(t *testing.T) {
			systemd, dir := newSupervisor(t, name), newDir(t)
			i := launch(t, dir, map[string]string{"NOTIFY_SOCKET": name}, places(dir)...)
			systemd.hears("READY=1")
			i.connect().Close() // what is ready lets clients in
			i.stop()
			systemd.hears("STOPPING=1")
			if got := systemd.hear(time.Millisecond); got != "" {
				t.Errorf("heard %q as well", got)
			}
		})
	}
}

// A server that nobody listens to says so and does its work.
func TestNotifyNobody(t *testing.T) {
	dir := newDir(t)
	i := launch(t, dir, map[string]string{"NOTIFY_SOCKET": filepath.Join(dir, "none")}, places(dir)...).ready()
	i.says("systemd was not told")
	i.connect().Close()
	i.stop()
}

// systemd does not hear that a server which fails is ready.
func TestNotifyFailure(t *testing.T) {
	dir := newDir(t)
	systemd := newSupervisor(t, filepath.Join(dir, "notify"))
	writeFile(t, filepath.Join(dir, "s"), "no socket")
	i := launch(t, dir, map[string]string{"NOTIFY_SOCKET": filepath.Join(dir, "notify")}, places(dir)...)
	if code := i.wait(); code != exitFailed {
		t.Errorf("exit code %d: %s", code, i.stderr.String())
	}
	if got := systemd.hear(time.Millisecond); got != "" {
		t.Errorf("heard %q", got)
	}
}

// The watchdog is fed while the core answers, and only then: here it hangs at a
// change log that nobody reads.
func TestWatchdog(t *testing.T) {
	const complaint = "systemd is not told that it is alive"
	dir := newDir(t)
	systemd := newSupervisor(t, filepath.Join(dir, "notify"))
	changes := newFIFO(t, filepath.Join(dir, "changes"))
	i := launch(t, dir, map[string]string{
		"NOTIFY_SOCKET": filepath.Join(dir, "notify"),
		"WATCHDOG_USEC": strconv.Itoa(300_000), "WATCHDOG_PID": strconv.Itoa(os.Getpid()),
	}, append(places(dir), "--change-log", filepath.Join(dir, "changes"))...)
	// The two come from different goroutines.
	first := map[string]bool{systemd.hear(patience): true, systemd.hear(patience): true}
	if diff := cmp.Diff(map[string]bool{"READY=1": true, "WATCHDOG=1": true}, first); diff != "" {
		t.Fatalf("heard at first (-want +got):\n%s", diff)
	}
	systemd.hears("WATCHDOG=1")

	c := i.connect()
	var put sync.WaitGroup
	put.Go(func() {
		if _, err := c.Put(t.Context(), keyPath("T", "k"), []byte("1")); err != nil {
			t.Error(err)
		}
	})
	i.says(complaint)
	for systemd.hear(time.Millisecond) != "" { // told before the core hung
	}
	complaints := strings.Count(i.stderr.String(), complaint)
	testutil.Await(t, patience, "more complaints", func() bool {
		return strings.Count(i.stderr.String(), complaint) >= complaints+2
	})
	if got := systemd.hear(time.Millisecond); got != "" {
		t.Errorf("heard %q of a server that hangs", got)
	}
	changes.empty()
	put.Wait()
	systemd.hears("WATCHDOG=1")

	i.signal(syscall.SIGTERM)
	for got := ""; got != "STOPPING=1"; {
		if got = systemd.hear(patience); got == "" {
			t.Fatal("never heard STOPPING=1")
		}
	}
	if code := i.wait(); code != exitDone {
		t.Errorf("exit code %d: %s", code, i.stderr.String())
	}
}

func TestWatchdogInterval(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0}, {"2000000", "", 2 * time.Second}, {"2000000", own, 2 * time.Second}, {"2000000", "1", 0},
		{"1", "", time.Microsecond}, {"0", "", 0}, {"-1", "", 0}, {"x", "", 0}, {"18446744073709551615", "", 0},
	} {
		vars := map[string]string{"WATCHDOG_USEC": test.usec, "WATCHDOG_PID": test.pid}
		if got := watchdogInterval(func(name string) string { return vars[name] }); got != test.want {
			t.Errorf("%q for %q: got %s, want %s", test.usec, test.pid, got, test.want)
		}
	}
}
