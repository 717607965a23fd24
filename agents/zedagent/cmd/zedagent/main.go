// Command zedagent publishes the device's configuration from a file.
package main

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/zedagent"
	"github.com/evenkv/nkv/pkg/agent"
)

// defaultConfig is where a device keeps its configuration.
const defaultConfig = "/config/device.json"

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var opts zedagent.Options
	cmd := command.Agent(topics.ZedAgent, "Publish the device's configuration from a file, and its changes", zedagent.ErrInvalidOption,
		func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) error {
			opts.Logger = log
			return zedagent.Run(ctx, a, opts)
		})
	cmd.Flags().StringVar(&opts.ConfigFile, "config", defaultConfig, "the device's configuration `FILE`; it is watched")
	cmd.Flags().StringVar(&opts.DatastoreOverride, "datastore", "",
		"fetch all content from this HTTP server instead: `URL`, for example http://127.0.0.1:8080")
	return cmd
}
