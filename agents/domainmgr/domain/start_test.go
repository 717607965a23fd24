package domain_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/domainmgr/internal/census"
)

func TestEverybodyStartsTheSameProcess(t *testing.T) {
	s := newScene(t)
	program := app(t, "")
	pids := make([]int, 12)
	var work sync.WaitGroup
	for i := range pids {
		d := s.open(program) // each as if it were another domainmgr
		work.Go(func() {
			p, err := d.Start(s.ctx, "a", request("a"))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			pids[i] = p.PID()
		})
	}
	work.Wait()
	for _, pid := range pids {
		if pid != pids[0] {
			t.Fatalf("processes %v", pids)
		}
	}
}

// envStarter holds an order for a test binary that is to start applications.
const envStarter = "NKV_TEST_STARTER"

// order is what such a process does.
type order struct {
	Path, Program string
	Keys          []string
	DieAt         string // the step of a start at which it kills itself
}

// runStarter says that it is ready, and starts applications, all at once, when
// there is a line to read.
func runStarter(text string) int {
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err != nil {
		return 2
	}
	d, err := domain.Open(domain.Options{Path: o.Path, Program: o.Program, Logger: logrus.New()})
	if err != nil {
		return 3
	}
	d.Fault(func(step string) {
		if step == o.DieAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // it does not return
		}
	})
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return 4
	}
	var work sync.WaitGroup
	for _, key := range o.Keys {
		work.Go(func() {
			if p, err := d.Start(context.Background(), key, request(key)); err == nil {
				p.Close()
			}
		})
	}
	work.Wait()
	return 0
}

// starter is a process that starts applications when it is told to go.
type starter struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func (s *scene) starter(o order) *starter {
	s.t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		s.t.Fatal(err)
	}
	st := &starter{cmd: s.command(os.Args[0])}
	st.cmd.Env = append(os.Environ(), envStarter+"="+string(text), "GORACE=atexit_sleep_ms=0")
	if st.stdin, err = st.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	stdout, err := st.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := st.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		s.t.Fatalf("a starter says %q, %v", line, err)
	}
	return st
}

// goOn lets it start; after the time it is killed.
func (st *starter) goOn(after time.Duration) {
	_, _ = st.stdin.Write([]byte("\n")) // it may be dead
	time.Sleep(after)
	_ = st.cmd.Process.Kill() // likewise
	_ = st.cmd.Wait()
}

// stormMost bounds a storm on a slow machine.
const stormMost = 5 * time.Second

// TestNeverTwoWhoeverIsKilled: those who start applications are killed again and
// again, at random and at each step of a start, while others start the same ones.
func TestNeverTwoWhoeverIsKilled(t *testing.T) {
	s := newScene(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	o := order{Path: s.path, Program: app(t, ""), Keys: []string{"a", "b", "c"}}
	own := s.open(o.Program)
	found := map[string]int{}
	began, rounds := time.Now(), 25
	for round := 0; round < rounds && time.Since(began) < stormMost; round++ {
		o.DieAt = []string{"", "", "locked", "recorded", "forked"}[round%5]
		first, second := s.starter(o), s.starter(o)
		var work sync.WaitGroup
		for _, st := range []*starter{first, second} {
			after := time.Duration(r.Int64N(int64(8 * time.Millisecond)))
			work.Go(func() { st.goOn(after) })
		}
		if r.IntN(2) == 0 {
			work.Wait()
		}
		for _, key := range o.Keys {
			p, err := own.Start(s.ctx, key, request(key))
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			found[fmt.Sprint("found ", p.Found())]++
			switch r.IntN(3) {
			case 0:
				s.halt(p, patience)
			case 1:
				if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					t.Error(err)
				}
			}
			p.Close()
		}
		work.Wait()
	}
	t.Logf("%v", found)
	if found["found true"] == 0 || found["found false"] == 0 {
		t.Error("the kills came too early or too late each time, the test is void")
	}
}

// TestTheLockAloneIsEnough: the process shows by nothing else whose it is.
func TestTheLockAloneIsEnough(t *testing.T) {
	s := newScene(t)
	d := s.open(script(t, "exec env -i sleep 1000"))
	p := s.start(d, "a")
	s.await("exec", func() bool { return len(census.Of(s.path)) == 0 })
	if q := s.start(s.open(app(t, "")), "a"); q.PID() != p.PID() || !q.Found() {
		t.Errorf("process %d beside %d", q.PID(), p.PID())
	}
	found, others := s.find(d)
	if q := found["a"]; q == nil || q.PID() != p.PID() {
		t.Errorf("found %v, %v", found, others)
	}
	s.halt(p, patience)
	if !ended(p.PID()) {
		t.Error("it lives")
	}
}

