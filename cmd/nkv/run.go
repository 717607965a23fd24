package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
)

// program is one run of the command: its flags and its ends.
type program struct {
	server  string
	timeout time.Duration
	json    bool
	name    string
	noColor bool

	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	screen screen // what stdout is
}

// run runs the command with the arguments that follow its name and returns its
// exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		p.explain(err)
	}
	return exitCode(ctx, err)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "nkv",
		Short: "Look at and change the state of an nkv server",
		Long: `nkv looks at and changes the state of an nkv server.

A path is agent.topic.key, or agent.topic@scope.key: dotted tokens in which every
byte but letters, digits, '-', '_' and those of non-ASCII text is written %XX. A
key that needs no encoding by hand is given with --key, after its table:

  nkv get zedagent.ConfigItem --key timer.config.interval

A pattern is a path, a table, or has '*' for any one token and '>' for the rest;
quote it from the shell.

` + exitHelp,
		Version:           clientVersion(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.ArbitraryArgs,
		RunE:              p.verbless,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error { return p.prepare() },
	}
	root.SetVersionTemplate("nkv {{.Version}}\n")
	root.SetFlagErrorFunc(wrongFlag)
	flags := root.PersistentFlags()
	flags.StringVar(&p.server, "server", "", "where the server is: unix:///path, nats://host:port, tls://host:port (default $"+client.EnvURL+", else the usual socket)")
	flags.DurationVar(&p.timeout, "timeout", client.DefaultTimeout, "how long to wait for each answer, and at the most 2s for the connection")
	flags.BoolVar(&p.json, "json", false, "print JSON, for scripts")
	flags.StringVar(&p.name, "name", "nkv", "the agent's name to connect under")
	flags.BoolVar(&p.noColor, "no-color", false, "print no colours (nor with NO_COLOR set, nor to a pipe)")
	root.AddCommand(
		p.getCommand(), p.putCommand(), p.delCommand(), p.watchCommand(),
		p.lsCommand(), p.treeCommand(), p.tablesCommand(), p.traceCommand(),
		p.healthCommand(), p.versionCommand(), p.backupCommand(), p.restoreCommand(), p.authCommand(), p.completionCommand(),
	)
	root.SetHelpCommand(helpCommand(root))
	return root
}

// prepare checks the global flags.
func (p *program) prepare() error {
	if p.timeout <= 0 {
		return usagef("--timeout is %s; it must be positive", p.timeout)
	}
	p.screen = screenOf(p.stdout, p.noColor)
	return nil
}

// verbless runs when no verb was recognized.
func (p *program) verbless(root *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownVerb(root, args[0])
	}
	if _, err := fmt.Fprint(p.stderr, root.UsageString()); err != nil {
		return err
	}
	return usagef("a verb is missing")
}

// helpCommand is cobra's, except that an unknown verb is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB]",
		Short: "Tell about a verb",
		RunE: func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownVerb(root, args[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			for _, c := range root.Commands() {
				if c.IsAvailableCommand() && strings.HasPrefix(c.Name(), begun) {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
