package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/wire"
)

// play is the demo's script. Each step ends when the tables agree with the
// configuration again.
func (d *device) play(ctx context.Context) (*summary, error) {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"start the server and three agents", d.begin},
		{"add a port, an app and a network instance", d.reconfigure((*configuration).add)},
		{"change them", d.reconfigure(func(c *configuration) { c.change(1) })},
		{"remove them", d.reconfigure((*configuration).remove)},
		{"kill nim with -9, change the device meanwhile, restart it", d.killWhileChanging("nim", 2)},
		{"kill zedagent with -9, change the file meanwhile, restart it", d.killWhileChanging("zedagent", 3)},
		{"kill diag with -9, change the device meanwhile, restart it", d.killWhileChanging("diag", 4)},
		{"kill the server with -9 while the file changes, restart it", d.killServer},
		{"power off, lose the file and all that is volatile, power on", d.reboot},
		{"the file comes back, changed", d.reconfigure(func(c *configuration) { c.change(6) })},
	} {
		begun := time.Now()
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Printf("  %-62s %5.1f s\n", step.what, time.Since(begun).Seconds())
	}
	s := &summary{}
	if err := s.measure(ctx, d); err != nil {
		return nil, err
	}
	return s, d.check(ctx, s)
}

func (d *device) begin(ctx context.Context) error {
	if err := d.configured.write(d.config); err != nil {
		return err
	}
	// The agents are first: nothing depends on who starts first.
	for _, name := range []string{"diag", "nim", "zedagent"} {
		if err := d.startAgent(name); err != nil {
			return err
		}
	}
	if err := d.startServer(); err != nil {
		return err
	}
	if err := d.connect(ctx); err != nil {
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
	return d.configured.write(d.config)
}

func (d *device) killWhileChanging(agent string, round int) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := d.killAgent(agent); err != nil {
			return err
		}
		if err := d.edit(func(c *configuration) { c.change(round) }); err != nil {
			return err
		}
		if err := d.startAgent(agent); err != nil {
			return err
		}
		return d.agreed(ctx)
	}
}

func (d *device) killServer(ctx context.Context) error {
	if err := d.edit(func(c *configuration) { c.change(5) }); err != nil {
		return err
	}
	d.kills++
	if err := d.server.kill(); err != nil {
		return err
	}
	if err := d.startServer(); err != nil {
		return err
	}
	if err := d.adopt(ctx); err != nil {
		return err
	}
	return d.agreed(ctx)
}

// reboot ends everything without a warning and brings it back without what a
// reboot takes away, and without the configuration file.
func (d *device) reboot(ctx context.Context) error {
	for _, name := range []string{"zedagent", "nim", "diag"} {
		if err := d.killAgent(name); err != nil {
			return err
		}
	}
	d.kills++
	if err := d.server.kill(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(d.file("volatile")), os.Remove(d.config), d.forget()); err != nil {
		return err
	}
	if err := d.startServer(); err != nil {
		return err
	}
	if err := d.adopt(ctx); err != nil {
		return err
	}
	for _, name := range []string{"zedagent", "nim", "diag"} {
		if err := d.startAgent(name); err != nil {
			return err
		}
	}
	return d.agreed(ctx)
}

// forget notes that a reboot takes every volatile key away.
func (d *device) forget() error {
	h, err := readHistory(d.file("changes"), d.adopted)
	if err != nil {
		return err
	}
	for table, keys := range h.byKey {
		if table == topics.LastGoodConfig.String() {
			continue
		}
		for key := range keys {
			// The next revision was never given: each start skips ahead.
			d.adopted = append(d.adopted, change{Op: "delete", Table: table, Key: wire.EncodeToken(key), Revision: h.newest + 1})
		}
	}
	return nil
}

// adopt takes what the server holds after it was killed as accepted.
func (d *device) adopt(ctx context.Context) error {
	listed, err := d.list(ctx)
	if err != nil {
		return err
	}
	for table, keys := range listed {
		for key, h := range keys {
			d.adopted = append(d.adopted, change{Op: "put", Table: table, Key: wire.EncodeToken(key), Revision: h.revision, SHA256: h.sha256})
		}
	}
	return nil
}

