package agenttest

import (
	"context"
	"os"
	"slices"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// Cut breaks the connections of these agents, of all when none is named, and
// returns when each has noticed. They connect again within milliseconds.
//
// Connections over the socket that URL returns are none of a named agent's.
func (s *Server) Cut(agents ...string) {
	s.t.Helper()
	if !s.door.cut(agents...) {
		s.t.Errorf("not every agent noticed within %s that its connection broke", Patience)
	}
}

// Refuse breaks the connections of these agents, of all when none is named, and
// lets none of them in until Allow, also those that start meanwhile. It returns
// when each has noticed, and the server too.
func (s *Server) Refuse(agents ...string) {
	s.t.Helper()
	s.door.refuse(agents)
	s.Cut(agents...)
	if s.door.running() != nil && !s.door.foreign() {
		s.gone(names(agents))
	}
}

// gone waits until the server knows that the owners of tables among these agents
// are not connected. Without that, a new instance would be told that the former
// one is.
func (s *Server) gone(agents map[string]bool) {
	s.t.Helper()
	s.ask(func(ctx context.Context, c *client.Client) {
		s.t.Helper()
		for pause := lookFirst; ; pause = min(2*pause, lookMost) {
			tables, err := c.Tables(ctx, "")
			if err == nil && !slices.ContainsFunc(tables, func(table wire.TableInfo) bool {
				name, err := wire.ParseTable(table.Table)
				return table.Connected && (err != nil || agents[anyAgent] || agents[name.Agent])
			}) {
				return
			}
			if !rest(ctx, pause) {
				s.t.Fatalf("the server still takes an owner as connected: %+v, %v", tables, err)
			}
		}
	})
}

// Allow ends what Refuse began, for these agents, or altogether when none is
// named. They are back within a second or two.
func (s *Server) Allow(agents ...string) { s.door.allow(agents) }

// Hold stalls the connections of these agents, of all when none is named: nothing
// passes either way until Release, and nothing is lost, up to 256 KiB in each
// direction. Both sides give a connection up from which they got nothing for 10 to
// 15 s, or, beyond the 256 KiB, over which they could not write for 2 s. A new one
// can't be made meanwhile.
func (s *Server) Hold(agents ...string) { s.door.hold(agents) }

// Release ends what Hold began, for these agents, or altogether when none is
// named.
func (s *Server) Release(agents ...string) { s.door.free(agents) }

// Restart stops the server in good order and starts it again. Meanwhile is called
// while it is away.
func (s *Server) Restart(meanwhile ...func()) {
	s.t.Helper()
	s.halt(false)
	s.resume(meanwhile)
}

// Kill does to the server what `kill -9` does: connections break with answers
// outstanding, and the tables are found as they were left. Meanwhile is called
// before it is started again.
func (s *Server) Kill(meanwhile ...func()) {
	s.t.Helper()
	s.halt(true)
	s.resume(meanwhile)
}

// Reboot takes the server's power: connections break, and only durable tables are
// found again. Meanwhile is called before it is started again.
//
// A reboot ends the agents of a device too. Stop those that are tested before: a
// publication that lives on puts back what it wants.
func (s *Server) Reboot(meanwhile ...func()) {
	s.t.Helper()
	s.halt(true)
	if err := os.RemoveAll(s.opts.VolatileDir); err != nil {
		s.t.Fatal(err)
	}
	s.resume(meanwhile)
}

func (s *Server) resume(meanwhile []func()) {
	s.t.Helper()
	for _, do := range meanwhile {
		do()
	}
	s.boot()
}
