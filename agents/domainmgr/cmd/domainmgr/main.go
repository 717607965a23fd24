// Command domainmgr runs the device's applications, each as one process.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/domainmgr"
	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/topics"
)

// defaultDir is where a device keeps what is gone after a reboot.
const defaultDir = "/run/nkv/domains"

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var settings command.Settings
	var opts domainmgr.Options
	var stopAll bool
	cmd := &cobra.Command{
		Use:   "domainmgr",
		Short: "Run the device's applications, each as one process",
		Long: `Run the device's applications, each as one process of the program --app.

The applications live on when domainmgr ends, by a signal or otherwise; the next
domainmgr on the same directory finds them again. To end them, end domainmgr and
call it with --stop-all.`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if stopAll {
				return usage(domainmgr.StopAll(cmd.Context(), opts.Dir))
			}
			log, err := settings.Logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			opts.Logger = log
			a, stop, err := settings.Connect(cmd.Context(), topics.DomainMgr, log)
			if err != nil {
				return err
			}
			return errors.Join(usage(domainmgr.Run(cmd.Context(), a, opts)), stop())
		},
	}
	settings.AddFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&opts.App, "app", "", "the `FILE` to run for each application; it gets no arguments, only environment")
	flags.StringVar(&opts.Dir, "dir", defaultDir, "the `DIRECTORY` of the applications' locks and logs")
	flags.DurationVar(&opts.StopGrace, "stop-grace", domainmgr.DefaultStopGrace, "how long an application may take to end before it is killed")
	flags.DurationVar(&opts.RestartFirst, "restart-first", domainmgr.DefaultRestartFirst, "the shortest pause before an application that ended is started again; it doubles")
	flags.DurationVar(&opts.RestartMost, "restart-most", domainmgr.DefaultRestartMost, "the longest such pause")
	flags.DurationVar(&opts.StableAfter, "stable-after", domainmgr.DefaultStableAfter, "how long a process must live for former failures to be forgotten")
	flags.DurationVar(&opts.MetricsInterval, "metrics-interval", domainmgr.DefaultMetricsInterval, "the time between two samples of what applications use")
	flags.BoolVar(&stopAll, "stop-all", false, "end every application of --dir, and nothing else")
	return cmd
}

// usage marks the errors that a flag caused.
func usage(err error) error {
	if errors.Is(err, domainmgr.ErrInvalidOption) || errors.Is(err, domain.ErrInvalidOption) {
		return fmt.Errorf("%w: %w", command.ErrUsage, err)
	}
	return err
}