// TestARemovedLockCountsForNothing: between the opening of the file and its lock
// another one has removed it and made a new one.
func TestARemovedLockCountsForNothing(t *testing.T) {
	s := newScene(t)
	d := s.open(app(t, ""))
	var other *os.File
	d.Fault(func(step string) {
		if step != "opened" || other != nil {
			return
		}
		err := os.Remove(d.LockPath("a"))
		if err == nil {
			other, err = os.OpenFile(d.LockPath("a"), os.O_RDWR|os.O_CREATE, 0o600)
		}
		if err == nil {
			err = syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		}
		if err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := d.Start(ctx, "a", request("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a start beside another: %v", err)
	}
	other.Close()
}

// TestWhoIsAboutToStartIsWaitedFor: between fork and exec there is a process that
// holds the lock and carries no mark yet, and who forked it may be dead.
func TestWhoIsAboutToStartIsWaitedFor(t *testing.T) {
	s := newScene(t)
	d := s.open(app(t, ""))
	lock, err := os.OpenFile(d.LockPath("a"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(lock, `{"Key":"a","StartedAt":"2026-01-02T03:04:05Z","Config":{"UUID":"a","VCPUs":7}}`); err != nil {
		t.Fatal(err)
	}
	// The descriptor is still to be closed on exec: it is not where the process will
	// have it. The shell stands for what runs before that.
	path, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command("sh", "-c", "read x; "+domain.EnvID+"=a "+domain.EnvDir+"="+path+" exec sleep 1000")
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lock.Close()
	p := s.start(d, "a")
	if cfg, known := p.Config(); p.PID() != cmd.Process.Pid || !known || cfg.VCPUs != 7 {
		t.Errorf("process %d was started, want %d; %+v", p.PID(), cmd.Process.Pid, cfg)
	}
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	s.await("exec", func() bool { return len(census.Of(s.path)["a"]) == 1 })
	s.halt(p, patience)
}

// TestALockThatNobodyCanBeSeenToHoldIsRespected: who holds it may be about to
// fork.
func TestALockThatNobodyCanBeSeenToHoldIsRespected(t *testing.T) {
	s := newScene(t)
	d := s.open(app(t, ""))
	lock, err := os.OpenFile(d.LockPath("a"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if _, others := s.find(d); len(others) != 1 || others[0] != "a" {
		t.Errorf("found %v", others)
	}
	ctx, cancel := context.WithTimeout(s.ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := d.Start(ctx, "a", request("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a start: %v", err)
	}
	if err := d.End(ctx, "a", 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an end: %v", err)
	}
	hasty := s.open("/bin/true")
	hasty.Impatient()
	if _, err := hasty.Start(s.ctx, "a", request("a")); !errors.Is(err, domain.ErrBusy) || !strings.Contains(err.Error(), d.LockPath("a")) {
		t.Errorf("a start: %v", err)
	}
	started := make(chan *domain.Process)
	go func() {
		p, err := d.Start(s.ctx, "a", request("a"))
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	lock.Close()
	p := <-started
	if p == nil || p.Found() {
		t.Fatal("not started when the lock was free")
	}
	s.halt(p, patience)
}

// TestAnAppThatGivesUpItsLockIsStillNotStartedTwice: its environment shows it.
func TestAnAppThatGivesUpItsLockIsStillNotStartedTwice(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"closed":  func(string) error { return nil },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			d := s.open(script(t, "exec 3>&-; echo closed; exec sleep 1000"))
			p := s.start(d, "a")
			s.logged(d, "a", "closed")
			if err := damage(d.LockPath("a")); err != nil {
				t.Fatal(err)
			}
			s.await("exec", func() bool { return len(census.Of(s.path)["a"]) == 1 })
			if q := s.start(d, "a"); q.PID() != p.PID() || !q.Found() {
				t.Errorf("process %d beside %d", q.PID(), p.PID())
			}
			if found, others := s.find(d); found["a"] == nil {
				t.Errorf("not found but %v", others)
			}
			s.halt(p, patience)
		})
	}
}
