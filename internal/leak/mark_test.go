package leak

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMarkTellsOwnGoroutinesFromOthers(t *testing.T) {
	p := place{in: make(chan struct{}), end: make(chan struct{})}
	var running sync.WaitGroup
	defer running.Wait()
	defer close(p.end)
	running.Go(p.stayOfAnother)
	<-p.in

	left := Mark()
	if got := left(time.Second); got != "" {
		t.Errorf("before anything was started, these are left:\n%s", got)
	}

	left = Mark()
	running.Go(p.stayBehind)
	running.Go(func() { running.Go(p.stayFurtherBehind) })
	t.Run("part", func(*testing.T) { running.Go(p.stayInPart) })
	for range 3 {
		<-p.in
	}
	got := left(0)
	for _, want := range []string{"stayBehind", "stayFurtherBehind", "stayInPart"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is left and not told of:\n%s", want, got)
		}
	}
	if strings.Contains(got, "stayOfAnother") {
		t.Errorf("another's goroutine is told of:\n%s", got)
	}

	left = Mark()
	passing := make(chan struct{})
	running.Go(func() { <-passing })
	time.AfterFunc(20*time.Millisecond, func() { close(passing) })
	if got := left(wait); got != "" {
		t.Errorf("what ends in time is left:\n%s", got)
	}
}

// place is where goroutines stay.
type place struct{ in, end chan struct{} }

func (p place) stay()              { p.in <- struct{}{}; <-p.end }
func (p place) stayOfAnother()     { p.stay() }
func (p place) stayBehind()        { p.stay() }
func (p place) stayFurtherBehind() { p.stay() }
func (p place) stayInPart()        { p.stay() }
