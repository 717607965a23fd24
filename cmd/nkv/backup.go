package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/backup"
	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Save all tables as of one instant",
		Long: `Save all tables of a running server as of one instant into a file, or with - on
standard output. The file gets its name when it is whole, and replaces one that has
it; only its owner may read it. It has a checksum over everything: nkv restore
refuses one that is damaged.

Values stand in it as they are, secrets too: keep it where the store may be kept.`,
		SuggestFor: []string{"dump", "export", "save"},
		Args:       arguments(1, 1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, fileCompletion(args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.backup(cmd.Context(), args[0]) },
	}
}

// fileCompletion completes the first argument as a file.
func fileCompletion(args []string) cobra.ShellCompDirective {
	if len(args) > 0 {
		return cobra.ShellCompDirectiveNoFileComp
	}
	return cobra.ShellCompDirectiveDefault
}

func (p *program) backup(ctx context.Context, name string) error {
	if name == "-" {
		if p.screen.terminal {
			return usagef("nkv backup - writes to a terminal; give a file, or send it on with | or >")
		}
		_, err := p.takeBackup(ctx, p.stdout)
		return err
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return &usageError{fmt.Errorf("%s is no regular file, so a backup can't replace it", name), "nkv backup - writes to standard output"}
	}
	// The other flags of a file that is replaced are not taken over: it is a new one.
	dir := filepath.Dir(name)
	file, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // of mode 0600
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	info, err := p.takeBackup(ctx, file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		if err = os.Rename(file.Name(), name); err == nil {
			err = syncDir(dir)
		}
	}
	if err != nil {
		os.Remove(file.Name()) //nolint:errcheck // the first error counts
		return fmt.Errorf("backup %s: %w", name, err)
	}
	if p.json {
		return p.document(struct {
			File string `json:"file"`
			wire.BackupInfo
		}{name, info})
	}
	return p.print(fmt.Sprintf("%s, %s, %s as of revision %d\n", count(info.Tables, "table"), count(info.Keys, "key"), size(info.Bytes), info.Revision))
}

// takeBackup writes a backup as it comes.
func (p *program) takeBackup(ctx context.Context, out io.Writer) (wire.BackupInfo, error) {
	c, err := p.open(ctx)
	if err != nil {
		return wire.BackupInfo{}, err
	}
	defer c.Close()
	w, err := backup.NewWriter(out)
	if err != nil {
		return wire.BackupInfo{}, fmt.Errorf("write: %w", err)
	}
	bar := p.newBar("saved")
	defer bar.end()
	info, err := c.Backup(ctx, func(info wire.BackupInfo, page []byte) error {
		if err := w.Page(page); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		bar.add(int64(len(page)), info.Bytes)
		return ctx.Err()
	})
	if err == nil {
		if err = w.Close(); err != nil {
			err = fmt.Errorf("write: %w", err)
		}
	}
	return info, err
}

// syncDir puts a file's new name on the medium.
func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
