package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/tools/evemigrate/internal/imports"
	"github.com/evenkv/nkv/tools/evemigrate/internal/tables"
)

// counterparts are the packages below the library's that are below this project's.
var counterparts = []string{"legacy", "reverse", "socketdriver"}

func newImportsCommand() *cobra.Command {
	o := imports.Options{Below: counterparts}
	var dry, undo bool
	c := &cobra.Command{
		Use:   "imports DIR...",
		Short: "change the import paths of EVE's pubsub library to nkv's package, or back",
		Long: `Changes the import paths of the library, and of its packages legacy, reverse and
socketdriver, in all Go files below the directories; vendor directories and the
library itself are left out. Nothing else changes in a file. When a file with such
an import can't be parsed, nothing is changed at all.

Afterwards the module needs github.com/evenkv/nkv in its go.mod: run
"go get github.com/evenkv/nkv", and "go mod vendor" where there is a vendor directory.`,
		Example: `  evemigrate imports --dry-run .
  evemigrate imports cmd/downloader cmd/verifier
  evemigrate imports --undo .`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, dirs []string) error {
			if undo {
				o.From, o.To = o.To, o.From
			}
			plan, err := imports.NewPlan(o, dirs)
			if errors.Is(err, imports.ErrInvalidOption) {
				return fmt.Errorf("%w: %w", errUsage, err)
			} else if err != nil {
				return err
			}
			for _, left := range plan.Left {
				fmt.Fprintf(c.ErrOrStderr(), "evemigrate: warning: %s:%d: %s has no counterpart and stays\n", left.File, left.Line, left.Old)
			}
			out := c.OutOrStdout()
			if dry {
				for _, change := range plan.Changes {
					for _, i := range change.Imports {
						fmt.Fprintf(out, "%s:%d: %s -> %s\n", i.File, i.Line, i.Old, i.New)
					}
				}
				_, err := fmt.Fprintf(out, "%d files would change, %d imports\n", len(plan.Changes), plan.Imports())
				return err
			}
			err = plan.Write(func(change imports.Change) {
				fmt.Fprintln(out, change.File)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%d files changed, %d imports\n", len(plan.Changes), plan.Imports())
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.From, "from", tables.Original, "import `PATH` of the library")
	f.StringVar(&o.To, "to", tables.Own, "import `PATH` that takes its place")
	f.BoolVar(&dry, "dry-run", false, "change nothing, say what would change")
	f.BoolVar(&undo, "undo", false, "the other way: from --to back to --from")
	return c
}
