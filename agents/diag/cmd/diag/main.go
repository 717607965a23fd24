// Command diag shows the device.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/topics"
)

func main() { os.Exit(command.Main(newCommand())) }

func newCommand() *cobra.Command {
	var settings command.Settings
	opts := diag.Options{Timeout: diag.DefaultTimeout}
	cmd := &cobra.Command{
		Use:   "diag",
		Short: "Show the device: live on a terminal, as lines elsewhere, or once",
		Args:  command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := settings.Logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			opts.Out = cmd.OutOrStdout()
			opts.ASCII = !diag.UTF8(os.Getenv)
			defer terminal(&opts)()
			if opts.Size != nil && !opts.Once && term.IsTerminal(int(os.Stderr.Fd())) {
				log.SetOutput(io.Discard) // it would run over the picture, which says what is missing
			}
			a, stop, err := settings.Connect(cmd.Context(), topics.Diag, log)
			if err != nil {
				return err
			}
			err = diag.Run(cmd.Context(), a, opts)
			if errors.Is(err, diag.ErrInvalidOption) {
				err = fmt.Errorf("%w: %w", command.ErrUsage, err)
			}
			return errors.Join(err, stop())
		},
	}
	settings.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&opts.Once, "once", false, "show the device one time and exit")
	flags.BoolVar(&opts.JSON, "json", false, "with --once: as one JSON document")
	flags.DurationVar(&opts.Timeout, "timeout", opts.Timeout, "with --once: how long to wait for all tables")
	return cmd
}

// terminal fills in what concerns the terminal, when standard output is one.
// Colours are off when NO_COLOR is set to anything (no-color.org) or the
// terminal is dumb.
func terminal(opts *diag.Options) (stop func()) {
	fd := int(os.Stdout.Fd())
	if !term.IsTerminal(fd) {
		return func() {}
	}
	opts.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	opts.Size = func() (width, height int) {
		width, height, err := term.GetSize(fd)
		if err != nil {
			return 80, 24
		}
		return width, height
	}
	resized := make(chan struct{}, 1)
	opts.Resized = resized
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-signals:
				select {
				case resized <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
