package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/backup"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// commitWithin is the least time that the server gets to restore.
const commitWithin = time.Minute

func (p *program) restoreCommand() *cobra.Command {
	var dry, yes bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Replace all durable tables by those of a backup",
		Long: `Replace all durable tables of a running server by those of a file that nkv backup
wrote, or with - of standard input. All of it happens or nothing, also when the
server is killed meanwhile. A file that is damaged, or of a newer version, is
refused before anything is changed.

Durable tables that are not in the backup are removed; volatile tables stay as they
are. The server gets a new store id and every key a new revision, so clients compare
what they know with what is there, and subscribers are told of real differences
only. Every owner opens its tables again and sends what it wants to be in them: stop
an agent first whose tables shall be, and stay, as the backup has them.

When the server holds durable tables, restore asks first on a terminal; elsewhere it
wants --yes. --dry-run only tells what would be replaced.

A server's store directory can be copied back too, while no server runs on it. But
that keeps the store id, so clients that saw later revisions can't tell that they are
gone: copy a store back only where no client has seen what came after the copy, and
restore a backup elsewhere.`,
		SuggestFor: []string{"load", "import", "recover"},
		Args:       arguments(1, 1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, fileCompletion(args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.restore(cmd.Context(), args[0], dry, yes) },
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "check the file and tell what would be replaced; change nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (p *program) restore(ctx context.Context, name string, dry, yes bool) error {
	src, err := p.backupFile(name)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer src.Close()
	file, err := backup.Open(src)
	if err != nil {
		return fmt.Errorf("restore %s: %w; nothing was changed", name, err)
	}
	c, err := p.openWithin(ctx, max(p.timeout, commitWithin))
	if err != nil {
		return err
	}
	defer c.Close()
	tables, err := c.Tables(ctx, "")
	if err != nil {
		return err
	}
	plan := replacements(tables, file.Tables)
	if dry {
		return p.printPlan(file.Info, plan)
	}
	if !yes && slices.ContainsFunc(tables, func(info wire.TableInfo) bool { return info.Durable }) {
		if err := p.confirmRestore(ctx, name, file.Info, plan); err != nil {
			return err
		}
	}
	return p.bringBack(ctx, c, file)
}

// backupFile opens a file; standard input, which can be read only once, is kept in
// a file without a name.
func (p *program) backupFile(name string) (*os.File, error) {
	if name != "-" {
		return os.Open(name)
	}
	file, err := os.CreateTemp("", "nkv-restore-*")
	if err != nil {
		return nil, err
	}
	if err = os.Remove(file.Name()); err == nil {
		_, err = io.Copy(file, p.stdin)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("keep standard input: %w", err)
	}
	return file, nil
}

// bringBack does it.
func (p *program) bringBack(ctx context.Context, c *client.Client, file *backup.File) error {
	request, pages := file.Durable()
	bar := p.newBar("sent")
	store, err := c.Restore(ctx, request, func(yield func([]byte, error) bool) {
		for page, err := range pages {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(page, err) {
				return
			}
			bar.add(int64(len(page)), request.Bytes)
		}
	})
	bar.end()
	if err != nil {
		return err
	}
	if p.json {
		return p.document(struct {
			wire.RestoreRequest
			Store string `json:"store"` // the new store id
		}{request, store})
	}
	return p.print(fmt.Sprintf("%s, %s, %s restored; the store id is now %s\n",
		count(request.Tables, "durable table"), count(request.Keys, "key"), size(request.Bytes), store))
}

// replacement is what a restore makes of one durable table.
type replacement struct {
	Table  string `json:"table"`
	Now    *int   `json:"now,omitempty"`    // keys that are there; nil: no durable table
	Backup *int   `json:"backup,omitempty"` // keys that come; nil: the table goes
	Owner  string `json:"owner"`            // as nkv tables tells it
}

func (r replacement) what() string {
	switch {
	case r.Backup == nil:
		return "removed"
	case r.Now == nil:
		return "made"
	}
	return "replaced"
}

// replacements compares the durable tables of a server with those of a backup.
func replacements(now, then []wire.TableInfo) []replacement {
	plan := map[string]*replacement{}
	of := func(info wire.TableInfo) *replacement {
		if plan[info.Table] == nil {
			plan[info.Table] = &replacement{Table: info.Table, Owner: "none"}
		}
		return plan[info.Table]
	}
	for _, info := range then {
		if info.Durable {
			of(info).Backup = &info.Keys
		}
	}
	for _, info := range now {
		if info.Durable {
			of(info).Now = &info.Keys
		}
		if plan[info.Table] != nil {
			of(info).Owner = ownerState(info)
		}
	}
	sorted := make([]replacement, 0, len(plan))
	for _, name := range slices.Sorted(maps.Keys(plan)) {
		sorted = append(sorted, *plan[name])
	}
	return sorted
}

func (p *program) printPlan(info wire.BackupInfo, plan []replacement) error {
	if p.json {
		return p.document(struct {
			Backup wire.BackupInfo `json:"backup"`
			Tables []replacement   `json:"tables"` // durable ones
		}{info, plan})
	}
	return p.print(p.planText(info, plan, p.screen))
}

func (p *program) planText(info wire.BackupInfo, plan []replacement, on screen) string {
	list := listing{columns: []column{{title: "TABLE"}, {title: "OWNER"}, {"KEYS NOW", true}, {"IN BACKUP", true}, {title: "IS"}}}
	for _, r := range plan {
		list.add(r.Table, r.Owner, keysOr(r.Now), keysOr(r.Backup), r.what())
	}
	return fmt.Sprintf("backup of %s: %s, %s, %s as of revision %d\n", info.Time.UTC().Format(time.RFC3339),
		count(info.Tables, "table"), count(info.Keys, "key"), size(info.Bytes), info.Revision) + list.draw(on)
}

func keysOr(keys *int) string {
	if keys == nil {
		return "-"
	}
	return strconv.Itoa(*keys)
}

// confirmRestore asks whether the tables shall be replaced.
func (p *program) confirmRestore(ctx context.Context, name string, info wire.BackupInfo, plan []replacement) error {
	if name == "-" || !isTerminal(p.stdin) {
		return &usageError{usagef("the server holds durable tables, which a restore replaces, and nobody can be asked here"), "add --yes; --dry-run tells what would be replaced"}
	}
	fmt.Fprint(p.stderr, p.planText(info, plan, screenOf(p.stderr, p.noColor))+"Replace all durable tables? [y/N] ") //nolint:errcheck // the answer tells
	return p.agreed(ctx)
}
