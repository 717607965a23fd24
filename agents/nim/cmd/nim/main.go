// Command nim publishes how the device's ports stand at the host.
package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/nim"
	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/topics"
)

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var settings command.Settings
	var file string
	cmd := &cobra.Command{
		Use:   "nim",
		Short: "Compare the wanted ports with the host's interfaces, and publish how they stand",
		Args:  command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := settings.Logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			a, stop, err := settings.Connect(cmd.Context(), topics.NIM, log)
			if err != nil {
				return err
			}
			opts := nim.Options{Logger: log}
			if file == "" {
				opts.Interfaces = netif.NewHost(log)
			} else if opts.Interfaces, err = netif.Open(file, log); err != nil {
				a.Close()
				return errors.Join(err, stop())
			}
			return errors.Join(nim.Run(cmd.Context(), a, opts), stop())
		},
	}
	settings.AddFlags(cmd)
	cmd.Flags().StringVar(&file, "interfaces", "",
		"take the interfaces from this JSON `FILE`, which is watched, instead of the host's")
	return cmd
}
