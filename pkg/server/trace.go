package server

import (
	"crypto/rand"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// probeWait is how long a trace waits for the listeners' answers.
	probeWait = time.Second
	// tracesAtOnce bounds the traces under way.
	tracesAtOnce = 8
)

// traces matches the answers of probes to the traces that wait for them. Safe
// for concurrent use.
type traces struct {
	slots   chan struct{}
	mu      sync.Mutex                    // guards waiting
	waiting map[string]chan<- probeAnswer // by probe
}

type probeAnswer struct {
	probe string
	at    time.Time
	body  wire.ProbeAnswer
}

func newTraces() *traces {
	return &traces{slots: make(chan struct{}, tracesAtOnce), waiting: map[string]chan<- probeAnswer{}}
}

func (t *traces) expect(probe string, answers chan<- probeAnswer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[probe] = answers
}

func (t *traces) forget(probe string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, probe)
}

// deliver hands an answer on, once; one that nobody waits for is dropped.
func (t *traces) deliver(a probeAnswer) {
	t.mu.Lock()
	answers := t.waiting[a.probe]
	delete(t.waiting, a.probe)
	t.mu.Unlock()
	if answers != nil {
		answers <- a // it has room for one answer of each probe
	}
}

// probed takes a client's answer to a probe; it is answered with nothing.
func (r *request) probed() error {
	var body wire.ProbeAnswer
	if err := r.body(&body); err != nil {
		return err
	}
	r.server.traces.deliver(probeAnswer{r.target, time.Now(), body})
	return nil
}

// trace answers who owns a table and who listens, asking each listener how far
// it is.
func (r *request) trace() error {
	if _, err := r.table(); err != nil {
		return err
	}
	if err := r.mayRead(r.target); err != nil {
		return err
	}
	select {
	case r.server.traces.slots <- struct{}{}:
	default:
		return fmt.Errorf("%w: %d traces are under way; try again", nkv.ErrUnavailable, tracesAtOnce)
	}
	r.server.core.Submit(nkv.Request{Op: nkv.OpSnapshot, Table: r.target, Done: func(result nkv.Result) {
		if result.Err != nil {
			<-r.server.traces.slots
			r.refuse(result.Err)
			return
		}
		r.server.workers.Go(func() {
			defer func() { <-r.server.traces.slots }()
			r.answerJSON(revision(result.View.Head), r.server.traceTable(result, r.readable(nil)))
		})
	}})
	return nil
}

// traceTable tells of a table, and of others only what readable lets through; nil:
// all.
func (s *Server) traceTable(result nkv.Result, readable func(string) bool) wire.TraceAnswer {
	info := tableInfo(result.Info)
	body := wire.TraceAnswer{Table: info, Listeners: []wire.Listener{}}
	if o := result.Info.Owner; o != nil {
		body.Owner = &wire.Owner{Agent: o.Instance.Agent, Connection: s.sessions.connectionOf(o.Instance.ID), Since: o.Since}
	}
	listeners := s.listeners(info.Table)
	s.probe(listeners)
	for _, l := range listeners {
		l.Differs = l.State != nil && l.State.Fingerprint != "" && info.Fingerprint != "" && l.State.Fingerprint != info.Fingerprint
		if l.State != nil && readable != nil {
			hidden := func(table string, _ uint64) bool { return !readable(table) }
			maps.DeleteFunc(l.State.Heads, hidden)
			maps.DeleteFunc(l.State.Handled, hidden)
		}
		body.Listeners = append(body.Listeners, l.Listener)
	}
	return body
}

// listener is a subscription that gets a table's events, and where to probe it.
type listener struct {
	wire.Listener
	instance string // empty: it answers no probes
}

// listeners finds them in what NATS knows, so that none can hide.
func (s *Server) listeners(table string) []*listener {
	connections, err := s.ns.Connz(&natsserver.ConnzOptions{Subscriptions: true, Limit: 1 << 20})
	if err != nil {
		s.log.WithError(err).Warn("the connections can't be listed")
		return nil
	}
	var found []*listener
	for _, c := range connections.Conns {
		session := s.sessions.connected(c.Cid)
		for _, subject := range c.Subs {
			if !hears(subject, table) {
				continue
			}
			l := &listener{Listener: wire.Listener{Agent: c.Name, Connection: c.Cid, Subject: subject, Buffered: int64(c.Pending)}}
			if session != nil {
				l.Agent, l.instance = session.identity.Agent, session.instance
			}
			found = append(found, l)
		}
	}
	return found
}

// hears reports whether a NATS subscription gets events of the encoded table.
func hears(subject, table string) bool {
	rest, ok := strings.CutPrefix(subject, wire.EventPrefix)
	if !ok {
		return false
	}
	pattern, err := wire.ParsePattern(rest)
	return err == nil && pattern.MatchTable(table)
}

// probe asks each connection of the listeners once, and fills in its answer.
func (s *Server) probe(listeners []*listener) {
	probes := map[string]string{} // probe, by instance
	answers := make(chan probeAnswer, len(listeners))
	asked := time.Now()
	for _, l := range listeners {
		if l.instance == "" || probes[l.instance] != "" {
			continue
		}
		probe := rand.Text()
		probes[l.instance] = probe
		s.traces.expect(probe, answers)
		defer s.traces.forget(probe)
		m := &nats.Msg{Subject: wire.ProbeSubject(l.instance), Reply: wire.Subject(wire.VerbProbe, probe)}
		if err := s.nc.PublishMsg(m); err != nil {
			s.log.WithError(err).Warn("a probe could not be sent")
		}
	}
	deadline := time.NewTimer(probeWait)
	defer deadline.Stop()
	for range probes {
		select {
		case a := <-answers:
			fill(listeners, probes, a, a.at.Sub(asked))
		case <-deadline.C:
			return
		case <-s.quit:
			return
		}
	}
}

// fill gives an answer's states to the listeners that they are of. Several of one
// client may have the same subject, a table's and one of its keys'; each gets a
// state of its own.
func fill(listeners []*listener, probes map[string]string, a probeAnswer, rtt time.Duration) {
	states := map[string][]*wire.SubscriptionState{} // by subject
	for i := range a.body.Subscriptions {
		state := &a.body.Subscriptions[i]
		if pattern, err := wire.ParsePattern(state.Pattern); err == nil {
			states[pattern.EventSubject()] = append(states[pattern.EventSubject()], state)
		}
	}
	for _, l := range listeners {
		if l.instance == "" || probes[l.instance] != a.probe {
			continue
		}
		l.RTT = rtt
		if of := states[l.Subject]; len(of) > 0 {
			l.State, states[l.Subject] = of[0], of[1:]
		}
	}
}
