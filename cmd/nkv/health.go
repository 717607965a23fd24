package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkv/nkv/pkg/wire"
)

func (p *program) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Tell how the server is",
		Long: `Tell how the server is. The exit code is 0 when it takes all changes, 4 when it
refuses some, for which it then says why, and 3 when there is no server.`,
		SuggestFor:        []string{"status", "ping", "info"},
		Args:              arguments(0, 0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			health, err := c.Health(cmd.Context())
			if err != nil {
				return err
			}
			if p.json {
				err = p.document(health)
			} else {
				err = p.print(p.healthText(health))
			}
			if err == nil && health.Status != "ok" {
				err = fmt.Errorf("%w: %s", errUnhealthy, health.Status)
			}
			return err
		},
	}
}

func (p *program) healthText(h wire.HealthAnswer) string {
	var b strings.Builder
	condition := func(what, text string) {
		color := green
		if text != "ok" {
			color = red
		}
		fmt.Fprintf(&b, "%-12s %s\n", what, p.screen.paint(color, printable(text)))
	}
	condition("server", h.Status)
	condition("durable", h.Durable)
	condition("volatile", h.Volatile)
	fmt.Fprintf(&b, "%-12s %s\n", "up", h.Uptime.Truncate(time.Second))
	fmt.Fprintf(&b, "%-12s %d\n", "revision", h.Revision)
	fmt.Fprintf(&b, "%-12s %s, %s, %s\n", "holds", count(h.Tables, "table"), count(h.Keys, "key"), size(h.Bytes))
	fmt.Fprintf(&b, "%-12s %d\n", "connections", h.Connections)
	fmt.Fprintf(&b, "%-12s %s for not reading\n", "cut", count(int(h.Slow), "connection"))
	fmt.Fprintf(&b, "%-12s %d logins, requests and subscriptions\n", "refused", h.Refused)
	return b.String()
}
