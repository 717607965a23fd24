package domainmgr_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func TestPausesGrow(t *testing.T) {
	s := newScene(t, "exit=3")
	s.domainmgr()
	began := time.Now()
	s.config.Put("a", request("a"))
	pauses := []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond}
	s.await("five failures", "a", func(d types.DomainStatus) bool {
		if d.State != types.StateRestarting {
			return false
		}
		want := pauses[min(int(d.Failures), len(pauses))-1]
		if got := d.RestartAt.Sub(d.Problem.When); got != want {
			t.Errorf("failure %d: a pause of %s, want %s", d.Failures, got, want)
		}
		if d.Problem.What != "exited with status 3" || d.Problem.Where != `application "app a"` || d.Problem.When.Location() != time.UTC {
			t.Errorf("%+v", d.Problem)
		}
		if d.PID != 0 || d.Running.UUID != "" || !d.StartedAt.IsZero() || d.Starts != d.Failures {
			t.Errorf("no process, and %+v", d)
		}
		return d.Failures >= 5
	})
	if took := time.Since(began); took < 550*time.Millisecond {
		t.Errorf("five starts within %s", took)
	}
}

func TestAStableProcessIsForgiven(t *testing.T) {
	s := newScene(t, "crash-after=300ms")
	s.opts.StableAfter = 100 * time.Millisecond
	s.domainmgr()
	s.config.Put("a", request("a"))
	forgiven := 0
	s.await("three crashes", "a", func(d types.DomainStatus) bool {
		if d.State == types.StateRunning && d.Failures == 0 && d.Problem.What == "" && d.Starts > 1 {
			forgiven++
		}
		if d.Failures > 1 {
			t.Errorf("%d failures", d.Failures)
		}
		return d.State == types.StateRestarting && d.Starts >= 3 && d.Problem.What == "killed by signal 9"
	})
	if forgiven == 0 {
		t.Error("a failure is shown as long as the process runs")
	}
}

// TestAClockThatWasSetBackDelaysNothing: a process that was started in what is the
// future now is forgiven all the same.
func TestAClockThatWasSetBackDelaysNothing(t *testing.T) {
	s := newScene(t, "")
	s.opts.StableAfter = time.Hour
	stop := s.domainmgr()
	s.config.Put("a", request("a"))
	pid := s.awaitState("a", types.StateRunning).PID
	kill(t, pid, syscall.SIGKILL)
	s.awaitOther("a", pid)
	stop()
	path := filepath.Join(s.opts.Dir, "a.domain")
	record, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	later := regexp.MustCompile(`"StartedAt": "\d{4}`).ReplaceAll(record, []byte(`"StartedAt": "2222`))
	if err := os.WriteFile(path, later, 0o600); err != nil {
		t.Fatal(err)
	}
	s.opts.StableAfter = 50 * time.Millisecond
	s.domainmgr()
	s.await("forgiven", "a", func(d types.DomainStatus) bool {
		return d.State == types.StateRunning && d.Failures == 0 && d.StartedAt.Year() == 2222
	})
}

// TestAFailureIsNotForgottenByTheNextOne: the pause goes on, the count too.
func TestAFailureIsNotForgottenByTheNextOne(t *testing.T) {
	s := newScene(t, "exit=3")
	s.opts.RestartFirst, s.opts.RestartMost = time.Hour, time.Hour
	stop := s.domainmgr()
	s.config.Put("a", request("a"))
	before := s.awaitState("a", types.StateRestarting)
	stop()
	stop = s.domainmgr()
	s.status.AwaitCall("restarted 2")
	after := s.status.Values()["a"]
	after.Starts = before.Starts // it is counted anew
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	stop()
	s.opts.RestartFirst, s.opts.RestartMost = 10*time.Millisecond, 10*time.Millisecond
	s.domainmgr()
	s.await("the next failure", "a", func(d types.DomainStatus) bool { return d.Failures == 2 })
}

func TestADeathWhileNobodyWatchesIsTold(t *testing.T) {
	s := newScene(t, "")
	first := s.process()
	s.config.Put("a", request("a"))
	before := s.awaitState("a", types.StateRunning)
	end(first)
	kill(t, before.PID, syscall.SIGKILL)
	lock, err := os.Open(filepath.Join(s.opts.Dir, "a.domain"))
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("the last of its threads is gone", func() bool {
		return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
	})
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Error(err)
	}
	lock.Close()
	s.process()
	told := false
	s.await("another process", "a", func(d types.DomainStatus) bool {
		told = told || d.Failures == 1 && strings.Contains(d.Problem.What, "while domainmgr was away")
		return d.State == types.StateRunning && d.PID != before.PID
	})
	if !told {
		t.Error("the failure was not told")
	}
}

