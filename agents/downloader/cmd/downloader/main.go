// Command downloader fetches the content that the device needs.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/downloader"
	"github.com/evenkv/nkv/agents/topics"
)

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var settings command.Settings
	var parallel int
	var stall time.Duration
	cmd := &cobra.Command{
		Use:   "downloader",
		Short: "Fetch the content that volumemgr asks for, and publish how far it has come",
		Args:  command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if parallel < 1 {
				return fmt.Errorf("%w: --parallel: %d; at least one file is fetched at a time", command.ErrUsage, parallel)
			}
			if stall <= 0 {
				return fmt.Errorf("%w: --stall-timeout: %s; it must be positive", command.ErrUsage, stall)
			}
			log, err := settings.Logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			a, stop, err := settings.Connect(cmd.Context(), topics.Downloader, log)
			if err != nil {
				return err
			}
			opts := downloader.Options{Logger: log, Parallel: parallel, StallTimeout: stall}
			return errors.Join(downloader.Run(cmd.Context(), a, opts), stop())
		},
	}
	settings.AddFlags(cmd)
	cmd.Flags().IntVar(&parallel, "parallel", downloader.DefaultParallel, "how many files to fetch at a time")
	cmd.Flags().DurationVar(&stall, "stall-timeout", downloader.DefaultStallTimeout,
		"give up a server that sends nothing, or less than 1 KiB, for so long")
	return cmd
}
