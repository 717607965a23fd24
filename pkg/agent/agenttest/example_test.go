package agenttest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// Setpoint says how warm a room is wanted, Valve how far its valve is open.
type (
	Setpoint struct{ Celsius float64 }
	Valve    struct{ Percent int }
)

// The tables, as the agents of the house share them.
var (
	Setpoints = agent.Table[Setpoint]{Owner: "thermostat"}
	Valves    = agent.Table[Valve]{Owner: "heater", Durable: true}
)

// runHeater is the agent that is tested: it opens the valve of each room in which
// it is to be warm.
func runHeater(ctx context.Context, a *agent.Agent) error {
	valves, err := agent.Publish(ctx, a, Valves)
	if err != nil {
		return err
	}
	set := func(ctx context.Context, room string, s Setpoint) error {
		return valves.Publish(ctx, room, Valve{Percent: int(max(0, s.Celsius-15) * 10)})
	}
	_, err = agent.Subscribe(ctx, a, Setpoints, agent.Handlers[Setpoint]{
		Create: set,
		Modify: func(ctx context.Context, room string, s, _ Setpoint) error { return set(ctx, room, s) },
		Delete: func(ctx context.Context, room string, _ Setpoint) error {
			err := valves.Unpublish(ctx, room)
			if errors.Is(err, agent.ErrNotFound) {
				return nil // an earlier try was not answered in time, and has done it
			}
			return err
		},
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func Example() {
	t := &printing{} // in a test, its *testing.T, which ends by itself
	defer t.end()

	s := agenttest.New(t)
	setpoints := agenttest.Publish(s, Setpoints) // in the thermostat's stead
	valves := agenttest.Watch(s, Valves)
	s.Start("heater", runHeater)

	setpoints.Put("hall", Setpoint{Celsius: 18})
	valves.Await("a valve that follows", func(v map[string]Valve) bool { return v["hall"].Percent == 30 })

	// What changes while the heater has no connection, it catches up with.
	s.Refuse("heater")
	setpoints.Put("hall", Setpoint{Celsius: 21})
	s.Allow("heater")
	valves.Await("a valve that caught up", func(v map[string]Valve) bool { return v["hall"].Percent == 60 })

	// Nobody sees anything of the server's death.
	valves.Calls()
	s.Kill()
	s.Settled()
	fmt.Println(valves.Values(), valves.Calls())
	// Output:
	// map[hall:{60}] []
}
