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
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/command"
)

// list returns what `nkv ls --json` says, by table and key.
func (d *device) list(ctx context.Context) (map[string]map[string]handled, error) {
	var out, failed bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "nkv"), "--server", d.url, "--json", "ls", ">")
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("nkv ls: %w: %s", err, strings.TrimSpace(failed.String()))
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
// handling the last change: all is read again with each change of its calls,
// until the demo's time is up.
func (d *device) check(ctx context.Context, s *summary) error {
	var err error
	if err := d.verdict(); err != nil {
		return err
	}
	listed, err := d.list(ctx)
	if err != nil {
		return err
	}
	for {
		unequal := d.checkCalls(s, listed)
		if unequal == nil {
			return d.count(ctx, s, listed)
		}
		var view *unequalError
		if !errors.As(unequal, &view) || ctx.Err() != nil {
			return unequal
		}
		before := listed
		if listed, err = d.list(ctx); err != nil {
			return err
		}
		if !reflect.DeepEqual(before, listed) {
			continue // the server held more meanwhile
		}
		if err := d.settled(ctx, view.run); err != nil {
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

// settled waits until a run has handled more than was read of it, or must have.
func (d *device) settled(ctx context.Context, r *run) error {
	deadline := time.NewTimer(10 * time.Second) // guarantee G1
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond) // another process's file has no event that is ours
	defer look.Stop()
	for {
		size, err := fileSize(r.calls)
		if err != nil {
			return err
		}
		if size != r.read {
			return nil
		}
		select {
		case <-look.C:
		case <-deadline.C:
			return errors.New("nothing more was handled for 10 s")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fileSize returns a file's size in bytes; 0: it is not there.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (d *device) checkCalls(s *summary, listed map[string]map[string]handled) error {
	// The calls first: what they are of is written down before it is told.
	all := make([][]command.HandlerCall, len(d.runs))
	s.calls, s.lives = 0, len(d.runs)
	for i, r := range d.runs {
		var err error
		if r.read, err = fileSize(r.calls); err != nil {
			return err
		}
		if all[i], err = lines[command.HandlerCall](r.calls); err != nil {
			return err
		}
		s.calls += len(all[i])
	}
	h, err := readHistory(d.file("changes"))
	if err != nil {
		return err
	}
	s.changes = h.changes
	for i, r := range d.runs {
		v, err := h.replay(all[i])
		if err != nil {
			return fmt.Errorf("%s, log %s: %w", r.agent, filepath.Base(r.calls), err)
		}
		if r.killed && !d.last(r) {
			continue
		}
		if err := v.equals(program(r.agent).reads, listed); err != nil {
			return &unequalError{r, err}
		}
	}
	return nil
}

// count fills in the summary.
func (d *device) count(ctx context.Context, s *summary, listed map[string]map[string]handled) (err error) {
	for _, keys := range listed {
		s.tables++
		s.keys += len(keys)
	}
	s.kills, s.reconfigs = d.kills, d.reconfigs
	s.processes, _ = d.apps.verdict()
	s.volumes, _ = d.vault.verdict()
	s.statuses, _ = d.statuses.verdict()
	e, err := d.expect()
	if err != nil {
		return err
	}
	f, err := d.find(ctx)
	if err != nil {
		return err
	}
	s.standing = e.standing(f)
	s.loads = d.loads.counts()
	s.resident, err = resident(d.server.cmd.Process.Pid)
	return err
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
