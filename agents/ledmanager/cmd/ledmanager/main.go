// Command ledmanager shows the device's state with a light.
package main

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/ledmanager"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/agent"
)

// defaultFile is where a driver of the light looks for its pattern.
const defaultFile = "/run/led/pattern"

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var opts ledmanager.Options
	cmd := command.Agent(topics.LedManager, "Show the device's state with a light's blink pattern", ledmanager.ErrInvalidOption,
		func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) error {
			opts.Logger = log
			return ledmanager.Run(ctx, a, opts)
		})
	cmd.Flags().StringVar(&opts.File, "file", defaultFile, "write the pattern to this `FILE`: the number of blinks, and what it means")
	return cmd
}
