package agent_test

import (
	"context"
	"fmt"
	"log"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/server"
)

// LampState says how a lamp is.
type LampState struct {
	On    bool
	Level int // percent
}

// Lamps is declared once, for its owner and its readers.
var Lamps = agent.Table[LampState]{Owner: "lamp"}

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	srv, err := server.Start(ctx, server.Options{}) // or nkv-server, in a process of its own
	check(err)
	defer srv.Shutdown()

	// The reader. Without options an agent looks at $NKV_URL, then for the default socket.
	panel, err := agent.Connect(ctx, "panel", agent.InProcess(srv))
	check(err)
	handled := make(chan struct{})
	_, err = agent.Subscribe(ctx, panel, Lamps, agent.Handlers[LampState]{
		Create: func(_ context.Context, key string, s LampState) error {
			fmt.Printf("%s: new, at %d %%\n", key, s.Level)
			handled <- struct{}{}
			return nil
		},
		Modify: func(_ context.Context, key string, s, old LampState) error {
			fmt.Printf("%s: from %d to %d %%\n", key, old.Level, s.Level)
			handled <- struct{}{}
			return nil
		},
		Delete: func(_ context.Context, key string, old LampState) error {
			fmt.Printf("%s: gone, was at %d %%\n", key, old.Level)
			handled <- struct{}{}
			return nil
		},
	})
	check(err)
	ended := make(chan error)
	go func() { ended <- panel.Run(ctx) }() // the event loop

	// The owner.
	lamp, err := agent.Connect(ctx, "lamp", agent.InProcess(srv))
	check(err)
	defer lamp.Close()
	states, err := agent.Publish(ctx, lamp, Lamps)
	check(err)
	check(states.Publish(ctx, "hall, 1st floor", LampState{On: true, Level: 40}))
	<-handled
	check(states.Publish(ctx, "hall, 1st floor", LampState{On: true, Level: 75}))
	<-handled
	check(states.Unpublish(ctx, "hall, 1st floor"))
	<-handled
	stop()
	check(<-ended)
	// Output:
	// hall, 1st floor: new, at 40 %
	// hall, 1st floor: from 40 to 75 %
	// hall, 1st floor: gone, was at 75 %
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
