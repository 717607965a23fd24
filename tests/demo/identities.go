package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/client"
)

// Identities that are no agent's.
const (
	demoIdentity  = "demo"  // this process, and nkv and diag when it calls them: an operator
	rogueIdentity = "rogue" // an agent that wants what is another's
)

// secretTable is read by whom it is granted to alone.
var secretTable = topics.DatastoreConfig.String()

// identify makes an agents file with an identity for each agent, and an nkey for
// each, as a person does it. Each agent reads what it says that it reads; diag
// looks at everything.
func (d *device) identify() error {
	if err := d.addIdentity(demoIdentity, "--role", "operator"); err != nil {
		return err
	}
	file, err := os.OpenFile(d.file("agents.yaml"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(file, "secret: [%s]\n", secretTable); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	for _, p := range agentPrograms {
		args := []string{"--agent", p.name}
		if p.name == topics.Diag {
			args = append(args, "--role", "observer")
		} else {
			for _, table := range p.reads {
				args = append(args, "--reads", table)
			}
		}
		if err := d.addIdentity(p.name, args...); err != nil {
			return err
		}
	}
	if err := d.addIdentity(rogueIdentity, "--agent", rogueIdentity); err != nil {
		return err
	}
	return os.Setenv(client.EnvNKey, d.seed(demoIdentity))
}

func (d *device) addIdentity(name string, args ...string) error {
	args = append([]string{"auth", "--file", d.file("agents.yaml"), "add", name, "--seed", d.seed(name)}, args...)
	if out, err := exec.Command(filepath.Join(d.bin, "nkv"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("nkv auth add %s: %w: %s", name, err, out)
	}
	return nil
}

// identity returns the file with the secret of a program that has one; empty: it
// has none.
func (d *device) identity(program string) string {
	if _, err := os.Stat(d.seed(program)); err != nil {
		return ""
	}
	return d.seed(program)
}

// seed is the file with the secret of an identity.
func (d *device) seed(identity string) string { return d.file(identity + ".nk") }
