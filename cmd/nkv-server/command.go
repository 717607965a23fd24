package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/join"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage: the program was called wrongly.
var errUsage = errors.New("wrong call")

// program is one run of the command and what it has of its surroundings.
type program struct {
	stdout, stderr io.Writer
	env            config.Environment
	signals        <-chan os.Signal // to end
	hangups        <-chan os.Signal // to read the agents file again
}

// run does what the arguments say and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	cmd := p.command()
	cmd.SetArgs(args)
	cmd.SetOut(p.stdout)
	cmd.SetErr(p.stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(p.stderr, "nkv-server: %v\n", err)
	for _, wrong := range []error{errUsage, config.ErrInvalid, server.ErrInvalidOption, server.ErrNATSConfig, join.ErrInvalidPath} {
		if errors.Is(err, wrong) {
			return exitUsage
		}
	}
	return exitFailed
}

func (p *program) command() *cobra.Command {
	var file string
	flags := map[string]string{}
	cmd := &cobra.Command{
		Use:   "nkv-server",
		Short: "The nkv server",
		Long: `The nkv server holds the state that agents share, and tells them what changed.

Each setting can also stand in the YAML file that --config names, under the flag's
name without dashes; a flag wins over the file. SIGTERM and SIGINT end the server
when it has answered what it had received; a second one ends it at once. SIGHUP has
the agents file read again.`,
		Version: programVersion(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: nkv-server takes no argument such as %q; see nkv-server --help", errUsage, args[0])
			}
			return nil
		},
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(file, flags, p.env)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), c)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		hint := ""
		if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) {
			hint = config.Suggest(unknown.GetSpecifiedName())
		}
		return fmt.Errorf("%w: %w%s; see nkv-server --help", errUsage, err, hint)
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "config", "", "YAML `file` with settings")
	for _, s := range config.Settings() {
		f := cmd.Flags().VarPF(&flag{setting: s, given: flags}, s.Name, "", fmt.Sprintf("%s (default %s)", s.Usage, s.Default))
		f.NoOptDefVal = s.Alone()
	}
	cmd.AddCommand(p.completionCommand())
	completeFlags(cmd)
	return cmd
}

// flag is a setting on the command line. It only keeps the text, if that can be
// read.
type flag struct {
	setting config.Setting
	given   map[string]string
}

// Set checks and keeps the text.
func (f *flag) Set(text string) error {
	if err := f.setting.Check(text); err != nil {
		return err
	}
	f.given[f.setting.Name] = text
	return nil
}

// String returns the text that was given.
func (f *flag) String() string { return f.given[f.setting.Name] }

// Type names the kind of value in the help.
func (f *flag) Type() string { return f.setting.Value }
