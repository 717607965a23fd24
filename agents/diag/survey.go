package diag

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// surveyEvery is the time between two surveys of the live picture.
	surveyEvery = 2 * time.Second
	// surveyTime is how long one may take: a client that does not answer makes
	// the trace of each of its tables take a second.
	surveyTime = 10 * time.Second
	// tracesAtOnce is how many tables are traced at once; the server allows
	// eight for everybody together.
	tracesAtOnce = 4
	// maxTraces is how many tables one survey traces.
	maxTraces = 256
	// traceAgain is the pause before a trace that the server had no room for is
	// tried again.
	traceAgain = 50 * time.Millisecond
)

// Survey is what traces of all tables found.
type Survey struct {
	// At is when it ended; zero: there was none yet.
	At time.Time
	// Traces are the tables that were traced, by name.
	Traces []wire.TraceAnswer
	// Left is how many tables were not traced, and Error says why.
	Left  int
	Error string
}

// keep adds the traces of before of tables that this survey has not.
func (s *Survey) keep(before []wire.TraceAnswer) {
	has := map[string]bool{}
	for i := range s.Traces {
		has[s.Traces[i].Table.Table] = true
	}
	for i := range before {
		if !has[before[i].Table.Table] {
			s.Traces = append(s.Traces, before[i])
		}
	}
	s.sort()
}

func (s *Survey) sort() {
	slices.SortFunc(s.Traces, func(a, b wire.TraceAnswer) int { return strings.Compare(a.Table.Table, b.Table.Table) })
}

// surveyor makes surveys in a goroutine of its own, because a trace waits for
// other agents. Its owner calls run in it and waits for its end.
type surveyor struct {
	agent  *agent.Agent
	tables []string      // that are traced even if the server does not list them
	every  time.Duration // 0: only when asked for
	asked  chan struct{} // holds a token when one is asked for
	took   func(Survey)  // called in the agent's event loop
}

func newSurveyor(a *agent.Agent, m *Model, every time.Duration, took func(Survey)) *surveyor {
	s := &surveyor{agent: a, every: every, asked: make(chan struct{}, 1), took: took}
	for _, t := range m.Tables {
		s.tables = append(s.tables, t.Table)
	}
	return s
}

// ask asks for a survey soon. It never blocks.
func (s *surveyor) ask() {
	select {
	case s.asked <- struct{}{}:
	default:
	}
}

// run makes surveys until ctx is done.
func (s *surveyor) run(ctx context.Context) {
	var ticks <-chan time.Time
	if s.every > 0 {
		ticker := time.NewTicker(s.every)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-s.asked:
		case <-ticks:
		case <-ctx.Done():
			return
		}
		found := s.survey(ctx)
		if ctx.Err() != nil || s.agent.Do("survey", func(context.Context) { s.took(found) }) != nil {
			return
		}
	}
}

// survey traces all tables that are known.
func (s *surveyor) survey(ctx context.Context) Survey {
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	var found Survey
	if err := s.agent.Client().Connected(); err != nil {
		found.Left, found.Error = len(s.tables), err.Error()
		return found
	}
	tables := s.known(ctx)
	if n := len(tables); n > maxTraces {
		found.Left, found.Error = n-maxTraces, "there are too many"
		tables = tables[:maxTraces]
	}
	answers, errs := make([]wire.TraceAnswer, len(tables)), make([]error, len(tables))
	next := make(chan int, len(tables))
	for i := range tables {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range tracesAtOnce {
		workers.Go(func() {
			for i := range next {
				answers[i], errs[i] = s.trace(ctx, tables[i])
			}
		})
	}
	workers.Wait()
	for i := range tables {
		if errs[i] != nil {
			found.Left, found.Error = found.Left+1, errs[i].Error()
			continue
		}
		found.Traces = append(found.Traces, answers[i])
	}
	found.sort()
	return found
}

// known returns the tables that diag reads, and then the others that the server
// knows.
func (s *surveyor) known(ctx context.Context) []string {
	tables := slices.Clone(s.tables)
	listed, err := s.agent.Client().Tables(ctx, "")
	if err != nil {
		return tables // it may be forbidden; the traces will tell what else is wrong
	}
	for _, t := range listed {
		if !slices.Contains(s.tables, t.Table) {
			tables = append(tables, t.Table)
		}
	}
	return tables
}

// trace traces one table, again while the server has no room for it.
func (s *surveyor) trace(ctx context.Context, name string) (wire.TraceAnswer, error) {
	table, err := wire.ParseTable(name)
	if err != nil {
		return wire.TraceAnswer{}, err
	}
	for {
		answer, err := s.agent.Client().Trace(ctx, table)
		if err == nil || !errors.Is(err, client.ErrUnavailable) {
			return answer, err
		}
		select {
		case <-time.After(traceAgain):
		case <-ctx.Done():
			return answer, err
		}
	}
}
