// Command heater heats each room to its setpoint.
package main

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/docs/examples/heater"
	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/pkg/agent"
)

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var dir string
	cmd := command.Agent(rooms.Heater, "Heat each room to its setpoint", heater.ErrInvalidOption,
		func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) error {
			return heater.Run(ctx, a, heater.Options{Turn: relays(dir).turn, Logger: log})
		})
	cmd.Flags().StringVar(&dir, "dir", "/run/relays", "the `DIRECTORY` with a file for each relay; it must exist")
	return cmd
}
