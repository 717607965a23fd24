package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) tablesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tables [PATTERN]",
		Short: "List tables and who owns them",
		Long: `List the tables that a pattern can match in, or all.

OWNER is "open" while an agent owns the table and is connected, "away" when its
connection is gone but not yet its claim, "closed" when it gave the table up, and
"none" when no agent opened it since boot. RESTARTS is the counter that an owner
raises when it has published all that it knew after a start.`,
		SuggestFor:        []string{"table", "topics", "agents", "owners"},
		Args:              arguments(0, 1),
		ValidArgsFunction: p.completeTable,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		pattern, err := patternOf(args)
		if err != nil {
			return err
		}
		c, err := p.open(cmd.Context())
		if err != nil {
			return err
		}
		defer c.Close()
		infos, err := c.Tables(cmd.Context(), pattern.String())
		if err != nil {
			return err
		}
		if err := p.printTables(infos); err != nil {
			return err
		}
		if len(infos) == 0 && len(args) > 0 {
			return fmt.Errorf("%w: no table matches %s", errNothing, pattern)
		}
		return nil
	}
	return cmd
}

func (p *program) printTables(infos []wire.TableInfo) error {
	if p.json {
		if infos == nil {
			infos = []wire.TableInfo{}
		}
		return p.document(infos)
	}
	if len(infos) == 0 {
		return nil
	}
	list := listing{columns: []column{
		{title: "TABLE"}, {title: "OWNER"}, {title: "KIND"}, {"KEYS", true}, {"BYTES", true}, {"HEAD", true}, {"RESTARTS", true},
	}}
	for _, info := range infos {
		list.add(info.Table, ownerState(info), kind(info), strconv.Itoa(info.Keys), size(info.Bytes),
			strconv.FormatUint(info.Head, 10), strconv.FormatUint(info.Restart, 10))
	}
	return p.print(list.draw(p.screen))
}

func ownerState(info wire.TableInfo) string {
	switch {
	case info.Open && info.Connected:
		return "open"
	case info.Open:
		return "away"
	case info.Opened:
		return "closed"
	}
	return "none"
}

func kind(info wire.TableInfo) string {
	if info.Durable {
		return "durable"
	}
	return "volatile"
}
