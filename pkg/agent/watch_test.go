package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/evenkv/nkv/pkg/client"
)

// noServer is a way to no server, which needs no network.
type noServer struct{}

func (noServer) Dial(string, string) (net.Conn, error) { return nil, fmt.Errorf("no server here") }

// alone makes an agent without a server, in a bubble of time of its own.
func alone(t *testing.T, given ...Option) *Agent {
	t.Helper()
	a, err := Connect(t.Context(), "alone", append([]Option{URL("nats://nobody:1"), Client(client.Dialer(noServer{}))}, given...)...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWatchdogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alive")
	synctest.Test(t, func(t *testing.T) {
		a := alone(t, Watchdog(file))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		age := func() time.Duration {
			t.Helper()
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			return time.Since(info.ModTime())
		}
		for range 20 {
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if got := age(); got > touchEvery {
				t.Errorf("the loop is idle and the file was touched %s ago", got)
			}
		}
		release := make(chan struct{})
		if err := a.Do("stuck", func(context.Context) { <-release }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := age(); got < time.Minute-touchEvery {
			t.Errorf("the loop is stuck for a minute and the file was touched %s ago", got)
		}
		close(release)
		time.Sleep(touchEvery)
		synctest.Wait()
		if got := age(); got > touchEvery {
			t.Errorf("the loop goes on and the file was touched %s ago", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestSlowHandlersAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, hook := logtest.NewNullLogger()
		a := alone(t, Logger(log), SlowHandler(time.Second, 10*time.Second))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		of := func(level logrus.Level, name string) int {
			n := 0
			for _, e := range hook.AllEntries() {
				if e.Level == level && e.Data["handler"] == name {
					n++
				}
			}
			return n
		}
		for _, tc := range []struct {
			name             string
			takes            time.Duration
			warnings, errors int
		}{
			{"quick", 900 * time.Millisecond, 0, 0},
			{"slow", 2 * time.Second, 2, 0}, // when it is late, and when it returned
			{"quick again", time.Millisecond, 0, 0},
			{"stuck", 11 * time.Second, 2, 1},
			{"quick at last", time.Millisecond, 0, 0},
		} {
			done := make(chan struct{})
			if err := a.Do(tc.name, func(context.Context) {
				time.Sleep(tc.takes)
				close(done)
			}); err != nil {
				t.Fatal(err)
			}
			<-done
			synctest.Wait()
			if w, e := of(logrus.WarnLevel, tc.name), of(logrus.ErrorLevel, tc.name); w != tc.warnings || e != tc.errors {
				t.Errorf("%s: %d warnings, %d errors, want %d, %d", tc.name, w, e, tc.warnings, tc.errors)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTimersAndChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := alone(t)
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		var told []string // by the loop only
		tell := func(what string) {
			told = append(told, fmt.Sprint(time.Since(start).Round(time.Millisecond), " ", what))
		}
		stopTicks, err := a.Every("tick", time.Second, func(context.Context) { tell("tick") })
		if err != nil {
			t.Fatal(err)
		}
		a.After("once", 1500*time.Millisecond, func(context.Context) { tell("once") })
		stopped := a.After("never", time.Second, func(context.Context) { tell("never") })
		stopped()
		values := make(chan int, 10)
		if err := On(a, "value", values, func(_ context.Context, v int) { tell(fmt.Sprint("value ", v)) }); err != nil {
			t.Fatal(err)
		}
		values <- 1
		values <- 2
		close(values)
		// Before Run nothing is called.
		time.Sleep(100 * time.Millisecond)
		if len(told) > 0 {
			t.Errorf("before Run: %q", told)
		}
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		time.Sleep(2100 * time.Millisecond)
		synctest.Wait()
		// A call that waits for the loop when its timer is stopped is not made.
		var late func()
		if err := a.Do("stops both", func(context.Context) {
			late = a.After("late", time.Millisecond, func(context.Context) { tell("late") })
			time.Sleep(1100 * time.Millisecond)
			late()
			stopTicks()
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := []string{"100ms value 1", "100ms value 2", "1s tick", "1.5s once", "2s tick"}
		if fmt.Sprint(want) != fmt.Sprint(told) {
			t.Errorf("got %q, want %q", told, want)
		}
	})
}
