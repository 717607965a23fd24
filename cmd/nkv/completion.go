package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// completionWait is how long a person at a prompt waits for the server.
const completionWait = 300 * time.Millisecond

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Print the completion script of a shell. Tables and paths are completed from the
server that nkv would use. To have it in every new shell:

  bash:  nkv completion bash > /etc/bash_completion.d/nkv
  zsh:   nkv completion zsh > "${fpath[1]}/_nkv"
  fish:  nkv completion fish > ~/.config/fish/completions/nkv.fish`,
		Args:      arguments(1, 1),
		ValidArgs: []cobra.Completion{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				// '@' begins the scope in a table's name and is no word's end.
				if _, err := io.WriteString(p.stdout, "COMP_WORDBREAKS=${COMP_WORDBREAKS//@}\n"); err != nil {
					return err
				}
				return cmd.Root().GenBashCompletionV2(p.stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(p.stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(p.stdout, true)
			}
			return usagef("shell %q; it takes bash, zsh or fish", args[0])
		},
	}
}

// completePath completes the first argument: tables, and when one is written out,
// its keys.
func (p *program) completePath(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		if cmd.Name() == "put" && strings.HasPrefix(begun, "@") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.completeArgument(cmd.Context(), begun, !cmd.Flags().Changed("key"))
}

// completeDel completes each argument.
func (p *program) completeDel(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	all, err := cmd.Flags().GetBool("all")
	return p.completeArgument(cmd.Context(), begun, err == nil && !all && !cmd.Flags().Changed("key"))
}

// completeTable completes the first argument with tables.
func (p *program) completeTable(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.completeArgument(cmd.Context(), begun, false)
}

// completeArgument says nothing when there is no server: the prompt is no place
// for errors.
func (p *program) completeArgument(ctx context.Context, begun string, keys bool) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completionWait)
	defer cancel()
	c, err := p.openWithin(ctx, completionWait)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	if table, _, whole := wire.SplitPath(begun); whole && keys && strings.Contains(table, ".") {
		return completeKeys(ctx, c, table, begun), cobra.ShellCompDirectiveNoFileComp
	}
	return completeTables(ctx, c, begun, keys)
}

func completeTables(ctx context.Context, c *client.Client, begun string, keys bool) ([]cobra.Completion, cobra.ShellCompDirective) {
	infos, err := c.Tables(ctx, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	for _, info := range infos {
		if strings.HasPrefix(info.Table, begun) {
			found = append(found, cobra.CompletionWithDesc(info.Table, count(info.Keys, "key")))
		}
	}
	if keys && len(found) == 1 { // nothing else is meant: its keys are offered too
		table, _, _ := strings.Cut(string(found[0]), "\t")
		return append(found, completeKeys(ctx, c, table, begun)...), cobra.ShellCompDirectiveNoFileComp
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if keys {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return found, directive
}

func completeKeys(ctx context.Context, c *client.Client, name, begun string) []cobra.Completion {
	table, err := wire.ParseTable(name)
	if err != nil {
		return nil
	}
	_, entries, err := c.Snapshot(ctx, table)
	if err != nil {
		return nil
	}
	var found []cobra.Completion
	for _, e := range entries {
		if path := e.Path.String(); strings.HasPrefix(path, begun) {
			found = append(found, cobra.Completion(path))
		}
	}
	return found
}

// completeKey completes the flag --key from the table that the first argument
// names.
func (p *program) completeKey(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionWait)
	defer cancel()
	c, err := p.openWithin(ctx, completionWait)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	table, err := wire.ParseTable(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	_, entries, err := c.Snapshot(ctx, table)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	for _, e := range entries {
		if strings.HasPrefix(e.Path.Key, begun) {
			found = append(found, printable(e.Path.Key))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
