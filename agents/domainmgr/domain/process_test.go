package domain_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/domainmgr/internal/census"
	"github.com/evenkv/nkv/agents/types"
)

func TestAProcessIsTheSameToEverybody(t *testing.T) {
	s := newScene(t)
	d := s.open(app(t, ""))
	cfg := request("a")
	cfg.Networks = []types.DomainNetwork{{Name: "eth0", NetworkID: "n"}}
	p, err := d.Start(s.ctx, "a", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s.logged(d, "a", fmt.Sprintf(`application "a", id a, pid %d`, p.PID()))
	found, _ := s.find(s.open(""))
	for who, q := range map[string]*domain.Process{"who started it": p, "who looks": found["a"], "who wants to start it": s.start(d, "a")} {
		if q == nil {
			t.Fatalf("%s does not find it", who)
		}
		got, known := q.Config()
		if diff := cmp.Diff(cfg, got); diff != "" || !known {
			t.Errorf("%s: %t %s", who, known, diff)
		}
		if q.PID() != p.PID() || !q.StartedAt().Equal(p.StartedAt()) || q.Found() != (q != p) {
			t.Errorf("%s: %+v", who, q)
		}
	}
	s.halt(p, patience)
	if found, others := s.find(d); len(found)+len(others) > 0 {
		t.Errorf("found after the end: %v, %v", found, others)
	}
	if _, err := os.Stat(d.LockPath("a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file stays: %v", err)
	}
}

func TestTheEndIsTold(t *testing.T) {
	for _, test := range []struct{ name, program, want string }{
		{"exits", "exit 3", "exited with status 3"},
		{"is done", "exit 0", "exited with status 0"},
		{"is killed", "kill -9 $$", "killed by signal 9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			p := s.start(s.open(script(t, test.program)), "a")
			exit, err := p.Wait(s.ctx)
			if err != nil || exit.String() != test.want {
				t.Errorf("%q, %v", exit, err)
			}
		})
	}
	if text := (domain.Exit{}).String(); !strings.Contains(text, "not known") {
		t.Errorf("an unknown exit is %q", text)
	}
}

