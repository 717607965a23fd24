// Command zedagent publishes the device's configuration from a file.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/zedagent"
)

// defaultConfig is where a device keeps its configuration.
const defaultConfig = "/config/device.json"

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var settings command.Settings
	var opts zedagent.Options
	cmd := &cobra.Command{
		Use:   "zedagent",
		Short: "Publish the device's configuration from a file, and its changes",
		Args:  command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := settings.Logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			opts.Logger = log
			a, stop, err := settings.Connect(cmd.Context(), topics.ZedAgent, log)
			if err != nil {
				return err
			}
			err = zedagent.Run(cmd.Context(), a, opts)
			if errors.Is(err, zedagent.ErrInvalidOption) {
				err = fmt.Errorf("%w: %w", command.ErrUsage, err)
			}
			return errors.Join(err, stop())
		},
	}
	settings.AddFlags(cmd)
	cmd.Flags().StringVar(&opts.ConfigFile, "config", defaultConfig, "the device's configuration `FILE`; it is watched")
	cmd.Flags().StringVar(&opts.DatastoreOverride, "datastore", "", "fetch all content from this HTTP server instead: `URL`, for example http://127.0.0.1:8080")
	return cmd
}
