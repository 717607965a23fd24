package domainmgr_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/domainmgr/internal/census"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// process runs the agent as a process of its own.
func (s *scene) process() *exec.Cmd {
	s.t.Helper()
	opts := s.opts
	opts.Logger = nil
	text, err := json.Marshal(setting{URL: s.URL(), Opts: opts})
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envDomainMgr+"="+string(text), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = s.t.Output()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { end(cmd) })
	return cmd
}

// end kills the process, if it was not yet.
func end(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // it was killed
	}
}

func TestAKilledOneIsFollowedByOneThatAdopts(t *testing.T) {
	s := newScene(t, "")
	first := s.process()
	s.config.Put("a", request("a"))
	before := s.awaitState("a", types.StateRunning)
	s.status.AwaitCall("restarted 1")
	end(first)
	s.status.Calls()
	s.process()
	s.status.AwaitCall("restarted 2")
	if diff := cmp.Diff(before, s.status.Values()["a"]); diff != "" || s.alive("a").PID != before.PID {
		t.Error(diff)
	}
	if calls := s.status.Calls(); slices.Contains(calls, "modify a") || slices.Contains(calls, "delete a") {
		t.Errorf("the status changed: %v", calls)
	}
	kill(t, before.PID, syscall.SIGKILL)
	told := false
	s.await("another process", "a", func(d types.DomainStatus) bool {
		told = told || d.Problem.What == "ended; how is not known, since an earlier domainmgr had started it"
		return d.State == types.StateRunning && d.PID != before.PID
	})
	if !told {
		t.Error("the end was not told")
	}
}

// stormMost bounds a storm on a slow machine, which goes on until stormLeast
// processes were seen.
const (
	stormMost  = 5 * time.Second
	stormLeast = 3
)

// TestStormOfKills: domainmgr is killed again and again while requests come,
// change and go and applications are killed.
func TestStormOfKills(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	s := newScene(t, "")
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	want := map[string]types.DomainConfig{}
	keys := []string{"a", "b", "c", "d"}
	pids := map[int]bool{}
	began := time.Now()
	for round := 0; round < 25 && time.Since(began) < stormMost || len(pids) < stormLeast && time.Since(began) < agenttest.Patience; round++ {
		cmd := s.process()
		for range 1 + r.IntN(3) {
			s.disturb(r, keys[r.IntN(len(keys))], want)
			time.Sleep(time.Duration(r.Int64N(int64(120 * time.Millisecond))))
		}
		end(cmd)
		for _, list := range census.Of(s.opts.Dir) {
			pids[list[0].PID] = true
		}
	}
	if len(pids) < stormLeast {
		t.Errorf("only %d processes were seen, the test is void", len(pids))
	}
	s.process()
	s.status.Await("all as wanted", func(v map[string]types.DomainStatus) bool {
		if len(v) != len(want) {
			return false
		}
		for key, cfg := range want {
			d := v[key]
			if d.State != types.StateRunning || d.Running.VCPUs != cfg.VCPUs || d.DisplayName != cfg.DisplayName {
				return false
			}
		}
		return true
	})
	s.checkAll(want)
}

// disturb changes what is wanted of an application, or kills it.
func (s *scene) disturb(r *rand.Rand, key string, want map[string]types.DomainConfig) {
	s.t.Helper()
	cfg, there := want[key]
	if !there {
		cfg = request(key)
	}
	switch r.IntN(5) {
	case 0:
		if there {
			delete(want, key)
			s.config.Delete(key)
		}
		return
	case 1:
		for _, p := range census.Of(s.opts.Dir)[key] {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				s.t.Error(err)
			}
		}
		return
	case 2:
		cfg.DisplayName += "!"
	default:
		cfg.VCPUs++
	}
	want[key] = cfg
	s.config.Put(key, cfg)
}

// checkAll compares what runs with what is wanted and with what the statuses say.
func (s *scene) checkAll(want map[string]types.DomainConfig) {
	s.t.Helper()
	alive := census.Of(s.opts.Dir)
	if len(alive) != len(want) {
		s.t.Errorf("%d applications run, want %d", len(alive), len(want))
	}
	for key, cfg := range want {
		list, d := alive[key], s.status.Values()[key]
		if len(list) != 1 || list[0].PID != d.PID || list[0].Env["NKV_DOMAIN_VCPUS"] != strconv.Itoa(int(cfg.VCPUs)) {
			s.t.Errorf("%s: processes %v, status %+v", key, list, d)
		}
	}
}
