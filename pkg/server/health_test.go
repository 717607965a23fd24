package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestHealthShowsARefusingStore fills the disk of a server of its own.
func TestHealthShowsARefusingStore(t *testing.T) {
	dir := t.TempDir()
	opts := testutil.ServerOptions{Socket: filepath.Join(dir, "s.sock"), VolatileDir: filepath.Join(dir, "volatile")}
	process := testutil.StartProcess(t, opts)
	c := connect(t, "unix://"+opts.Socket)
	put := func(i int) error {
		_, err := c.Put(within(t), wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k"}, fmt.Append(nil, i, strings.Repeat("v", 8192)))
		return err
	}
	if err := put(0); err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, nil, &old); err != nil {
		t.Fatal(err)
	}
	full := old
	full.Cur = 4096
	if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, &full, nil); err != nil {
		t.Fatal(err)
	}
	if err := put(1); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("a put on a full disk: %v", err)
	}
	health, err := c.Health(within(t))
	if err != nil || health.Status != "degraded" || health.Durable != "ok" || health.Volatile == "ok" || health.Volatile == "" {
		t.Errorf("on a full disk: %+v, %v", health, err)
	}
	if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, &old, nil); err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the store takes changes again", func() bool { return put(2) == nil })
	if health, err = c.Health(within(t)); err != nil || health.Status != "ok" || health.Volatile != "ok" {
		t.Errorf("with room again: %+v, %v", health, err)
	}
}

// TestHealthCountsSlowConsumers connects somebody who listens and does not read.
func TestHealthCountsSlowConsumers(t *testing.T) {
	t.Parallel() // it mostly waits
	opts := lives(t)
	opts.MaxValue = 2 << 20
	s := start(t, opts)
	p := meet(t, s, "a")
	slow, err := net.Dial("unix", opts.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if err := slow.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(slow)
	if _, err := fmt.Fprintf(slow, "CONNECT {\"verbose\":false,\"headers\":true,\"name\":\"slow\"}\r\nSUB nkv.v1.event.> 1\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	for line := ""; line != "PONG\r\n"; {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	var health wire.HealthAnswer
	for i := range 12 {
		p.done("nkv.v1.put.a.T.k", nil, fmt.Sprint(i, strings.Repeat("v", opts.MaxValue-10)))
	}
	testutil.Await(t, patience, "the slow one is counted", func() bool {
		decode(t, p.done("nkv.v1.health", nil, ""), &health)
		return health.Slow == 1
	})
	if health.Status != "ok" || health.Connections != 1 {
		t.Errorf("health: %+v", health)
	}
}
