package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// probes is how many changes are timed from publishing to their handler.
const probes = 1000

// summary is what the demo saw.
type summary struct {
	tables, keys, changes, calls, lives int
	kills, reconfigs                    int
	processes                           int // of applications, in all
	volumes, statuses                   int // that were looked at, in all
	load                                int // changes acknowledged while the server was killed
	rogue                               int // tries of the rogue agent, each refused
	rogueTold                           string
	standing                            standing
	loads                               loadCounts
	took                                time.Duration
	resident                            int64
	handled                             []time.Duration // from publish to handler
}

func (s *summary) print(out io.Writer) {
	slices.Sort(s.handled)
	quantile := func(q float64) time.Duration {
		return s.handled[int(q*float64(len(s.handled)-1))].Round(time.Microsecond)
	}
	fmt.Fprintf(out, `
  applications         %d wanted, %d running; %d processes, never two of one
  downloads            %d complete (%.1f MiB), %d resumed, %d failed
  looked at            %d volumes, each complete at first sight;
                       %d statuses, none wrong
  killed with -9       %d times, the server twice; around its death
                       %d changes of a load acknowledged, none lost
  rogue agent          refused %d of %d times; when it read a secret table:
%s
  tables               %d, with %d keys
  changes              %d, of %d configurations
  handler calls        %d, of %d lives of %d agents: each replayed
                       against the server's record; nothing lost or invented
  publish to handler   p50 %s, p99 %s (%d changes)
  server resident      %.1f MiB
  took                 %.1f s
`, s.standing.wanted, s.standing.running, s.processes,
		s.loads.complete, float64(s.loads.bytes)/(1<<20), s.loads.resumed, s.loads.failed,
		s.volumes, s.statuses,
		s.kills, s.load, s.rogue, s.rogue, told(s.rogueTold), s.tables, s.keys, s.changes, s.reconfigs+1, s.calls, s.lives, len(agentPrograms),
		quantile(0.5), quantile(0.99), len(s.handled), float64(s.resident)/(1<<20), s.took.Seconds())
}

// told indents what the server said, in lines that fit.
func told(text string) string {
	const indent = "                       "
	return wrapped(indent+text, indent)
}

// Probe is the value whose way is timed.
type Probe struct {
	Number int
	Sent   int64 // Unix time in nanoseconds
}

// measure times changes from their publishing to their handler, through the real
// server, between two agents.
func (s *summary) measure(ctx context.Context, d *device) error {
	table := agent.Table[Probe]{Owner: "demo-writer"}
	writer, err := agent.Connect(ctx, table.Owner, agent.URL(d.url))
	if err != nil {
		return err
	}
	defer writer.Close()
	reader, err := agent.Connect(ctx, "demo-reader", agent.URL(d.url))
	if err != nil {
		return err
	}
	arrived := make(chan time.Duration, 1)
	arrive := func(p Probe) {
		arrived <- time.Duration(time.Now().UnixNano() - p.Sent)
	}
	_, err = agent.Subscribe(ctx, reader, table, agent.Handlers[Probe]{
		Create: func(_ context.Context, _ string, p Probe) error { arrive(p); return nil },
		Modify: func(_ context.Context, _ string, p, _ Probe) error { arrive(p); return nil },
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- reader.Run(running) }()
	defer func() {
		stop()
		<-ended
	}()
	pub, err := agent.Publish(ctx, writer, table)
	if err != nil {
		return err
	}
	for i := range probes {
		if err := pub.Publish(ctx, "probe", Probe{i, time.Now().UnixNano()}); err != nil {
			return err
		}
		select {
		case took := <-arrived:
			s.handled = append(s.handled, took)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return pub.Unpublish(ctx, "probe")
}
