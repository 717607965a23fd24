package downloader_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// build builds the program and returns its path.
func build(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	program := filepath.Join(t.TempDir(), "downloader")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/downloader").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// process is the program, as it runs.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	log bytes.Buffer // read it after the end
}

func (s *scene) start(program string, args ...string) *process {
	s.t.Helper()
	p := &process{t: s.t, cmd: exec.Command(program, append(args, "--server", s.URL())...)}
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.end(syscall.SIGKILL)
		}
	})
	return p
}

// end signals the process and returns its exit code.
func (p *process) end(sig syscall.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Error(err)
	}
	timer := time.AfterFunc(agenttest.Patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // the exit code says it
	return p.cmd.ProcessState.ExitCode()
}

// A download that is killed at any instants goes on, and ends with the right
// files and statuses.
func TestAKilledProgramGoesOn(t *testing.T) {
	s := newScene(t, 1<<20)
	program := build(t)
	random := seeded(t)
	a, b := s.request("large4"), s.request("large8")
	b.SHA256 = "" // of this one nothing but the validator tells
	s.want(a)
	s.want(b)
	in := int64(0)
	for range 6 {
		p := s.start(program)
		in += 1 + random.Int64N(200_000)
		s.awaitPart(a.Target, in)
		p.killWithin(random)
		if info, err := os.Stat(a.Target + ".part"); err == nil {
			in = info.Size()
		}
	}
	p := s.start(program)
	s.complete(a)
	s.complete(b)
	for _, r := range []types.DownloaderConfig{a, b} {
		s.economical(r.RelativeURL, 2)
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.log.String())
	}
}

// killWithin kills the process at once, or within some milliseconds.
func (p *process) killWithin(random *rand.Rand) {
	if random.IntN(2) == 0 {
		time.Sleep(time.Duration(random.Int64N(int64(50 * time.Millisecond)))) // any instant will do
	}
	p.end(syscall.SIGKILL)
}

func TestWrongUsageIsNamed(t *testing.T) {
	t.Parallel() // it mostly waits
	program := build(t)
	for _, args := range [][]string{{"x"}, {"--parallel", "0"}, {"--stall-timeout", "0s"}, {"--no-such"}} {
		out, err := exec.Command(program, args...).CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != 2 || !strings.Contains(string(out), args[0]) {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	if out, err := exec.Command(program, "--help").CombinedOutput(); err != nil || !strings.Contains(string(out), "--parallel") {
		t.Errorf("%v\n%s", err, out)
	}
}