func TestWaitingCanBeGivenUp(t *testing.T) {
	s := newScene(t)
	p := s.start(s.open(app(t, "")), "a")
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(s.ctx)
	time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
	if _, err := p.Wait(ctx); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Wait(ctx); !errors.Is(err, why) {
		t.Errorf("again: %v", err)
	}
	if err := p.Halt(ctx, 0); !errors.Is(err, why) || len(census.Of(s.path)["a"]) != 1 {
		t.Errorf("a halt that was given up before: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { _ = syscall.Kill(p.PID(), syscall.SIGKILL) })
	if exit, err := p.Wait(s.ctx); err != nil || exit.Signal != 9 {
		t.Errorf("then %v, %v", exit, err)
	}
}

func TestWhoDoesNotEndIsKilled(t *testing.T) {
	s := newScene(t)
	d := s.open(app(t, "ignore-term"))
	p := s.start(d, "a")
	s.logged(d, "a", "application") // it ignores the signal from here on
	began := time.Now()
	const grace = 300 * time.Millisecond
	s.halt(p, grace)
	if took := time.Since(began); took < grace {
		t.Errorf("killed after %s, the grace is %s", took, grace)
	}
}

// TestTheWholeApplicationEnds: also what the process started, by whatever means it
// got away.
func TestTheWholeApplicationEnds(t *testing.T) {
	for name, start := range map[string]string{
		"in its group":           "sleep 1000 &",
		"in a session":           "setsid sleep 1000 &",
		"without environment":    "env -i setsid sleep 1000 &",
		"without the lock":       "setsid sleep 1000 3>&- &",
		"only in its group":      "env -i sleep 1000 3>&- &",
		"ignoring SIGTERM":       "(trap '' TERM; sleep 1000) &",
		"itself without a trace": "exec env -i sleep 1000 3>&-",
	} {
		t.Run(name, func(t *testing.T) {
			s := newCrowd(t)
			d := s.open(script(t, start+"\necho $!.\nexec sleep 1000"))
			p := s.start(d, "a")
			child := p.PID()
			if !strings.HasPrefix(start, "exec") {
				s.logged(d, "a", ".")
				log, err := os.ReadFile(d.LogPath("a"))
				if _, scanned := fmt.Sscan(string(log), &child); err != nil || scanned != nil {
					t.Fatal(err, scanned)
				}
			}
			s.halt(p, 50*time.Millisecond)
			s.await("all ended", func() bool { return ended(child) })
		})
	}
}

// ended reports whether a process is gone, or a zombie that its parent does not
// care for.
func ended(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(data), ") Z ")
}

// TestWhatIsLeftBehindIsKilledBeforeANewStart: the process is gone, what it
// started lives.
func TestWhatIsLeftBehindIsKilledBeforeANewStart(t *testing.T) {
	for name, start := range map[string]string{
		"with environment":    "sleep 1000 &",
		"in a session":        "setsid sleep 1000 &",
		"without environment": "env -i sleep 1000 &",
		"without the lock":    "sleep 1000 3>&- &",
	} {
		t.Run(name, func(t *testing.T) {
			s := newCrowd(t)
			d := s.open(script(t, start+"\necho $!.\nexec sleep 1000"))
			p := s.start(d, "a")
			s.logged(d, "a", ".")
			var child int
			log, err := os.ReadFile(d.LogPath("a"))
			if _, scanned := fmt.Sscan(string(log), &child); err != nil || scanned != nil {
				t.Fatal(err, scanned)
			}
			// Nobody waits for it: as if domainmgr had been away.
			if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			s.await("dead", func() bool { return ended(p.PID()) })
			if ended(child) {
				t.Fatal("what it started is gone too, the test is void")
			}
			found, others := s.find(d)
			if diff := cmp.Diff([]string{"a"}, others); diff != "" || len(found) > 0 {
				t.Errorf("found %v; %s", found, diff)
			}
			q := s.start(d, "a")
			if q.PID() == p.PID() || q.Found() || !ended(child) {
				t.Errorf("started %d, found %t, the old child ended %t", q.PID(), q.Found(), ended(child))
			}
		})
	}
}

// TestAReaderOfTheLockFileIsLeftAlone: to look at the file is not to hold it.
func TestAReaderOfTheLockFileIsLeftAlone(t *testing.T) {
	s := newCrowd(t)
	d := s.open(script(t, "env -i sleep 1000 & exit 0")) // who holds the lock must be looked for
	p := s.start(d, "a")
	s.await("exit", func() bool { return ended(p.PID()) })
	file, err := os.Open(d.LockPath("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := s.command("sleep", "1000")
	reader.Stdin = file
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	if err := d.End(s.ctx, "a", 0); err != nil {
		t.Fatal(err)
	}
	if ended(reader.Process.Pid) {
		t.Error("it was killed")
	}
}

func TestTheLogIsBounded(t *testing.T) {
	s := newScene(t)
	d := s.open(script(t, "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; echo end; read x"+" < "+fifo(t)+"; echo after; exec sleep 1000"))
	s.start(d, "a")
	s.logged(d, "a", "end")
	if err := d.Trim("a"); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(d.LogPath("a") + ".1")
	if err != nil || len(old) != 1000 || !strings.HasSuffix(string(old), "line 499\nend\n") {
		t.Errorf("kept: %d bytes, %v", len(old), err)
	}
	if info, err := os.Stat(d.LogPath("a")); err != nil || info.Size() != 0 {
		t.Errorf("the log: %v, %v", info, err)
	}
	if err := d.Trim("nobody"); err != nil {
		t.Errorf("no log: %v", err)
	}
}

// fifo makes a file that brings a line never.
func fifo(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUsageIsThatOfAllProcesses(t *testing.T) {
	s := newCrowd(t)
	d := s.open(script(t, "(while :; do :; done) & exec sleep 1000")) // the child works, the process sleeps
	p := s.start(d, "a")
	var before domain.Usage
	for range 3 {
		s.await("more use of the processor, and memory in use", func() bool {
			usage, err := d.Sample(map[string]int{"a": p.PID(), "gone": 1 << 30})
			if err != nil || len(usage) != 1 || usage["a"].CPUNanoseconds < before.CPUNanoseconds {
				t.Fatalf("%v, %v, after %v", usage, err, before)
			}
			// A process that is being executed has next to no memory.
			more := usage["a"].CPUNanoseconds >= before.CPUNanoseconds+10_000_000 && usage["a"].ResidentBytes >= 100_000
			if more {
				before = usage["a"]
			}
			return more
		})
	}
}
