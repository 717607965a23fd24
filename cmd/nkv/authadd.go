package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evenkv/nkv/pkg/server/access"
)

// addFlags say what an identity shall have.
type addFlags struct {
	role     string
	agents   []string
	reads    []string
	password bool
	nkeys    []string
	seed     string
	users    []string
	groups   []string
}

func (p *program) authAddCommand(file *string) *cobra.Command {
	var flags addFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an identity, or to one",
		Long: `Add an identity to the agents file, which is made where it is missing, or add to one
that is there: agents to act as, tables to read, and ways to prove who it is.

  nkv auth add nim --agent nim --seed /etc/nkv/nim.nk     makes a key pair
  nkv auth add alice --role operator --password           asks for the password
  nkv auth add pillar --agent zedagent --agent nim --user pillar

A password is asked for, or read from standard input as one line. The file gets its
hash only. A client uses what it was given with ` + "NKV_NKEY=FILE, or NKV_USER and NKV_PASSWORD.",
		SuggestFor:        []string{"set", "new", "create"},
		Args:              arguments(1, 1),
		ValidArgsFunction: completeIdentity(file),
		RunE: func(_ *cobra.Command, args []string) error {
			return p.authAdd(*file, args[0], flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.agents, "agent", nil, "an `agent` that it may act as; may be given again, like each of the next")
	f.StringArrayVar(&flags.reads, "reads", nil, "a `pattern` of tables that it reads; without any it reads all but secret tables")
	f.StringVar(&flags.role, "role", "", "operator: reads and writes all; observer: reads all")
	f.StringVar(&flags.seed, "seed", "", "make an nkey, and write its seed, the secret half, to this new `file`")
	f.StringArrayVar(&flags.nkeys, "nkey", nil, "an nkey's public `key`")
	f.BoolVar(&flags.password, "password", false, "a password, asked for or read from standard input")
	f.StringArrayVar(&flags.users, "user", nil, "a `user` of this machine, name or number, whose processes on the Unix socket it is")
	f.StringArrayVar(&flags.groups, "group", nil, "likewise a `group`: a process's first one counts")
	if err := cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]cobra.Completion{"operator", "observer"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		fmt.Fprintln(p.stderr, err)
	}
	return cmd
}

func (p *program) authAdd(file, name string, flags addFlags) error {
	if _, err := access.Load(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // before anything is asked
	}
	var err error
	id := access.Identity{Name: name, Role: access.Role(flags.role), Agents: flags.agents, Reads: flags.reads, NKeys: flags.nkeys}
	if id.UIDs, err = ids(flags.users, "user", lookUpUser); err != nil {
		return err
	}
	if id.GIDs, err = ids(flags.groups, "group", lookUpGroup); err != nil {
		return err
	}
	if flags.password {
		hash, err := p.newPassword(name)
		if err != nil {
			return err
		}
		id.Passwords = append(id.Passwords, hash)
	}
	if flags.seed != "" {
		public, err := newSeed(flags.seed)
		if err != nil {
			return err
		}
		id.NKeys = append(id.NKeys, public)
	}
	err = addTo(file, id)
	if err != nil && flags.seed != "" {
		err = errors.Join(err, os.Remove(flags.seed)) // it is of no use
	}
	return err
}

// addTo adds to an identity in a file, which others can't change meanwhile.
func addTo(file string, id access.Identity) error {
	edit, err := access.OpenEdit(file)
	if err != nil {
		return err
	}
	defer edit.Close()
	edit.Add(id)
	return edit.Save()
}

// newPassword returns the hash of a password that a person types twice, or that
// stands in the first line of standard input.
func (p *program) newPassword(name string) (string, error) {
	ask := func(prompt string) (string, error) {
		if in, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
			fmt.Fprint(p.stderr, prompt) //nolint:errcheck // the answer is read anyway
			typed, err := term.ReadPassword(int(in.Fd()))
			fmt.Fprintln(p.stderr)
			return string(typed), err
		}
		line, err := bufio.NewReader(io.LimitReader(p.stdin, 4096)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimRight(line, "\r\n"), err
	}
	typed, err := ask("New password of " + printable(name) + ": ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if in, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		again, err := ask("Once more: ")
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		if again != typed {
			return "", usagef("the two passwords differ")
		}
	}
	hash, err := access.Hash(typed)
	if err != nil {
		return "", &usageError{err, ""}
	}
	return hash, nil
}

// newSeed makes a key pair, writes its secret half to a new file that only this
// user may read, and returns the public one.
func newSeed(file string) (public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", fmt.Errorf("make an nkey: %w", err)
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err == nil {
		public, err = pair.PublicKey()
	}
	if err != nil {
		return "", fmt.Errorf("make an nkey: %w", err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return "", &usageError{fmt.Errorf("write the seed: %w", err), "name a new file, or add the key that it holds with --nkey"}
	}
	if err == nil {
		_, err = f.Write(append(seed, '\n'))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return "", fmt.Errorf("write the seed: %w", err)
	}
	return public, nil
}

// ids reads names and numbers.
func ids(given []string, what string, lookUp func(string) (string, error)) ([]uint32, error) {
	var all []uint32
	for _, text := range given {
		number := text
		if _, err := strconv.ParseUint(text, 10, 32); err != nil {
			if number, err = lookUp(text); err != nil {
				return nil, &usageError{fmt.Errorf("--%s %s: %w", what, text, err), "give its number where this machine does not know the name"}
			}
		}
		id, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--%s %s: %w", what, text, err), ""}
		}
		all = append(all, uint32(id))
	}
	return all, nil
}

func lookUpUser(name string) (string, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return found.Uid, nil
}

func lookUpGroup(name string) (string, error) {
	found, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return found.Gid, nil
}
