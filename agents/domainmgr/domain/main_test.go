package domain_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/demoapp"
	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/domainmgr/internal/census"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/internal/leak"
)

// patience is how long a test may take before it fails.
const patience = time.Minute

// TestMain lets the test binary be an application, and who starts some, too.
func TestMain(m *testing.M) {
	if os.Getenv(domain.EnvID) != "" {
		os.Exit(demoapp.Run(os.Stdout, os.Stderr))
	}
	if text := os.Getenv(envStarter); text != "" {
		os.Exit(runStarter(text))
	}
	leak.Main(m)
}

// scene is a directory of applications, none of which ever has two processes.
type scene struct {
	t    *testing.T
	ctx  context.Context
	path string
	log  *logrus.Logger
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := newCrowd(t)
	census.Watch(t, s.path)
	return s
}

// newCrowd is a scene whose applications start further processes.
func newCrowd(t *testing.T) *scene {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &scene{t: t, ctx: ctx, path: t.TempDir(), log: logrus.New()}
	s.log.SetOutput(t.Output())
	t.Cleanup(func() {
		if err := s.open("").EndAll(s.ctx, 0); err != nil {
			t.Error(err)
		}
		if left := census.Of(s.path); len(left) > 0 {
			t.Errorf("left running: %d applications", len(left))
		}
	})
	return s
}

// open opens the directory for a program.
func (s *scene) open(program string) *domain.Dir {
	s.t.Helper()
	d, err := domain.Open(domain.Options{Path: s.path, Program: program, Logger: s.log, LogBytes: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// app makes a program that is the demo's application with a fault.
func app(t *testing.T, fault string) string {
	// With the race detector a program takes a second to end unless it is told not to.
	return script(t, fmt.Sprintf("GORACE=atexit_sleep_ms=0 %s=%s exec %s", demoapp.EnvFault, fault, os.Args[0]))
}

// script makes a program of a shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app")
	// A process that is forked meanwhile would have the file open for writing, and
	// such a file can't be executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func request(name string) types.DomainConfig {
	return types.DomainConfig{UUID: name, DisplayName: name, VCPUs: 1, MemoryKiB: 1024}
}

// start starts an application, or finds it.
func (s *scene) start(d *domain.Dir, key string) *domain.Process {
	s.t.Helper()
	p, err := d.Start(s.ctx, key, request(key))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Close)
	return p
}

// find returns the processes that are found, and their keys with those of others.
func (s *scene) find(d *domain.Dir) (map[string]*domain.Process, []string) {
	s.t.Helper()
	found, err := d.Find()
	if err != nil {
		s.t.Fatal(err)
	}
	processes := map[string]*domain.Process{}
	for _, p := range found.Processes {
		s.t.Cleanup(p.Close)
		processes[p.Key()] = p
	}
	return processes, found.Others
}

// halt ends a process.
func (s *scene) halt(p *domain.Process, grace time.Duration) {
	s.t.Helper()
	if err := p.Halt(s.ctx, grace); err != nil {
		s.t.Fatal(err)
	}
	if left := census.Of(s.path)[domain.Name(p.Key())]; len(left) > 0 {
		s.t.Errorf("halted, and there is %v", left)
	}
}

// await looks until a condition holds that has no event.
func (s *scene) await(what string, ok func() bool) {
	s.t.Helper()
	for !ok() {
		if s.ctx.Err() != nil {
			s.t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// logged waits until a process has written a text to its log.
func (s *scene) logged(d *domain.Dir, key, text string) {
	s.t.Helper()
	s.await("logged "+text, func() bool {
		data, err := os.ReadFile(d.LogPath(key))
		return err == nil && strings.Contains(string(data), text)
	})
}

// command starts another process, that is ended with the test.
func (s *scene) command(name string, args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	s.t.Cleanup(func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()         // likewise
		}
	})
	return cmd
}
