package diag

import (
	"math"
	"time"
)

// speedWindow is the time over which a speed is measured: long enough that it
// does not dance, short enough that it follows. speedPoints bounds what is
// kept of it; a download tells at most ten times a second.
const (
	speedWindow = 5 * time.Second
	speedPoints = 64
)

// Speed measures how fast a download is, from what its successive statuses
// say. Its zero value is ready to use; it belongs to one goroutine.
type Speed struct {
	points []point // by time
}

type point struct {
	at    time.Time
	bytes int64
}

// Add notes how many bytes there were at a time. Fewer than before, or an
// earlier time, begin the measurement anew.
func (s *Speed) Add(at time.Time, bytes int64) {
	if n := len(s.points); n > 0 && (bytes < s.points[n-1].bytes || at.Before(s.points[n-1].at)) {
		s.points = nil
	}
	s.points = append(s.points, point{at, bytes})
	for len(s.points) > speedPoints || len(s.points) > 1 && at.Sub(s.points[0].at) > speedWindow {
		s.points = s.points[1:]
	}
}

// PerSecond returns the bytes per second up to now; 0: it stands still, or is
// not known yet.
func (s *Speed) PerSecond(now time.Time) int64 {
	if s == nil {
		return 0
	}
	recent := s.points
	for len(recent) > 0 && now.Sub(recent[0].at) > speedWindow {
		recent = recent[1:]
	}
	if len(recent) < 2 {
		return 0
	}
	took := now.Sub(recent[0].at).Seconds()
	if took <= 0 {
		return 0
	}
	perSecond := (float64(recent[len(recent)-1].bytes) - float64(recent[0].bytes)) / took
	return int64(math.Min(perSecond, math.MaxInt64/2))
}
