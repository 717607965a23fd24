// Command zedmanager puts the device's applications together.
package main

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/zedmanager"
	"github.com/evenkv/nkv/pkg/agent"
)

func main() {
	os.Exit(command.Main(command.Agent(topics.ZedManager, "Put the device's applications together, and say how each stands", zedmanager.ErrInvalidOption,
		func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) error {
			boot, err := zedmanager.BootTime()
			if err != nil {
				return err
			}
			return zedmanager.Run(ctx, a, zedmanager.Options{Boot: boot, Logger: log})
		})))
}
