// Command nim compares the wanted network ports with the host's interfaces.
package main

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/nim"
	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/agent"
)

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var file string
	cmd := command.Agent(topics.NIM, "Compare the wanted ports with the host's interfaces, and publish how they stand", nim.ErrInvalidOption,
		func(ctx context.Context, a *agent.Agent, log logrus.FieldLogger) (err error) {
			opts := nim.Options{Logger: log}
			if file == "" {
				opts.Interfaces = netif.NewHost(log)
			} else if opts.Interfaces, err = netif.Open(file, log); err != nil {
				return err
			}
			return nim.Run(ctx, a, opts)
		})
	cmd.Flags().StringVar(&file, "interfaces", "",
		"take the interfaces from this JSON `FILE`, which is watched, instead of the host's")
	return cmd
}
