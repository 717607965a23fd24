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
	ctx := context.Background()
	srv, err := server.Start(ctx, server.Options{}) // or nkv-server, in a process of its own
	check(err)
	defer srv.Shutdown()

	panel, err := agent.Connect(ctx, "panel", agent.InProcess(srv)) // without options: $NKV_URL, else the default socket
	check(err)
	defer panel.Close()
	_, err = agent.Subscribe(ctx, panel, Lamps, agent.Handlers[LampState]{
		Create: func(_ context.Context, key string, s LampState) error { return show("new", key, s) },
		Modify: func(_ context.Context, key string, s, _ LampState) error { return show("changed", key, s) },
		Delete: func(_ context.Context, key string, old LampState) error { return show("gone", key, old) },
	})
	check(err)
	go panel.Run(ctx) // the event loop

	lamp, err := agent.Connect(ctx, "lamp", agent.InProcess(srv))
	check(err)
	defer lamp.Close()
	states, err := agent.Publish(ctx, lamp, Lamps)
	check(err)
	check(states.Publish(ctx, "hall, 1st floor", LampState{On: true, Level: 40}))
	<-shown
	check(states.Publish(ctx, "hall, 1st floor", LampState{On: true, Level: 75}))
	<-shown
	check(states.Unpublish(ctx, "hall, 1st floor"))
	<-shown
	// Output:
	// new: hall, 1st floor at 40 %
	// changed: hall, 1st floor at 75 %
	// gone: hall, 1st floor at 75 %
}

var shown = make(chan struct{})

// show is what the handlers of the example do.
func show(what, key string, s LampState) error {
	fmt.Printf("%s: %s at %d %%\n", what, key, s.Level)
	shown <- struct{}{}
	return nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
