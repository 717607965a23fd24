package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
)

// step is one of the script; it ends when the device agrees with its
// configuration again.
type step struct {
	what string
	do   func(context.Context) error
}

// play is the demo's script.
func (d *device) play(ctx context.Context) (*summary, error) {
	s := &summary{}
	for _, step := range d.steps(s) {
		begun := time.Now()
		err := step.do(ctx)
		d.progress.clear()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Printf("  %-62s %5.1f s\n", step.what, time.Since(begun).Seconds())
	}
	if err := s.measure(ctx, d); err != nil {
		return nil, err
	}
	return s, d.check(ctx, s)
}

func (d *device) steps(s *summary) []step {
	second := "a second version: two ports changed"
	if d.configured.hasApps() {
		second = "a second version: one application gone, one changed, one new"
	}
	steps := []step{
		{fmt.Sprintf("start the server and %d agents", len(agentPrograms)), d.begin},
	}
	if sick := d.toCorrupt(); sick != "" {
		steps = append(steps,
			step{"an application whose content is served corrupted is in error", func(context.Context) error { return d.tellSick() }},
			step{"the content heals, and with it the application", d.heal})
	}
	steps = append(steps,
		step{"add a port, a network instance, an application", d.reconfigure((*configuration).grow)},
		step{second, d.reconfigure((*configuration).second)},
		step{"remove the last of each", d.reconfigure((*configuration).shrink)},
	)
	steps = append(steps, step{"a rogue agent wants what is others', and is refused", func(ctx context.Context) error { return d.rogue(ctx, s) }})
	for _, p := range slices.Backward(agentPrograms) {
		steps = append(steps, step{"kill " + p.name + " with -9 while content comes", d.killWhileLoading(p.name)})
	}
	return append(steps,
		step{"kill the server with -9 under load", func(ctx context.Context) error { return d.killServer(ctx, s) }},
		step{"power off, lose the file and all that is volatile, power on", d.reboot},
		step{"the file comes back, changed", d.reconfigure((*configuration).renew)},
	)
}

// toCorrupt returns the name of the content that is served corrupted in the
// beginning: the last one whose checksum the configuration states; empty: there is
// none.
func (d *device) toCorrupt() string {
	trees := d.configured.items("contentInfo")
	for _, tree := range slices.Backward(trees) {
		if sum, _ := tree["sha256"].(string); sum != "" {
			name, _ := tree["URL"].(string)
			return name
		}
	}
	return ""
}

func (d *device) begin(ctx context.Context) error {
	if sick := d.toCorrupt(); sick != "" {
		if err := d.serveCorrupted(sick); err != nil {
			return err
		}
	}
	if err := d.startContent(ctx); err != nil {
		return err
	}
	if err := d.configure(); err != nil {
		return err
	}
	// The agents are first: nothing depends on who starts first.
	if err := d.startAgents(); err != nil {
		return err
	}
	if err := d.startServer(); err != nil {
		return err
	}
	if err := d.connect(ctx); err != nil {
		return err
	}
	return d.agreed(ctx)
}

// tellSick prints what diag says of the application whose content is corrupted.
func (d *device) tellSick() error {
	out, err := exec.Command(filepath.Join(d.bin, "diag"), "--server", d.url, "--once").Output()
	if err != nil {
		return fmt.Errorf("diag --once: %w", err)
	}
	_, errs, _ := strings.Cut(string(out), "\nErrors")
	errs, _, _ = strings.Cut(errs, "\n\n")
	told := false
	for line := range strings.Lines(errs) {
		if strings.Contains(line, "SHA-256") {
			fmt.Println(wrapped("    diag: "+strings.TrimSpace(line), "      "))
			told = true
		}
	}
	if !told {
		return fmt.Errorf("diag does not tell of the corrupted content:\n%s", out)
	}
	return nil
}

func (d *device) heal(ctx context.Context) error {
	if err := d.serveCorrupted(); err != nil {
		return err
	}
	return d.agreed(ctx)
}

func (d *device) reconfigure(edit func(*configuration)) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := d.edit(edit); err != nil {
			return err
		}
		return d.agreed(ctx)
	}
}

func (d *device) edit(edit func(*configuration)) error {
	edit(d.configured)
	d.reconfigs++
	return d.configure()
}

// loading asks for content anew and returns when it comes.
func (d *device) loading(ctx context.Context) error {
	if err := d.edit((*configuration).renew); err != nil || !d.configured.hasApps() {
		return err
	}
	return d.await(ctx, "no content comes", func() error {
		var loads map[string]types.DownloaderStatus
		if err := snapshot(ctx, d.client, topics.DownloaderStatus, &loads); err != nil {
			return err
		}
		for _, load := range loads {
			if load.State == types.DownloadRunning && load.CurrentBytes > load.ResumedBytes {
				return nil
			}
		}
		return errors.New("nothing is being downloaded")
	})
}

func (d *device) killWhileLoading(agent string) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := d.loading(ctx); err != nil {
			return err
		}
		if err := d.killAgent(agent); err != nil {
			return err
		}
		if err := d.edit(func(c *configuration) { c.rename(d.kills) }); err != nil { // meanwhile
			return err
		}
		if err := d.startAgent(agent); err != nil {
			return err
		}
		return d.agreed(ctx)
	}
}

func (d *device) killServer(ctx context.Context, s *summary) error {
	load, err := startLoad(ctx, d.url)
	if err != nil {
		return err
	}
	defer load.close()
	if err := d.loading(ctx); err != nil {
		return err
	}
	d.kills++
	if err := d.server.kill(); err != nil {
		return err
	}
	if err := d.edit(func(c *configuration) { c.rename(d.kills) }); err != nil {
		return err
	}
	if err := d.startServer(); err != nil {
		return err
	}
	if err := d.agreed(ctx); err != nil {
		return err
	}
	s.load, err = load.end(ctx)
	return err
}

// reboot ends everything without a warning and brings it back without what a
// reboot takes away, and without the configuration file.
func (d *device) reboot(ctx context.Context) error {
	for _, p := range agentPrograms {
		if err := d.killAgent(p.name); err != nil {
			return err
		}
	}
	d.kills++
	err := errors.Join(d.apps.kill(), d.server.kill())
	for _, gone := range []string{"volatile", "domains", "led"} {
		err = errors.Join(err, os.RemoveAll(d.file(gone)))
	}
	if err = errors.Join(err, os.Remove(d.config)); err != nil {
		return err
	}
	if err := d.startServer(); err != nil {
		return err
	}
	if err := d.startAgents(); err != nil {
		return err
	}
	return d.agreed(ctx)
}
