package heater_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/server"
)

// first is the smallest heater that works: it answers each setpoint with a status.
func first(ctx context.Context, options ...agent.Option) error {
	a, err := agent.Connect(ctx, rooms.Heater, options...) // without options: $NKV_URL, else the default socket
	if err != nil {
		return err
	}
	defer a.Close()
	statuses, err := agent.Publish(ctx, a, rooms.HeaterStatuses)
	if err != nil {
		return err
	}
	answer := func(ctx context.Context, room string, s rooms.Setpoint) error {
		return statuses.Publish(ctx, room, rooms.HeaterStatus{Setpoint: s.Celsius})
	}
	_, err = agent.Subscribe(ctx, a, rooms.Setpoints, agent.Handlers[rooms.Setpoint]{
		Create: answer,
		Modify: func(ctx context.Context, room string, s, _ rooms.Setpoint) error { return answer(ctx, room, s) },
		Delete: func(ctx context.Context, room string, _ rooms.Setpoint) error {
			err := statuses.Unpublish(ctx, room)
			if errors.Is(err, agent.ErrNotFound) {
				return nil // it is gone: a try before was not answered, and was done
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
	ctx, stop := context.WithCancel(context.Background())
	srv, err := server.Start(ctx, server.Options{})
	check(err)
	ended := make(chan error)
	go func() { ended <- first(ctx, agent.InProcess(srv)) }()

	a, err := agent.Connect(ctx, rooms.Panel, agent.InProcess(srv))
	check(err)
	setpoints, err := agent.Publish(ctx, a, rooms.Setpoints)
	check(err)
	told := make(chan string)
	_, err = agent.Subscribe(ctx, a, rooms.HeaterStatuses, agent.Handlers[rooms.HeaterStatus]{
		Create: func(_ context.Context, room string, s rooms.HeaterStatus) error {
			told <- fmt.Sprintf("%s follows %.0f °C", room, s.Setpoint)
			return nil
		},
		Delete: func(_ context.Context, room string, _ rooms.HeaterStatus) error {
			told <- room + " is left alone"
			return nil
		},
	})
	check(err)
	go a.Run(ctx)

	check(setpoints.Publish(ctx, "hall, 1st floor", rooms.Setpoint{Celsius: 21}))
	fmt.Println(<-told)
	check(setpoints.Unpublish(ctx, "hall, 1st floor"))
	fmt.Println(<-told)
	stop()
	check(<-ended)
	a.Close()
	srv.Shutdown()
	// Output:
	// hall, 1st floor follows 21 °C
	// hall, 1st floor is left alone
}

// Example_retry has a handler that fails: it is called again, after ever longer
// pauses, until it returns nil.
func Example_retry() {
	ctx, stop := context.WithCancel(context.Background())
	srv, err := server.Start(ctx, server.Options{})
	check(err)
	a, err := agent.Connect(ctx, rooms.Panel, agent.InProcess(srv), agent.Retry(time.Millisecond, time.Second))
	check(err)
	setpoints, err := agent.Publish(ctx, a, rooms.Setpoints)
	check(err)
	tries := 0
	_, err = agent.Subscribe(ctx, a, rooms.Setpoints, agent.Handlers[rooms.Setpoint]{
		Create: func(_ context.Context, room string, s rooms.Setpoint) error {
			if tries++; tries < 3 {
				fmt.Printf("try %d: the relay of the %s does not answer\n", tries, room)
				return errors.New("no answer") // the agent calls again
			}
			fmt.Printf("try %d: the %s is heated to %.0f °C\n", tries, room, s.Celsius)
			stop()
			return nil
		},
	})
	check(err)
	check(setpoints.Publish(ctx, "hall", rooms.Setpoint{Celsius: 21}))
	check(a.Run(ctx))
	srv.Shutdown()
	// Output:
	// try 1: the relay of the hall does not answer
	// try 2: the relay of the hall does not answer
	// try 3: the hall is heated to 21 °C
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
