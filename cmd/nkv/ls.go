package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) lsCommand() *cobra.Command {
	var values bool
	cmd := &cobra.Command{
		Use:   "ls [PATTERN]",
		Short: "List keys",
		Long: `List the keys that a pattern selects, or all: path, revision, size, and with
--values the values. With --json: an array of path, table, key, revision and value.

Each table is shown as it was at one instant.`,
		SuggestFor:        []string{"list", "keys", "dir", "find"},
		Args:              arguments(0, 1),
		ValidArgsFunction: p.completePath,
	}
	cmd.Flags().BoolVar(&values, "values", false, "print the values too")
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
		found, err := collect(cmd.Context(), c, pattern)
		if err != nil {
			return err
		}
		if err := p.printEntries(found, values); err != nil {
			return err
		}
		if len(args) > 0 {
			return found.missing(pattern)
		}
		return nil
	}
	return cmd
}

// tableEntries is a table with those of its keys that a pattern selects.
type tableEntries struct {
	info    wire.TableInfo
	table   wire.Table
	entries []client.Entry // by key
}

// bytes is the size of the values together.
func (t *tableEntries) bytes() int64 {
	var n int64
	for _, e := range t.entries {
		n += int64(len(e.Value))
	}
	return n
}

// selection is what a pattern selects, by table.
type selection []tableEntries

// collect reads what a pattern selects, table by table.
func collect(ctx context.Context, c *client.Client, pattern wire.Pattern) (selection, error) {
	infos, err := c.Tables(ctx, pattern.String())
	if err != nil {
		return nil, err
	}
	found := make(selection, 0, len(infos))
	for _, info := range infos {
		table, err := wire.ParseTable(info.Table)
		if err != nil {
			return nil, err
		}
		info, entries, err := c.Snapshot(ctx, table)
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e client.Entry) bool { return !pattern.MatchKey(wire.EncodeToken(e.Path.Key)) })
		slices.SortFunc(entries, func(a, b client.Entry) int { return cmp.Compare(a.Path.Key, b.Path.Key) })
		found = append(found, tableEntries{info, table, entries})
	}
	return found, nil
}

// missing returns an error when there is nothing: no table that the pattern
// selects, or not the one key that it names.
func (s selection) missing(pattern wire.Pattern) error {
	_, oneKey := pattern.Key()
	for _, t := range s {
		if !oneKey || len(t.entries) > 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: nothing matches %s", errNothing, pattern)
}

func (p *program) printEntries(found selection, values bool) error {
	if p.json {
		all := []entryJSON{}
		for _, t := range found {
			for _, e := range t.entries {
				all = append(all, newEntryJSON(e))
			}
		}
		return p.document(all)
	}
	list := listing{columns: []column{{title: "PATH"}, {"REVISION", true}, {"SIZE", true}}}
	if values {
		list.columns = append(list.columns, column{title: "VALUE"})
	}
	for _, t := range found {
		for _, e := range t.entries {
			row := []string{e.Path.String(), strconv.FormatUint(e.Revision, 10), size(int64(len(e.Value)))}
			if values {
				row = append(row, oneLine(e.Value))
			}
			list.add(row...)
		}
	}
	if len(list.rows) == 0 {
		return nil
	}
	return p.print(list.draw(p.screen))
}

// oneLine writes a value for people, on one line.
func oneLine(value []byte) string {
	if !isJSON(value) {
		return count(len(value), "byte") + ", no JSON"
	}
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return ""
	}
	return strings.ReplaceAll(printable(b.String()), "\n", " ")
}
