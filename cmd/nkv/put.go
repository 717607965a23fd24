package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// maxInput is the largest value that is read, in bytes: NATS carries no larger
// message. The server's own limit, which may be smaller, is checked later.
const maxInput = 64 << 20

// changeFlags are the flags of a change.
type changeFlags struct {
	key    string
	keySet bool
	expect uint64
	given  []client.ChangeOption
	force  bool
}

func (f *changeFlags) add(p *program, cmd *cobra.Command) {
	p.keyFlag(cmd, &f.key)
	cmd.Flags().Uint64Var(&f.expect, "expect", 0, "only if the key has this revision; 0: if it does not exist")
	cmd.Flags().BoolVar(&f.force, "force", false, "take the table from its owner for the change")
}

func (f *changeFlags) read(cmd *cobra.Command) {
	f.keySet = cmd.Flags().Changed("key")
	if cmd.Flags().Changed("expect") {
		f.given = append(f.given, client.ExpectRevision(f.expect))
	}
}

func (p *program) putCommand() *cobra.Command {
	var flags changeFlags
	var raw, create, durable bool
	cmd := &cobra.Command{
		Use:   "put PATH VALUE|-|@FILE | put TABLE --key KEY VALUE|-|@FILE",
		Short: "Set a value",
		Long: `Set a value, given as an argument, or read from stdin (-) or a file (@FILE), and
print its revision. It must be JSON, unless --raw says that it is opaque bytes. A
value that is the same already changes nothing.

A table that an agent owns takes changes from its owner only. --force takes the
table from the owner for one change; the owner then opens it again, keeps keys that
it never knew, and sets those that it wants otherwise.`,
		SuggestFor:        []string{"set", "write", "publish", "create", "update"},
		Args:              arguments(2, 2),
		ValidArgsFunction: p.completePath,
	}
	flags.add(p, cmd)
	cmd.Flags().BoolVar(&raw, "raw", false, "take the value as bytes, whatever they are")
	cmd.Flags().BoolVar(&create, "create", false, "only if the key does not exist")
	cmd.Flags().BoolVar(&durable, "durable", false, "make the table durable, if this value makes the table")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		flags.read(cmd)
		if create && cmd.Flags().Changed("expect") {
			return usagef("--create and --expect exclude each other")
		}
		if create {
			flags.given = append(flags.given, client.Create())
		}
		if durable {
			flags.given = append(flags.given, client.Durable())
		}
		path, err := pathOf(args[0], flags.key, flags.keySet)
		if err != nil {
			return err
		}
		value, err := p.value(args[1], raw)
		if err != nil {
			return err
		}
		return p.put(cmd.Context(), path, value, &flags, durable)
	}
	return cmd
}

func (p *program) put(ctx context.Context, path wire.Path, value []byte, flags *changeFlags, durable bool) error {
	c, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var revision uint64
	err = forced(ctx, c, path.Table, flags, durable, func(given []client.ChangeOption) (err error) {
		revision, err = c.Put(ctx, path, value, given...)
		return err
	})
	if err != nil {
		return err
	}
	if p.json {
		return p.document(changedJSON{path.String(), path.Table.String(), path.Key, revision})
	}
	return p.print(fmt.Sprintf("revision %d\n", revision))
}

// changedJSON is a change that was made, for scripts.
type changedJSON struct {
	Path     string `json:"path"`
	Table    string `json:"table"`
	Key      string `json:"key"`
	Revision uint64 `json:"revision"`
}

// forced makes a change; when somebody owns the table and the person insists,
// under a fence of its own.
func forced(ctx context.Context, c *client.Client, table wire.Table, flags *changeFlags, durable bool, change func([]client.ChangeOption) error) error {
	err := change(flags.given)
	if !flags.force || !errors.Is(err, client.ErrTableOwned) {
		return err
	}
	// Opening decides a table's durability: it stays what it is.
	infos, err := c.Tables(ctx, table.String())
	if err != nil {
		return err
	}
	for _, info := range infos {
		durable = info.Durable
	}
	fence, err := c.Take(ctx, table, durable)
	if err != nil {
		return err
	}
	err = change(append(flags.given[:len(flags.given):len(flags.given)], client.Fence(fence)))
	// The table is given up also when the person interrupts. An owner that took it
	// back meanwhile made the fence void, which does as well.
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), client.DefaultTimeout)
	defer cancel()
	if released := c.Release(free, table, fence); err == nil && !errors.Is(released, client.ErrFence) {
		err = released
	}
	return err
}

// value reads what is to be put.
func (p *program) value(arg string, raw bool) ([]byte, error) {
	value, from := []byte(arg), "the value"
	var err error
	switch file, isFile := strings.CutPrefix(arg, "@"); {
	case arg == "-":
		from = "stdin"
		value, err = readAll(p.stdin)
	case isFile:
		from = file
		value, err = readFile(file)
	}
	switch {
	case errors.Is(err, client.ErrTooLarge):
		return nil, fmt.Errorf("%s: %w", from, err)
	case err != nil:
		return nil, &usageError{fmt.Errorf("read the value: %w", err), ""}
	case raw:
		return value, nil
	}
	value = bytes.TrimSpace(value)
	if err := notJSON(value); err != nil {
		return nil, &usageError{fmt.Errorf("%s is not JSON: %w", from, err), `write text as '"text"', or take it as bytes with --raw`}
	}
	return value, nil
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file)
}

func readAll(from io.Reader) ([]byte, error) {
	value, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err == nil && len(value) > maxInput {
		err = fmt.Errorf("%w: more than %d bytes; no server takes that", client.ErrTooLarge, maxInput)
	}
	return value, err
}

// notJSON says why a value is none.
func notJSON(value []byte) error {
	var document json.RawMessage
	err := json.Unmarshal(value, &document)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("at byte %d: %w", syntax.Offset, err)
	case err == nil && !utf8.Valid(value):
		return errors.New("it is not UTF-8")
	}
	return err
}
