package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/server/access"
	"github.com/evenkv/nkv/pkg/wire"
)

// errMayNot: the answer of a check is no.
var errMayNot = errors.New("it may not")

// verdictJSON is the answer of a check, for scripts.
type verdictJSON struct {
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule"`
}

func (p *program) authCheckCommand(file *string) *cobra.Command {
	var agent string
	cmd := &cobra.Command{
		Use:   "check [NAME read|write TABLE|PATH]",
		Short: "Check the agents file, or tell what an identity may do, and by which rule",
		Long: `Check the agents file; with arguments, tell whether an identity may read or write a
table, or a key in it, and by which rule. The exit code is 0 when it may and 4 when it
may not.

  nkv auth check
  nkv auth check downloader read zedagent.DatastoreConfig`,
		SuggestFor: []string{"test", "validate", "may", "can"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return arguments(3, 3)(cmd, args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return completeIdentity(file)(cmd, args, begun)
			case 1:
				return []cobra.Completion{"read", "write"}, cobra.ShellCompDirectiveNoFileComp
			case 2:
				return p.completeArgument(cmd.Context(), begun, true)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			rules, err := access.Load(*file)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return p.checked(rules)
			}
			return p.may(rules, args[0], agent, args[1], args[2])
		},
	}
	cmd.Flags().StringVar(&agent, "as", "", "the agent that it acts as, when it may act as several (default its first)")
	return cmd
}

func (p *program) checked(rules *access.Rules) error {
	if p.json {
		return p.document(agentsOf(rules))
	}
	return p.print(fmt.Sprintf("the file is right: %s, %s\n", counted(len(rules.Identities()), "identity", "identities"), counted(len(rules.Secret()), "secret entry", "secret entries")))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// may answers what an identity may do that acts as an agent.
func (p *program) may(rules *access.Rules, name, agent, what, place string) error {
	id, err := rules.Named(name)
	if err != nil {
		return err
	}
	if agent == "" {
		agent = p.name
		if len(id.Agents) > 0 {
			agent = id.Agents[0]
		}
	}
	acting, err := rules.As(id, agent)
	if err != nil {
		return err
	}
	table := place
	if strings.Count(place, ".") > 1 {
		table, _, _ = wire.SplitPath(place)
	}
	if _, err := tableOf(table); err != nil {
		return err
	}
	var verdict access.Verdict
	switch what {
	case "read":
		verdict = acting.Read(table)
	case "write":
		verdict = acting.Write(table)
	default:
		return &usageError{usagef("nkv auth check: %q; it takes read or write", what), ""}
	}
	word := "yes"
	if !verdict.Allowed {
		word, err = "no", fmt.Errorf("%w: %s %s %s as agent %s", errMayNot, name, what, table, agent)
	}
	if p.json {
		return errors.Join(p.document(verdictJSON{verdict.Allowed, verdict.Rule}), err)
	}
	return errors.Join(p.print(word+": "+printable(verdict.Rule)+"\n"), err)
}
