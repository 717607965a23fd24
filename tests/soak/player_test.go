package soak

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// player is a process that plays a role; see the program player.
type player struct {
	t     testing.TB
	cmd   *exec.Cmd
	input io.Closer
	lines chan string
	once  sync.Once
}

// play starts a player and returns when the player has said that it is ready.
func (p *place) play(t testing.TB, role ...string) *player {
	t.Helper()
	played := &player{t: t, cmd: exec.Command(p.player, append([]string{p.url()}, role...)...), lines: make(chan string, 1000)}
	played.start()
	return played
}

func (p *player) start() {
	t := p.t
	t.Helper()
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	})
	t.Cleanup(func() { p.end(); reading.Wait() })
	p.expect("ready", time.Minute)
}

// expect waits until the player says something.
func (p *player) expect(what string, within time.Duration) {
	p.t.Helper()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				p.t.Fatalf("a player ended before it said %q", what)
			}
			if strings.TrimSpace(line) == what {
				return
			}
		case <-limit.C:
			p.t.Fatalf("after %s a player has not said %q", within, what)
		}
	}
}

func (p *player) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// end ends the process. It is idempotent.
func (p *player) end() {
	p.once.Do(func() {
		p.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // it may be gone
		p.input.Close()
		limit := time.AfterFunc(20*time.Second, func() { p.cmd.Process.Kill() }) //nolint:errcheck // likewise
		defer limit.Stop()
		if err := p.cmd.Wait(); err != nil {
			p.t.Errorf("a player ended badly: %v", err)
		}
	})
}
