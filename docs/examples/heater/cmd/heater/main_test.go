package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// program starts the program; end signals it and returns its exit code and what
// it said.
func program(t *testing.T, path string, args ...string) (end func(sig syscall.Signal) (code int, said string)) {
	t.Helper()
	cmd := exec.Command(path, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func(sig syscall.Signal) (int, string) {
		t.Helper()
		if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		timer := time.AfterFunc(agenttest.Patience, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		_ = cmd.Wait() // the exit code says it
		return cmd.ProcessState.ExitCode(), said.String()
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			end(syscall.SIGKILL)
		}
	})
	return end
}

func TestTheProgramSurvivesKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs a program")
	}
	path := testutil.Build(t, "docs/examples/heater/cmd/heater")
	s := agenttest.New(t)
	panel := agenttest.Publish(s, rooms.Setpoints)
	sensor := agenttest.Publish(s, rooms.Temperatures)
	status := agenttest.Watch(s, rooms.HeaterStatuses)
	dir, alive := t.TempDir(), filepath.Join(t.TempDir(), "alive")
	args := []string{"--server", s.URL(), "--dir", dir, "--watchdog", alive}
	relay := func(file, want string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || string(data) != want {
			t.Errorf("relay %s is %q, %v; wanted is %q", file, data, err, want)
		}
	}
	heat := func(room string) {
		t.Helper()
		sensor.Put(room, rooms.Temperature{Celsius: 15, Measured: time.Now()})
		panel.Put(room, rooms.Setpoint{Celsius: 21})
	}
	heat("hall")
	heat("../attic") // any text is a key
	panel.Restarted()
	end := program(t, path, args...)
	both := func(v map[string]rooms.HeaterStatus) bool { return v["hall"].On && v["../attic"].On }
	status.Await("both rooms on", both)
	if code, _ := end(syscall.SIGKILL); code != -1 {
		t.Errorf("exit code %d after SIGKILL", code)
	}
	panel.Delete("../attic")
	status.Calls()
	end = program(t, path, args...)
	status.AwaitCall("delete ../attic")
	s.Kill()
	sensor.Put("hall", rooms.Temperature{Celsius: 22, Measured: time.Now()})
	status.Await("the hall off", func(v map[string]rooms.HeaterStatus) bool { return !v["hall"].On })
	relay("%2E%2E%2Fattic", "off\n")
	if _, err := os.Stat(alive); err != nil {
		t.Error(err)
	}
	if code, said := end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM: %s", code, said)
	}
	relay("hall", "off\n")
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("%v in the relays' directory, %v", files, err)
	}
}

func TestWrongUsage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs a program")
	}
	path := testutil.Build(t, "docs/examples/heater/cmd/heater")
	for _, args := range [][]string{{"--nonsense"}, {"argument"}, {"--server", "http://x"}} {
		err := exec.Command(path, args...).Run()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != 2 {
			t.Errorf("%q: %v", args, err)
		}
	}
}
