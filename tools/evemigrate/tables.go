package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/tools/evemigrate/internal/tables"
)

// errFindings is what --fail makes of findings.
var errFindings = errors.New("there are findings")

// formats of the report.
var formats = []string{"table", "json", "dot"}

func newTablesCommand() *cobra.Command {
	var o tables.Options
	var format string
	var findings, fail bool
	c := &cobra.Command{
		Use:   "tables [PACKAGE...]",
		Short: "list the publications and subscriptions of a Go tree, and what is odd about them",
		Long: `Lists the calls of NewPublication, NewSubscription and of package legacy in the
packages (./... when none is named): whose table it is, its topic and scope, whether
it is durable, and who makes the call. A helper that is called by several agents
makes a line for each. What can't be known is shown as ?(expression).

Findings: "no publisher", "no subscriber", "several publishers", "durability differs"
between the ends, "unresolved".

Source that does not type-check is read as far as it goes, without a C compiler.`,
		Example: `  evemigrate tables ./...
  evemigrate tables --tags "" --tags k --mod vendor ./...
  evemigrate tables --findings --fail ./...
  evemigrate tables --format dot ./... | dot -Tsvg >tables.svg`,
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(formats, format) {
				return fmt.Errorf("%w: --format %q; it is one of table, json, dot", errUsage, format)
			}
			o.Patterns = args
			report, err := tables.Scan(c.Context(), o)
			if errors.Is(err, tables.ErrInvalidOption) {
				return fmt.Errorf("%w: %w", errUsage, err)
			} else if err != nil {
				return err
			}
			write := map[string]func(io.Writer, bool) error{"table": report.Text, "json": report.JSON, "dot": report.DOT}[format]
			if err := write(c.OutOrStdout(), findings); err != nil {
				return err
			}
			if n := len(report.TypeErrors); n > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "evemigrate: warning: %d errors in the source, which was read as far as it goes; the first: %s\n", n, report.TypeErrors[0])
			}
			if n := len(report.Findings()); fail && n > 0 {
				return fmt.Errorf("%w, and --fail was given", errFindings)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&format, "format", "table", "of the report: table, json, dot")
	f.StringArrayVar(&o.Tags, "tags", nil, "build `TAGS`, separated by commas; given several times: what is found with each list is merged")
	f.StringVar(&o.Mod, "mod", "", "`MODE` for the go command's -mod: vendor, mod, readonly")
	f.StringVar(&o.PubSub, "pubsub", tables.Original, "import `PATH` of the library; "+tables.Own+" is looked for as well")
	f.StringVarP(&o.Dir, "dir", "C", "", "`DIRECTORY` in which to look")
	f.BoolVar(&o.Tests, "tests", false, "look into tests too")
	f.BoolVar(&findings, "findings", false, "only what was found odd")
	f.BoolVar(&fail, "fail", false, "exit with 1 when something was found odd")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}
