package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/client"
)

// hexShown is how much of a value that is no JSON a terminal shows, in bytes.
const hexShown = 256

func (p *program) getCommand() *cobra.Command {
	var key string
	var revision bool
	cmd := &cobra.Command{
		Use:   "get PATH | get TABLE --key KEY",
		Short: "Print a value",
		Long: `Print a value: exactly its bytes to a pipe or file, indented to a terminal.

With --revision, print the value's revision in its place, as --expect of put and
del takes it; --json has both.`,
		SuggestFor:        []string{"read", "show", "cat", "fetch"},
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completePath,
	}
	p.keyFlag(cmd, &key)
	cmd.Flags().BoolVar(&revision, "revision", false, "print the revision, not the value")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := pathOf(args[0], key, cmd.Flags().Changed("key"))
		if err != nil {
			return err
		}
		c, err := p.open(cmd.Context())
		if err != nil {
			return err
		}
		defer c.Close()
		e, err := c.Get(cmd.Context(), path)
		if err != nil {
			return err
		}
		switch {
		case p.json:
			return p.document(newEntryJSON(e))
		case revision:
			return p.print(strconv.FormatUint(e.Revision, 10) + "\n")
		}
		return p.printValue(e)
	}
	return cmd
}

func (p *program) printValue(e client.Entry) error {
	if !p.screen.terminal {
		return p.print(string(e.Value))
	}
	if !isJSON(e.Value) {
		shown := e.Value[:min(len(e.Value), hexShown)]
		text := fmt.Sprintf("%d bytes that are no JSON", len(e.Value))
		if len(shown) < len(e.Value) {
			text += fmt.Sprintf(", the first %d of them; all go to a pipe", len(shown))
		}
		return p.print(text + ":\n" + hex.Dump(shown))
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, e.Value, "", "  "); err != nil {
		return err
	}
	return p.print(printable(pretty.String()) + "\n")
}

// keyFlag adds the flag that spares people the encoding of a key.
func (p *program) keyFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "key", "", "the key as text, of the given table")
	cmd.RegisterFlagCompletionFunc("key", p.completeKey) //nolint:errcheck // the flag was just added
}
