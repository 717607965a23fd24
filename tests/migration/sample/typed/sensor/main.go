// Command sensor is the sample's sensor on nkv's own typed API.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/agent"

	"example.com/device/typed/topics"
	"example.com/device/types"
)

func main() {
	key := flag.String("key", "room.1", "key")
	celsius := flag.Float64("celsius", 20, "reading")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *key, *celsius); err != nil {
		logrus.Fatal(err)
	}
}

func run(ctx context.Context, key string, celsius float64) error {
	a, err := agent.Connect(ctx, "sensor")
	if err != nil {
		return err
	}
	readings, err := agent.Publish(ctx, a, topics.Reading)
	if err != nil {
		return err
	}
	if err := readings.Publish(ctx, key, types.Reading{Celsius: celsius, Serial: 1<<53 + 1}); err != nil {
		return err
	}
	if err := readings.Restarted(ctx); err != nil {
		return err
	}
	fmt.Printf("sensor publishes %d keys\n", readings.Len())
	return a.Run(ctx)
}
