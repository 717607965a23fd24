package soak

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

var (
	victimTable = wire.Table{Agent: "victim", Topic: "Sample"}
	// leftTable has more than a page and does not change: what is kept for those who
	// never ask for the next page is not what is measured.
	leftTable = wire.Table{Agent: "left", Topic: "Sample"}
)

// victims are clients that faults happen to.
type victims struct {
	t        testing.TB
	p        *place
	s        *steady
	random   *rand.Rand // of who breaks lines
	lines    []*testutil.Proxy
	owner    *client.Publication
	reader   *client.Subscription
	follower *player
	faults   int
	base     figures // when nothing happens; without the memory
	number   int
	view     map[string]string // the reader's
}

func newVictims(t testing.TB, p *place, s *steady, random *rand.Rand) *victims {
	v := &victims{t: t, p: p, s: s, random: random, view: map[string]string{}}
	line := func() string {
		l := testutil.NewProxy(t, p.options.Socket)
		v.lines = append(v.lines, l)
		return l.URL()
	}
	var err error
	owner := connect(t, line(), client.Name(victimTable.Agent), client.Timeout(300*time.Millisecond))
	if v.owner, err = owner.Open(testContext(t), victimTable); err != nil {
		t.Fatal(err)
	}
	reader := connect(t, line(), client.Timeout(300*time.Millisecond), client.HeadCheck(500*time.Millisecond))
	if v.reader, err = reader.Subscribe(victimTable.String()); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := put(s.writer, leftTable, fmt.Sprint("k", i), make([]byte, 2000)); err != nil {
			t.Fatal(err)
		}
	}
	v.follower = p.play(t, "follow", steadyTable.Agent+".>", "final")
	v.base = v.counts()
	return v
}

// counts returns what must be the same whenever nothing happens. The goroutines are
// those of this process, where the server may run.
func (v *victims) counts() figures {
	return figures{descriptors: v.p.descriptors(), goroutines: runtime.NumGoroutine()}
}

// disturb has things happen for a while, and ends them.
func (v *victims) disturb(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { // its owner goes on all the time
		atRate(ctx, 200, new(atomic.Int64), func(int, time.Time) {
			v.number++
			v.owner.Put(ctx, fmt.Sprint("k", v.number%20), fmt.Append(nil, v.number)) //nolint:errcheck // it stays wanted
		})
	})
	v.faults += 2 // who does not read, and who is stopped
	for _, happens := range []func(context.Context){v.breakLines, v.visit, v.leaveSnapshots, v.doNotRead} {
		running.Go(func() { happens(ctx) })
	}
	v.follower.signal(syscall.SIGSTOP)
	<-ctx.Done()
	v.follower.signal(syscall.SIGCONT)
	running.Wait()
	for _, l := range v.lines {
		l.Set(testutil.ToServer, testutil.Flow)
		l.Set(testutil.ToClient, testutil.Flow)
		l.Refuse(false)
	}
}

// recover waits until all is well again; otherwise it says what is not.
func (v *victims) recover(round int) string {
	final(v.t, v.s, 5000+round)
	v.follower.expect(fmt.Sprint("saw ", 5000+round), settled)
	why := ""
	well := func() bool {
		health, err := v.s.writer.Health(testContext(v.t))
		now := v.counts()
		if err != nil || health.Status != "ok" || now.descriptors > v.base.descriptors || now.goroutines > v.base.goroutines {
			why = fmt.Sprintf("health is %q, %v; there are %s, and there were %s", health.Status, err, now, v.base)
			return false
		}
		for {
			c, ok := v.reader.Next()
			if !ok {
				break
			}
			if c.Op == client.Put {
				v.view[c.Key] = string(c.Value)
			}
		}
		wanted := map[string]string{}
		for key, value := range v.owner.All() {
			wanted[key] = string(value)
		}
		why = "the reader's view is not what the owner wants (-wanted +view):\n" + cmp.Diff(wanted, v.view)
		return maps.Equal(wanted, v.view) && v.owner.Fence() != 0
	}
	if testutil.Holds(settled, well) {
		return ""
	}
	return why
}

// breakLines cuts, holds and delays.
func (v *victims) breakLines(ctx context.Context) {
	for ctx.Err() == nil {
		l := v.lines[v.random.IntN(len(v.lines))]
		way := testutil.Direction(v.random.IntN(2))
		v.faults++
		switch v.random.IntN(4) {
		case 0:
			l.Cut()
		case 1:
			l.Set(way, testutil.Hold)
		case 2:
			l.Set(way, testutil.Delay)
		case 3:
			l.Refuse(true)
			l.Cut()
		}
		select {
		case <-time.After(time.Duration(v.random.IntN(100)) * time.Millisecond):
		case <-ctx.Done():
		}
		l.Refuse(false)
		l.Set(way, testutil.Flow)
	}
}

// visit opens connections that are gone without a word, some of them in the middle
// of a message.
func (v *victims) visit(ctx context.Context) {
	atRate(ctx, 50, new(atomic.Int64), func(i int, _ time.Time) {
		guest, err := greet(v.p.options.Socket, "visitor")
		if err != nil {
			v.t.Error(err)
			return
		}
		defer guest.Close()
		last := "SUB " + wire.TableEvents(victimTable.String()) + " 1\r\n"
		if i%2 == 0 {
			last = "PUB nkv.v1.put.raw.Sample.k 100\r\nhalf of"
		}
		if _, err := guest.Write([]byte(last)); err != nil {
			v.t.Error(err)
		}
	})
}

// leaveSnapshots asks for first pages and never for the next.
func (v *victims) leaveSnapshots(ctx context.Context) {
	atRate(ctx, 5, new(atomic.Int64), func(int, time.Time) {
		guest, err := greet(v.p.options.Socket, "visitor")
		if err != nil {
			v.t.Error(err)
			return
		}
		defer guest.Close()
		inbox := wire.InboxPrefix(guest.instance)
		if _, err = fmt.Fprintf(guest, "SUB %s.> 1\r\nPUB %s %s.a 0\r\n\r\n", inbox, wire.Subject(wire.VerbSnapshot, leftTable.String()), inbox); err != nil {
			v.t.Error(err)
			return
		}
		for err == nil {
			var line string
			if line, err = guest.in.ReadString('\n'); strings.HasPrefix(line, "HMSG") {
				return // the page itself is left unread
			}
		}
		v.t.Errorf("no first page: %v", err)
	})
}

// doNotRead has somebody subscribe to everything and read nothing.
func (v *victims) doNotRead(ctx context.Context) {
	guest, err := greet(v.p.options.Socket, "deaf")
	if err != nil {
		v.t.Error(err)
		return
	}
	defer guest.Close()
	if _, err := fmt.Fprintf(guest, "SUB %s 1\r\n", wire.TableEvents("*.*")); err != nil {
		v.t.Error(err)
	}
	<-ctx.Done()
}
