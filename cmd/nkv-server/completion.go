package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
)

func (p *program) completionCommand() *cobra.Command {
	shells := []cobra.Completion{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Print the completion script of a shell. To have it in every new shell:

  bash:  nkv-server completion bash > /etc/bash_completion.d/nkv-server
  zsh:   nkv-server completion zsh > "${fpath[1]}/_nkv-server"
  fish:  nkv-server completion fish > ~/.config/fish/completions/nkv-server.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%w: completion takes one shell: bash, zsh or fish", errUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(p.stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(p.stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(p.stdout, true)
			}
			return fmt.Errorf("%w: shell %q; completion takes bash, zsh or fish", errUsage, args[0])
		},
	}
}

// completeFlags says how each flag's value is completed.
func completeFlags(cmd *cobra.Command) {
	complete := func(name string, directive cobra.ShellCompDirective, choices ...cobra.Completion) {
		// It fails for a flag that does not exist, and for one given twice.
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(choices, directive)); err != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		}
	}
	complete("config", cobra.ShellCompDirectiveFilterFileExt, "yaml", "yml")
	for _, s := range config.Settings() {
		switch {
		case len(s.Choices) > 0:
			complete(s.Name, cobra.ShellCompDirectiveNoFileComp, s.Choices...)
		case s.Value == "dir":
			complete(s.Name, cobra.ShellCompDirectiveFilterDirs)
		case s.Value == "file":
			complete(s.Name, cobra.ShellCompDirectiveDefault)
		default:
			complete(s.Name, cobra.ShellCompDirectiveNoFileComp)
		}
	}
}
