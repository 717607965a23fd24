package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/server/access"
)

// defaultAgents is where the agents file usually is.
const defaultAgents = "/etc/nkv/agents.yaml"

// authCommand is about the agents file itself, so it asks no server.
func (p *program) authCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Look at and change who may connect, and what each may do",
		Long: `Look at and change the agents file of a server: who may connect, and what each may
read and write. A server takes a changed file by itself.`,
		SuggestFor: []string{"access", "user", "users", "agents", "login"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return &usageError{usagef("nkv auth: a verb is missing"), "it takes add, rm, list or check\nsee: nkv auth --help"}
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.PersistentFlags().StringVar(&file, "file", defaultAgents, "the agents file")
	cmd.AddCommand(p.authAddCommand(&file), p.authRemoveCommand(&file), p.authListCommand(&file), p.authCheckCommand(&file))
	return cmd
}

func (p *program) authRemoveCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:               "rm NAME",
		Short:             "Remove an identity",
		Long:              `Remove an identity. Servers cut its connections when they take the changed file.`,
		Args:              arguments(1, 1),
		ValidArgsFunction: completeIdentity(file),
		RunE: func(_ *cobra.Command, args []string) error {
			edit, err := access.OpenEdit(*file)
			if err != nil {
				return err
			}
			defer edit.Close()
			if err := edit.Remove(args[0]); err != nil {
				return err
			}
			return edit.Save()
		},
	}
}

// identityJSON is an identity without its secrets, for scripts.
type identityJSON struct {
	Name      string      `json:"name"`
	Role      access.Role `json:"role,omitempty"`
	Agents    []string    `json:"agents"`
	Reads     []string    `json:"reads,omitempty"` // empty without a role: all but secret tables
	Passwords int         `json:"passwords"`
	NKeys     []string    `json:"nkeys,omitempty"`
	UIDs      []uint32    `json:"uids,omitempty"`
	GIDs      []uint32    `json:"gids,omitempty"`
}

// agentsJSON is an agents file without its secrets.
type agentsJSON struct {
	Identities []identityJSON `json:"identities"`
	Secret     []string       `json:"secret"`
}

func (p *program) authListCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use:               "list",
		Short:             "List identities and what they may do, without secrets",
		SuggestFor:        []string{"ls", "show"},
		Args:              arguments(0, 0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			rules, err := access.Load(*file)
			if err != nil {
				return err
			}
			if p.json {
				return p.document(agentsOf(rules))
			}
			text := p.identities(rules)
			for _, table := range rules.Secret() {
				text += "secret: " + printable(table) + "\n"
			}
			return p.print(text)
		},
	}
}

func agentsOf(rules *access.Rules) agentsJSON {
	all := agentsJSON{Identities: []identityJSON{}, Secret: rules.Secret()}
	for _, id := range rules.Identities() {
		all.Identities = append(all.Identities, identityJSON{
			Name: id.Name, Role: id.Role, Agents: append([]string{}, id.Agents...), Reads: id.Reads,
			Passwords: len(id.Passwords), NKeys: id.NKeys, UIDs: id.UIDs, GIDs: id.GIDs,
		})
	}
	return all
}

func (p *program) identities(rules *access.Rules) string {
	l := listing{columns: []column{{title: "IDENTITY"}, {title: "AGENTS"}, {title: "READS"}, {title: "PROVED BY"}}}
	for _, id := range rules.Identities() {
		reads := strings.Join(id.Reads, " ")
		switch {
		case id.Role != access.NoRole:
			reads = "all (" + string(id.Role) + ")"
		case reads == "":
			reads = "all but secret"
		}
		l.add(printable(id.Name), printable(strings.Join(id.Agents, " ")), printable(reads), proofs(id))
	}
	return l.draw(p.screen)
}

// proofs says how an identity is proved.
func proofs(id access.Identity) string {
	var all []string
	if n := len(id.Passwords); n > 0 {
		all = append(all, count(n, "password"))
	}
	if n := len(id.NKeys); n > 0 {
		all = append(all, count(n, "nkey"))
	}
	for _, uid := range id.UIDs {
		all = append(all, "user "+userName(uid))
	}
	for _, gid := range id.GIDs {
		all = append(all, "group "+groupName(gid))
	}
	return printable(strings.Join(all, ", "))
}

// completeIdentity completes the first argument with names from the file.
func completeIdentity(file *string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		rules, err := access.Load(*file)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		for _, id := range rules.Identities() {
			if strings.HasPrefix(id.Name, begun) {
				names = append(names, id.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