// TestAnotherRequestEndsThePause: it may be the remedy.
func TestAnotherRequestEndsThePause(t *testing.T) {
	s := newScene(t, "")
	s.opts.RestartFirst, s.opts.RestartMost = time.Hour, time.Hour
	s.domainmgr()
	cfg := request("a")
	s.config.Put("a", cfg)
	for range 2 {
		pid := s.awaitState("a", types.StateRunning).PID
		kill(t, pid, syscall.SIGKILL)
		s.awaitState("a", types.StateRestarting)
		cfg.DisplayName += "!"
		s.config.Put("a", cfg)
		s.await("renamed", "a", func(d types.DomainStatus) bool {
			return d.State == types.StateRestarting && d.DisplayName == cfg.DisplayName
		})
		cfg.RestartCounter++
		s.config.Put("a", cfg)
		if d := s.awaitOther("a", pid); d.Failures != 0 {
			t.Errorf("%+v", d)
		}
	}
	kill(t, s.status.Values()["a"].PID, syscall.SIGKILL)
	s.awaitState("a", types.StateRestarting)
	s.config.Delete("a")
	s.awaitGone("a")
}

func TestAMissingProgramIsTriedAgain(t *testing.T) {
	s := newScene(t, "")
	good := s.opts.App
	s.opts.App = filepath.Join(t.TempDir(), "app")
	s.opts.StableAfter = time.Millisecond
	s.domainmgr()
	s.config.Put("a", request("a"))
	var since time.Time
	s.await("two failures", "a", func(d types.DomainStatus) bool {
		if d.State != types.StateError {
			return false
		}
		if !strings.Contains(d.Problem.What, s.opts.App) || !strings.Contains(d.Problem.What, "install it there") || !d.RestartAt.After(d.Problem.When) {
			t.Errorf("%+v", d)
		}
		if since.IsZero() {
			since = d.Problem.When
		}
		if !d.Problem.When.Equal(since) {
			t.Error("the same problem is told as a new one")
		}
		return d.Failures >= 2
	})
	if err := os.Symlink(good, s.opts.App); err != nil {
		t.Fatal(err)
	}
	s.await("running", "a", func(d types.DomainStatus) bool {
		return d.State == types.StateRunning && d.Failures == 0 && d.Problem.What == "" && d.RestartAt.IsZero()
	})
}

func TestWhoIgnoresTheSignalIsKilled(t *testing.T) {
	s := newScene(t, "ignore-term")
	s.opts.StopGrace = 300 * time.Millisecond
	s.domainmgr()
	s.config.Put("a", request("a"))
	running := s.awaitState("a", types.StateRunning)
	s.started("a", running.PID)
	began := time.Now()
	s.config.Delete("a")
	halting := s.awaitState("a", types.StateHalting)
	if halting.PID != running.PID || !cmp.Equal(halting.Running, running.Running) || halting.DisplayName != "app a" {
		t.Errorf("%+v", halting)
	}
	s.awaitGone("a")
	if took := time.Since(began); took < s.opts.StopGrace {
		t.Errorf("killed after %s", took)
	}
}

// TestARequestThatComesBackWaits for the end of the old process.
func TestARequestThatComesBackWaits(t *testing.T) {
	s := newScene(t, "ignore-term")
	s.opts.StopGrace = 300 * time.Millisecond
	s.domainmgr()
	s.config.Put("a", request("a"))
	old := s.awaitState("a", types.StateRunning)
	s.started("a", old.PID)
	s.config.Delete("a")
	s.awaitState("a", types.StateHalting)
	s.status.Calls()
	s.config.Put("a", request("a"))
	if d := s.awaitOther("a", old.PID); d.Failures != 0 || d.Problem.What != "" {
		t.Errorf("%+v", d)
	}
	for _, call := range s.status.Calls() {
		if call == "delete a" {
			t.Error("the status was gone meanwhile")
		}
	}
}

// TestTheNextOneGoesOnHalting: a process that was told to end is not taken for one
// that runs.
func TestTheNextOneGoesOnHalting(t *testing.T) {
	s := newScene(t, "ignore-term")
	s.opts.StopGrace = agenttest.Patience * 10
	stop := s.domainmgr()
	s.config.Put("a", request("a"))
	old := s.awaitState("a", types.StateRunning)
	s.started("a", old.PID)
	s.config.Delete("a")
	s.awaitState("a", types.StateHalting)
	stop()
	s.config.Put("a", request("a"))
	s.opts.StopGrace = 100 * time.Millisecond
	s.domainmgr()
	s.awaitOther("a", old.PID)
}
