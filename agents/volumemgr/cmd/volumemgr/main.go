// Command volumemgr makes the device's volumes of downloaded content.
package main

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/volumemgr"
	"github.com/evenkv/nkv/pkg/agent"
)

// defaultDirectory is where a device keeps content and volumes.
const defaultDirectory = "/persist/vault"

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var opts volumemgr.Options
	cmd := command.Agent(topics.VolumeMgr, "Make the device's volumes of downloaded content", volumemgr.ErrInvalidOption,
		func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) error {
			opts.Logger = log
			return volumemgr.Run(ctx, a, opts)
		})
	cmd.Flags().StringVar(&opts.Directory, "dir", defaultDirectory, "keep content and volumes in this `DIRECTORY`")
	return cmd
}