// list returns what `nkv ls --json` says, by table and key.
func (d *device) list(ctx context.Context) (map[string]map[string]handled, error) {
	var out, failed bytes.Buffer
	for {
		if err := d.client.Wait(ctx); err != nil {
			return nil, err
		}
		out.Reset()
		failed.Reset()
		cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "nkv"), "--server", d.url, "--json", "ls", ">")
		cmd.Stdout, cmd.Stderr = &out, &failed
		err := cmd.Run()
		if err == nil {
			break
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || ctx.Err() != nil { // 3: the server does not listen yet
			return nil, fmt.Errorf("nkv ls: %w: %s", err, strings.TrimSpace(failed.String()))
		}
	}
	var entries []struct {
		Table    string          `json:"table"`
		Key      string          `json:"key"`
		Revision uint64          `json:"revision"`
		Value    json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(out.Bytes(), &entries); err != nil {
		return nil, fmt.Errorf("nkv ls --json: %w", err)
	}
	listed := map[string]map[string]handled{}
	for _, e := range entries {
		var compact bytes.Buffer
		if err := json.Compact(&compact, e.Value); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(compact.Bytes())
		if listed[e.Table] == nil {
			listed[e.Table] = map[string]handled{}
		}
		listed[e.Table][e.Key] = handled{revision: e.Revision, sha256: hex.EncodeToString(sum[:])}
	}
	return listed, nil
}

// check replays every handler call of every life of every agent, and compares
// the views of the living with what the server holds. An agent may still be
// handling the last change: its calls are read again with each change of them,
// until the demo's time is up.
func (d *device) check(ctx context.Context, s *summary) error {
	listed, err := d.list(ctx)
	if err != nil {
		return err
	}
	for _, keys := range listed {
		s.tables++
		s.keys += len(keys)
	}
	for {
		err := d.checkCalls(s, listed)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var unequal *unequalError
		if !errors.As(err, &unequal) {
			return err
		}
		if err := d.settled(ctx, unequal.run); err != nil {
			return errors.Join(unequal, err)
		}
	}
}

// unequalError says that an agent's view is not what the server holds, which may
// still become so.
type unequalError struct {
	run *run
	err error
}

func (e *unequalError) Error() string { return e.run.agent + ": " + e.err.Error() }

// settled waits until a run has handled more, or must have.
func (d *device) settled(ctx context.Context, r *run) error {
	before, err := os.Stat(r.calls)
	if err != nil {
		return err
	}
	deadline := time.NewTimer(10 * time.Second) // guarantee G1
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond) // another process's file has no event that is ours
	defer look.Stop()
	for {
		select {
		case <-look.C:
			now, err := os.Stat(r.calls)
			if err != nil {
				return err
			}
			if now.Size() != before.Size() {
				return nil
			}
		case <-deadline.C:
			return errors.New("nothing more was handled for 10 s")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *device) checkCalls(s *summary, listed map[string]map[string]handled) error {
	h, err := readHistory(d.file("changes"), d.adopted)
	if err != nil {
		return err
	}
	s.changes, s.calls, s.lives = h.changes, 0, len(d.runs)
	for _, r := range d.runs {
		calls, err := lines[command.HandlerCall](r.calls)
		if err != nil {
			return err
		}
		s.calls += len(calls)
		v, err := h.replay(calls)
		if err != nil {
			return fmt.Errorf("%s, log %s: %w", r.agent, filepath.Base(r.calls), err)
		}
		if r.killed && !d.last(r) {
			continue
		}
		if err := v.equals(reads(r.agent), listed); err != nil {
			return &unequalError{r, err}
		}
	}
	s.kills, s.reconfigs = d.kills, d.reconfigs
	s.resident, err = resident(d.server.cmd.Process.Pid)
	return err
}

// reads returns the tables that an agent subscribes to.
func reads(agent string) []string {
	switch agent {
	case "nim":
		return []string{topics.PhysicalIOAdapter.String(), topics.VLANAdapter.String(), topics.BondAdapter.String(), topics.NetworkPortConfig.String()}
	case "diag":
		return []string{
			topics.PhysicalIOAdapter.String(), topics.VLANAdapter.String(), topics.BondAdapter.String(), topics.NetworkPortConfig.String(),
			topics.NetworkXObjectConfig.String(), topics.NetworkInstanceConfig.String(), topics.AppInstanceConfig.String(),
			topics.VolumeConfig.String(), topics.ContentTreeConfig.String(), topics.DatastoreConfig.String(), topics.ConfigItem.String(),
			topics.ZedAgentStatus.String(), topics.LastGoodConfig.String(), topics.NetworkPortStatus.String(), topics.DeviceNetworkStatus.String(),
		}
	}
	return nil // zedagent reads a file
}

// last reports whether a run is its agent's newest.
func (d *device) last(r *run) bool {
	for i := len(d.runs) - 1; i >= 0; i-- {
		if d.runs[i].agent == r.agent {
			return d.runs[i] == r
		}
	}
	return false
}

// resident returns a process's resident memory in bytes, from /proc; 0 where the
// system has none.
func resident(pid int) (int64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, nil
}
