package linear

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

// faulty makes a line to the server whose events are sometimes lost, doubled or
// late, as long as trouble is set.
func faulty(d *day, socket string, trouble *atomic.Bool) *line {
	l := &line{Proxy: testutil.NewProxy(d.t, socket)}
	seed := d.random.Uint64()
	var n atomic.Uint64
	l.Filter(func(subject string) testutil.Fate {
		if !trouble.Load() || !strings.HasPrefix(subject, "nkv.v1.event.") {
			return testutil.Deliver
		}
		fate := testutil.Deliver
		switch rand.New(rand.NewPCG(seed, n.Add(1))).IntN(200) {
		case 0:
			fate = testutil.Lose
		case 1, 2:
			fate = testutil.Repeat
		case 3, 4:
			fate = testutil.Late
		}
		if fate != testutil.Deliver {
			d.count("events lost, doubled or late")
		}
		return fate
	})
	return l
}

// disturb does something to a line, unless something is being done to it already,
// and undoes it.
func (d *day) disturb(ctx context.Context, l *line, random *rand.Rand) {
	if !l.fault.TryLock() {
		return
	}
	n := random.IntN(100)
	length := time.Duration(20+random.IntN(300)) * time.Millisecond
	if random.IntN(3) == 0 {
		length *= 3 // longer than a call waits
	}
	d.work.Go(func() {
		defer l.fault.Unlock()
		way := testutil.Direction(n % 2)
		switch {
		case n < 30:
			d.count("cuts")
			l.Cut()
		case n < 60:
			d.count("pauses")
			l.Set(way, testutil.Hold)
			pause(ctx, length)
		case n < 75:
			d.count("delays")
			l.Set(way, testutil.Delay)
			pause(ctx, length)
		case n < 85: // what was sent arrives after its sender has gone
			d.count("late arrivals")
			l.Set(testutil.ToServer, testutil.Hold)
			pause(ctx, 20*time.Millisecond)
			l.CutClients()
			pause(ctx, length)
		case n < 95:
			d.count("refused connections")
			l.Refuse(true)
			l.Cut()
			pause(ctx, length)
			l.Refuse(false)
		default:
			d.count("half-closed connections")
			l.HalfClose()
		}
		l.Set(testutil.ToServer, testutil.Flow)
		l.Set(testutil.ToClient, testutil.Flow)
	})
}

func (d *day) count(fault string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults[fault]++
}
