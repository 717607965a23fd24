package demoapp_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/demoapp"
	"github.com/evenkv/nkv/agents/domainmgr/domain"
)

const patience = 20 * time.Second

// TestMain lets the test binary be the application, too.
func TestMain(m *testing.M) {
	if os.Getenv("NKV_TEST_APP") != "" {
		os.Exit(demoapp.Run(os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// app is the application as a process.
type app struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	line           chan struct{} // closed when it has written something
}

// Write takes what the application writes to stdout.
func (a *app) Write(p []byte) (int, error) {
	if a.stdout.Len() == 0 {
		defer close(a.line)
	}
	return a.stdout.Write(p)
}

func start(t *testing.T, fault, volumes string) *app {
	t.Helper()
	a := &app{cmd: exec.Command(os.Args[0]), line: make(chan struct{})}
	a.cmd.Env = append(os.Environ(), "NKV_TEST_APP=1", "GORACE=atexit_sleep_ms=0", domain.EnvID+"=the-id", domain.EnvName+"=the name",
		domain.EnvVolumes+"="+volumes, demoapp.EnvFault+"="+fault)
	a.cmd.Stdout, a.cmd.Stderr = a, &a.stderr
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = a.cmd.Process.Kill() }) // it may have ended
	t.Cleanup(func() {
		timer.Stop()
		if a.cmd.ProcessState == nil {
			_ = a.cmd.Process.Kill() // likewise
			_ = a.cmd.Wait()         // it was killed
		}
	})
	return a
}

// ready waits for the line that the application writes.
func (a *app) ready(t *testing.T) {
	t.Helper()
	select {
	case <-a.line:
	case <-time.After(patience):
		t.Fatalf("no line; %s", a.stderr.String())
	}
}

// wait returns how it ended.
func (a *app) wait() syscall.WaitStatus {
	_ = a.cmd.Wait() // the status says it
	return a.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func TestItSaysWhatItFoundAndEndsWhenTold(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(volume, []byte("1234567"), 0o400); err != nil {
		t.Fatal(err)
	}
	a := start(t, "", `[{"Path":"`+volume+`","ReadOnly":true}]`)
	a.ready(t)
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := a.wait(); status != 0 {
		t.Errorf("ended with %x; %s", status, a.stderr.String())
	}
	for _, want := range []string{`application "the name", id the-id, pid `, volume + " (7 bytes)\n"} {
		if !strings.Contains(a.stdout.String(), want) {
			t.Errorf("no %q in %q", want, a.stdout.String())
		}
	}
}

func TestWhatIsWrongEndsIt(t *testing.T) {
	for _, test := range []struct {
		name, fault, volumes string
		code                 int
		want                 string
	}{
		{"no volume", "", `[{"Path":"/nowhere/a"},{"Path":"/nowhere/b"}]`, 1, "/nowhere/b"},
		{"no list of volumes", "", `{`, 2, domain.EnvVolumes},
		{"unknown fault", "sing", "", 2, `"sing"`},
		{"no time", "crash-after=soon", "", 2, "soon"},
		{"fault: exit", "exit=7", "", 7, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := start(t, test.fault, test.volumes)
			if status := a.wait(); status.ExitStatus() != test.code || !strings.Contains(a.stderr.String(), test.want) {
				t.Errorf("ended with %d: %s", status.ExitStatus(), a.stderr.String())
			}
		})
	}
}

func TestFaults(t *testing.T) {
	if status := start(t, "crash-after=1ms", "").wait(); status.Signal() != syscall.SIGKILL {
		t.Errorf("a crash is %x", status)
	}
	a := start(t, "ignore-term, crash-after=200ms", "")
	a.ready(t)
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := a.wait(); status.Signal() != syscall.SIGKILL {
		t.Errorf("the signal was not ignored: %x", status)
	}
}
