package server_test

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

// TestG8AttackSlowConnections opens connections by the thousand and never finishes
// the introduction: each is cut, and others come in meanwhile.
func TestG8AttackSlowConnections(t *testing.T) {
	const many = 1000
	g := guard(t)
	b := watchOver(t, g)
	before := runtime.NumGoroutine()
	begun := time.Now()
	var wait sync.WaitGroup
	var cut atomic.Int64
	for i := range many {
		conn, err := net.Dial("unix", g.opts.Socket)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		wait.Go(func() {
			defer conn.Close()
			for n := 0; time.Since(begun) < 6*patience; n++ {
				drop := "CONNECT {\"user\":\"zedagent\",\"pass\":\"" // and on and on
				if n > 0 || i%3 == 0 {
					drop = "x"
				}
				if i%3 == 1 {
					drop = ""
				}
				conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) //nolint:errcheck // a socket takes deadlines
				if _, err := conn.Write([]byte(drop)); err != nil {
					cut.Add(1)
					return
				}
				if _, err := conn.Read(make([]byte, 4096)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					cut.Add(1)
					return
				}
			}
		})
	}
	for range 10 {
		c := connect(t, g.ClientURL(), client.Name("peer"))
		if _, err := c.Version(within(t)); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	wait.Wait()
	took := time.Since(begun)
	if n := cut.Load(); n != many { // within 2 s each, on a machine that has time for it
		t.Errorf("%d of %d were cut, within %s", n, many, took)
	}
	testutil.Await(t, patience, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+5 })
	puts := b.times()
	t.Logf("1 round, %d connections that never finish, all cut within %s; meanwhile %d puts, p99 %s", many, took.Round(time.Millisecond), len(puts), p99(puts))
}

// wrongLogins are introductions that nobody may be let in with.
func wrongLogins(t testing.TB, g *guarded) []func(i int) string {
	key, hash := public(t, g), hashed()
	return []func(i int) string{
		func(int) string { return `"user":"zedagent","pass":"wrong"` },
		func(i int) string { return fmt.Sprintf(`"user":"root","pass":"wrong %d"`, i) },
		func(i int) string { return fmt.Sprintf(`"user":"user%d","pass":"wrong"`, i) },
		func(int) string { return `"nkey":"` + key + `","sig":"AAAA"` },
		func(int) string { return `"lang":"none"` },
		func(int) string { return fmt.Sprintf(`"user":"viewer","pass":%q`, hash) },
		func(int) string { return `"user":"viewer","pass":"` + strings.Repeat("p", 2000) + `"` },
	}
}

// storm opens so many connections, 1,000 each second, with an introduction each, of
// the given kinds in turn, that must be refused. With no kinds they say nothing.
func storm(t testing.TB, g *guarded, many int, kinds []func(i int) string) {
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	var wait sync.WaitGroup
	defer wait.Wait()
	slots := make(chan struct{}, 100)
	for i := range many {
		<-pace.C
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			conn, err := net.Dial("tcp", g.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(2 * patience)) //nolint:errcheck // a socket takes deadlines
			r := &raw{Conn: conn, in: bufio.NewReader(conn)}
			if len(kinds) == 0 {
				r.say("", "INFO")
				return
			}
			text := fmt.Sprintf("CONNECT {%s,\"name\":\"zedagent\",\"auth_token\":%q}\r\nPING\r\n", kinds[i%len(kinds)](i), rand.Text())
			if heard := r.say(text, "PONG"); !strings.Contains(heard, "Authorization Violation") {
				t.Errorf("kind %d: %q", i%len(kinds), heard)
			}
		})
	}
}

// TestG8AttackLogins tries thousands of wrong logins, 10,000 with NKV_LONG: those
// who work notice no more of them than of as many connections that say nothing, and
// who has the right password comes in. Quiet, connections and logins take turns, so
// that what else goes on here counts for all.
func TestG8AttackLogins(t *testing.T) {
	const rounds = 4
	many := badLogins
	if testutil.Long() {
		many = 10_000
	}
	g := guard(t)
	g.as("zedagent", "zedagent").Close() // its password is known to be right
	b := watchOver(t, g)
	kinds := wrongLogins(t, g)
	var quiet, open, wrong []time.Duration
	begun := time.Now()
	for range rounds {
		b.times()
		testutil.Await(t, 6*patience, "a quiet while is over", func() bool { return b.count() >= 500 })
		quiet = append(quiet, b.times()...)
		storm(t, g, many/rounds, nil)
		open = append(open, b.times()...)
		storm(t, g, many/rounds, kinds)
		wrong = append(wrong, b.times()...)
		g.as("zedagent", "zedagent").Close() // it was here before
		g.as("nim", "nim").Close()
	}
	took := time.Since(begun)
	t.Logf("%d rounds, %d wrong logins, in %s: a put's p99 is %s, with as many connections %s, with wrong logins %s, of %d, %d and %d",
		rounds, many, took.Round(time.Millisecond), p99(quiet), p99(open), p99(wrong), len(quiet), len(open), len(wrong))
	if limit := max(2*p99(quiet), 2*p99(open), 5*time.Millisecond); p99(wrong) > limit && !raceBuild {
		t.Errorf("a put's p99 went from %s, and %s with connections, to %s", p99(quiet), p99(open), p99(wrong))
	}
	if n := len(g.log.audits(t)); n > 60+int(took.Seconds())*2 {
		t.Errorf("%d lines in the log", n)
	}
}
