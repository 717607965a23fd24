package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// rogue is an agent with an identity of its own that goes for what is others'.
// Each try must be refused; how many there were stands in the summary, with what
// the server said to the first.
func (d *device) rogue(ctx context.Context, s *summary) error {
	before, err := d.client.Health(ctx)
	if err != nil {
		return err
	}
	for _, impostor := range []string{topics.ZedAgent, "demo"} {
		if err := d.posesAs(ctx, impostor); err != nil {
			return err
		}
		s.rogue++
	}
	c, err := client.Connect(ctx, d.url, client.Name(rogueIdentity), client.NKey(d.seed(rogueIdentity)))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Wait(ctx); err != nil {
		return err
	}
	for what, try := range tries(ctx, c) {
		err := try()
		if !errors.Is(err, client.ErrForbidden) {
			return fmt.Errorf("a rogue agent that wants to %s was not refused: %v", what, err)
		}
		s.rogue++
		if what == "read a secret table" {
			s.rogueTold = err.Error()
		}
	}
	after, err := d.client.Health(ctx)
	if err == nil && after.Refused < before.Refused+uint64(s.rogue) {
		err = fmt.Errorf("the server counts %d refusals; the rogue agent had %d", after.Refused-before.Refused, s.rogue)
	}
	return err
}

// posesAs tries to connect under another's name.
func (d *device) posesAs(ctx context.Context, agent string) error {
	c, err := client.Connect(ctx, d.url, client.Name(agent), client.NKey(d.seed(rogueIdentity)))
	if err != nil {
		return err
	}
	defer c.Close()
	return d.await(ctx, "a rogue agent may connect as "+agent, func() error {
		if err := c.Connected(); !errors.Is(err, client.ErrForbidden) {
			return fmt.Errorf("it is not refused: %v", err)
		}
		return nil
	})
}

// tries are what it tries under its own name.
func tries(ctx context.Context, c *client.Client) map[string]func() error {
	config, status := topics.AppInstanceConfig.Name(), topics.DomainStatus.Name()
	secret := topics.DatastoreConfig.Name()
	return map[string]func() error{
		"write a table of another's": func() error {
			_, err := c.Put(ctx, wire.Path{Table: config, Key: "rogue"}, []byte("{}"))
			return err
		},
		"delete a key of another's":   func() error { _, err := c.Delete(ctx, wire.Path{Table: config, Key: "rogue"}); return err },
		"empty a table of another's":  func() error { _, err := c.Clear(ctx, status); return err },
		"own a table of another's":    func() error { _, err := c.Open(ctx, status); return err },
		"take a table from its owner": func() error { _, err := c.Take(ctx, status, false); return err },
		"close a table of another's":  func() error { return c.Release(ctx, status, 1) },
		"read a secret table":         func() error { _, _, err := c.Snapshot(ctx, secret); return err },
		"trace a secret table":        func() error { _, err := c.Trace(ctx, secret); return err },
		"listen to a secret table":    func() error { return listen(ctx, c, secret.String()) },
	}
}

// listen waits for what a subscription says.
func listen(ctx context.Context, c *client.Client, table string) error {
	s, err := c.Subscribe(table)
	if err != nil {
		return err
	}
	defer s.Close()
	for err == nil {
		err = s.Wait(ctx)
	}
	return err
}
