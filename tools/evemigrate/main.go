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
)

// errUsage: the program was called in a way that it doesn't know.
var errUsage = errors.New("wrong usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns the exit code: 0 done, 1 failed or, with --fail,
// something found, 2 wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	began := false
	root := &cobra.Command{
		Use:   "evemigrate",
		Short: "move agents from EVE's pubsub library to nkv",
		Long: `Helps to move agents from EVE's pubsub library to nkv, and back. See
docs/migrating.md for the ways, and which to take when.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) { began = true },
	}
	root.AddCommand(newTablesCommand(), newImportsCommand(), newDriverCommand())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage), !began:
		fmt.Fprintf(stderr, "evemigrate: %v; see evemigrate --help\n", err)
		return 2
	}
	fmt.Fprintf(stderr, "evemigrate: %v\n", err)
	return 1
}
