package server

import (
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// What the tests look into and can't see from outside.

// Defaults returns what options become when a server starts with them.
func (o Options) Defaults() (Options, error) { return o.withDefaults() }

// NATS returns the embedded NATS server.
func (s *Server) NATS() *natsserver.Server { return s.ns }

// Sessions returns how many connections and how many instances are known.
func (s *Server) Sessions() (connections, instances int) {
	s.sessions.mu.RLock()
	defer s.sessions.mu.RUnlock()
	return len(s.sessions.byConnection), len(s.sessions.byInstance)
}

// Sides returns how many connections are known to be on a side of the first
// protocol's wall.
func (s *Server) Sides() int {
	s.sessions.mu.RLock()
	defer s.sessions.mu.RUnlock()
	return len(s.sessions.sides)
}

// Deafen makes the server miss the ends of connections.
func (s *Server) Deafen() { s.system.Close() }

// SweepSessions looks for connections whose end was not told.
func (s *Server) SweepSessions() { s.sessions.sweep() }

// Forget forgets all connections.
func (s *Server) Forget() {
	s.sessions.mu.RLock()
	var all []uint64
	for connection := range s.sessions.byConnection {
		all = append(all, connection)
	}
	s.sessions.mu.RUnlock()
	for _, connection := range all {
		s.sessions.remove(connection)
	}
}

// SweepSnapshots drops snapshots as if it were now.
func (s *Server) SweepSnapshots(now time.Time) { s.snapshots.sweep(now) }

// Snapshots returns how many are kept.
func (s *Server) Snapshots() int {
	s.snapshots.mu.Lock()
	defer s.snapshots.mu.Unlock()
	return len(s.snapshots.kept)
}

// Probes returns how many traces wait for an answer.
func (s *Server) Probes() int {
	s.traces.mu.Lock()
	defer s.traces.mu.Unlock()
	return len(s.traces.waiting)
}

// Limits of the server that tests reach.
const (
	PageBytes     = pageBytes
	SnapshotIdle  = snapshotIdle
	SnapshotsKept = snapshotsKept
	TracesAtOnce  = tracesAtOnce
)
