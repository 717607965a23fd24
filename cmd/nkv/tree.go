package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) treeCommand() *cobra.Command {
	var depth int
	cmd := &cobra.Command{
		Use:   "tree [PATTERN]",
		Short: "Draw the tree of agents, topics and keys",
		Long: `Draw the tree of what a pattern selects, or of everything: agents, their topics
with scopes, their keys, with counts and sizes. The tokens are as in paths: joined
with dots they make one.`,
		SuggestFor:        []string{"draw", "hierarchy"},
		Args:              arguments(0, 1),
		ValidArgsFunction: p.completePath,
	}
	cmd.Flags().IntVar(&depth, "depth", 3, "how deep to draw: 1 agents, 2 topics, 3 keys")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if depth < 1 || depth > 3 {
			return usagef("--depth is %d; it takes 1 to 3", depth)
		}
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
		root := newTree(found, depth)
		if p.json {
			err = p.document(root)
		} else {
			err = p.print(p.drawTree(root))
		}
		if err != nil || len(args) == 0 {
			return err
		}
		return found.missing(pattern)
	}
	return cmd
}

// node is a place in the tree of paths.
type node struct {
	Token    string  `json:"token"`              // encoded
	Path     string  `json:"path,omitempty"`     // encoded, from the root
	Tables   int     `json:"tables,omitempty"`   // below it
	Keys     int     `json:"keys,omitempty"`     // below it
	Bytes    int64   `json:"bytes"`              // of the values below it, or of its own
	Revision uint64  `json:"revision,omitempty"` // of a key
	Nodes    []*node `json:"nodes,omitempty"`
}

// newTree makes the tree of what was found, which is in the order of tables.
func newTree(found selection, depth int) *node {
	root := &node{Token: "nkv"}
	agents := map[string]*node{}
	for _, t := range found {
		token, topic, _ := strings.Cut(t.info.Table, ".")
		agent := agents[token]
		if agent == nil {
			agent = &node{Token: token, Path: token}
			agents[token] = agent
			root.Nodes = append(root.Nodes, agent)
		}
		table := &node{Token: topic, Path: t.info.Table, Keys: len(t.entries), Bytes: t.bytes()}
		for _, n := range []*node{root, agent} {
			n.Tables++
			n.Keys += table.Keys
			n.Bytes += table.Bytes
		}
		if depth > 1 {
			agent.Nodes = append(agent.Nodes, table)
		}
		if depth < 3 {
			continue
		}
		for _, e := range t.entries {
			table.Nodes = append(table.Nodes, &node{
				Token: wire.EncodeToken(e.Path.Key), Path: e.Path.String(), Bytes: int64(len(e.Value)), Revision: e.Revision,
			})
		}
	}
	return root
}

func (p *program) drawTree(root *node) string {
	var b strings.Builder
	var draw func(n *node, before string)
	draw = func(n *node, before string) {
		for i, child := range n.Nodes {
			branch, below := "├── ", "│   "
			if i == len(n.Nodes)-1 {
				branch, below = "└── ", "    "
			}
			b.WriteString(p.treeLine(before+branch, child))
			draw(child, before+below)
		}
	}
	b.WriteString(p.treeLine("", root))
	draw(root, "")
	return b.String()
}

// treeLine writes one line; on a narrow screen the token is cut, not the figures.
func (p *program) treeLine(before string, n *node) string {
	var figures string
	switch {
	case n.Revision != 0:
		figures = size(n.Bytes)
	case n.Tables > 0 || n.Path == "":
		figures = fmt.Sprintf("%s, %s, %s", count(n.Tables, "table"), count(n.Keys, "key"), size(n.Bytes))
	default:
		figures = fmt.Sprintf("%s, %s", count(n.Keys, "key"), size(n.Bytes))
	}
	token := n.Token
	if p.screen.width > 0 {
		room := p.screen.width - len([]rune(before)) - len(figures) - 4
		token = cutMiddle(token, max(8, room))
	}
	if n.Revision == 0 {
		token = p.screen.paint(bold, token)
	}
	return before + token + "  " + p.screen.paint(faint, "("+figures+")") + "\n"
}
