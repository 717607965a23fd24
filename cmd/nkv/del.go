package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) delCommand() *cobra.Command {
	var flags changeFlags
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "del PATH... | del TABLE --key KEY | del --all TABLE",
		Short: "Remove keys, or all keys of a table",
		Long: `Remove keys, each by itself, and print the revisions of that; or with --all every
key of a table, at once. --all asks first on a terminal; elsewhere it wants --yes.

When a key is not there, the others are removed all the same.`,
		SuggestFor:        []string{"rm", "remove", "delete", "unset", "unpublish", "clear"},
		Args:              arguments(1, -1),
		ValidArgsFunction: p.completeDel,
	}
	flags.add(p, cmd)
	cmd.Flags().BoolVar(&all, "all", false, "remove all keys of the given table")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --all: do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		flags.read(cmd)
		switch {
		case (all || flags.keySet || len(flags.given) > 0) && len(args) > 1:
			return usagef("--all, --key and --expect go with one table or path; %d are given", len(args))
		case all && (flags.keySet || len(flags.given) > 0):
			return usagef("--all goes with neither --key nor --expect")
		case all:
			return p.clear(cmd.Context(), args[0], &flags, yes)
		}
		return p.del(cmd.Context(), args, &flags)
	}
	return cmd
}

// del removes keys one by one. All are tried while there is a server; the first
// that failed tells the exit code.
func (p *program) del(ctx context.Context, args []string, flags *changeFlags) error {
	paths := make([]wire.Path, 0, len(args))
	for _, arg := range args {
		path, err := pathOf(arg, flags.key, flags.keySet)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	c, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var failed []error
	removed := []changedJSON{}
	for _, path := range paths {
		var revision uint64
		err := forced(ctx, c, path.Table, flags, false, func(given []client.ChangeOption) (err error) {
			revision, err = c.Delete(ctx, path, given...)
			return err
		})
		if err == nil {
			removed = append(removed, changedJSON{path.String(), path.Table.String(), path.Key, revision})
			continue
		}
		failed = append(failed, err)
		var refused *client.Error
		if !errors.As(err, &refused) {
			break
		}
	}
	if err := p.printRemoved(removed); err != nil || len(failed) == 0 {
		return err
	}
	for _, err := range failed[1:] {
		p.explain(err)
	}
	return failed[0]
}

func (p *program) printRemoved(removed []changedJSON) error {
	if p.json {
		return p.document(removed)
	}
	var text strings.Builder
	for _, r := range removed {
		fmt.Fprintf(&text, "%s removed, revision %d\n", r.Path, r.Revision)
	}
	return p.print(text.String())
}

// clear removes all keys of a table.
func (p *program) clear(ctx context.Context, arg string, flags *changeFlags, yes bool) error {
	table, err := tableOf(arg)
	if err != nil {
		return err
	}
	c, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if !yes {
		if err := p.confirm(ctx, c, table); err != nil {
			return err
		}
	}
	keys := 0
	err = forced(ctx, c, table, flags, false, func(given []client.ChangeOption) (err error) {
		keys, err = c.Clear(ctx, table, given...)
		return err
	})
	if err != nil {
		return err
	}
	if p.json {
		return p.document(struct {
			Table string `json:"table"`
			Keys  int    `json:"keys"` // removed
		}{table.String(), keys})
	}
	return p.print(fmt.Sprintf("%s of %s removed\n", count(keys, "key"), table))
}

// confirm asks whether a table's keys shall go.
func (p *program) confirm(ctx context.Context, c *client.Client, table wire.Table) error {
	if !isTerminal(p.stdin) {
		return &usageError{usagef("--all removes every key of %s, and nobody can be asked here", table), "add --yes"}
	}
	infos, err := c.Tables(ctx, table.String())
	if err != nil {
		return err
	}
	if len(infos) == 0 {
		return fmt.Errorf("%w: there is no table %s", errNothing, table)
	}
	fmt.Fprintf(p.stderr, "Remove %s of table %s? [y/N] ", count(infos[0].Keys, "key"), table) //nolint:errcheck // the answer tells
	return p.agreed(ctx)
}

// agreed waits for a yes or a no.
func (p *program) agreed(ctx context.Context) error {
	answer := make(chan string, 1)
	go func() { // reading a terminal can't be interrupted; the process ends then
		line, _ := bufio.NewReader(p.stdin).ReadString('\n') //nolint:errcheck // what was read counts
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
		return errDeclined
	case <-ctx.Done():
		return ctx.Err()
	}
}
