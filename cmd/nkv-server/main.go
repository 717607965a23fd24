package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/join"
)

// version is the program's version; the build sets it with -X main.version.
var version string

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	// The second signal must find room while the first is being heeded.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(run(context.Background(), os.Args[1:], signals, os.Stdout, os.Stderr))
}

// run does what the arguments say and returns the exit code.
func run(ctx context.Context, args []string, signals <-chan os.Signal, stdout, stderr io.Writer) int {
	cmd := command(signals)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "nkv-server: %v\n", err)
	for _, wrong := range []error{errSetting, server.ErrInvalidOption, server.ErrNATSConfig, join.ErrInvalidPath} {
		if errors.Is(err, wrong) {
			return exitUsage
		}
	}
	return exitFailed
}

func command(signals <-chan os.Signal) *cobra.Command {
	s := defaults()
	var file string
	cmd := &cobra.Command{
		Use:   "nkv-server",
		Short: "The nkv server",
		Long: `The nkv server holds the state that agents share, and tells them what changed.

Each setting can also stand in the YAML file that --config names, under the flag's
name without dashes; a flag wins over the file. SIGTERM and SIGINT end the server
when it has answered what it had received; a second one ends it at once.`,
		Version: programVersion(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: nkv-server takes no argument such as %q; see nkv-server --help", errSetting, args[0])
			}
			return nil
		},
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.readFile(file, cmd.Flags()); err != nil {
				return err
			}
			return serve(cmd.Context(), s, signals, cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w; see nkv-server --help", errSetting, err)
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "config", "", "YAML `FILE` with settings")
	s.addFlags(cmd.Flags())
	return cmd
}
