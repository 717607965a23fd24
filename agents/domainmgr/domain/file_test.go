package domain_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
)

func TestADamagedRecordSaysNothing(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "garbage": "\x00\xff{{{", "truncated": `{"Key":"a","StartedAt":"2026-01-0`, "other": `[]`, "no key": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			d := s.open(app(t, ""))
			p := s.start(d, "a")
			if err := os.WriteFile(d.LockPath("a"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			found, others := s.find(d)
			q := found["a"]
			if q == nil || q.PID() != p.PID() {
				t.Fatalf("found %v, %v", found, others)
			}
			if cfg, known := q.Config(); known || cfg.UUID != "" {
				t.Errorf("it says %+v", cfg)
			}
			s.halt(q, patience)
		})
	}
}

// TestFilesOfNobodyAreRemoved: the directory does not grow with what once ran.
func TestFilesOfNobodyAreRemoved(t *testing.T) {
	s := newScene(t)
	d := s.open("")
	for name, content := range map[string]string{"a.domain": "garbage", "b.domain": "", "..domain": "x", "c.log": "kept"} {
		if err := os.WriteFile(filepath.Join(s.path, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found, others := s.find(d); len(found)+len(others) > 0 {
		t.Errorf("found %v, %v", found, others)
	}
	entries, err := os.ReadDir(s.path)
	if err != nil || len(entries) != 1 || entries[0].Name() != "c.log" {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestWhatCannotBeStartedSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	large := request("a")
	large.DisplayName = strings.Repeat("x", 1<<20)
	for _, test := range []struct{ name, program, want string }{
		{"missing", filepath.Join(dir, "nothing"), "install it there"},
		{"directory", dir, "is a directory"},
		{"not executable", file("plain", "#!/bin/sh\n", 0o644), "chmod +x"},
		{"no interpreter", file("odd", "#!/nowhere/sh\n", 0o755), "what interprets it is missing"},
		{"no program", file("empty", "\x7fELFnot", 0o755), "no program for this machine"},
		{"too large", "/bin/true", "too large for an environment"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			cfg := request("a")
			if test.name == "too large" {
				cfg = large
			}
			_, err := s.open(test.program).Start(s.ctx, "a", cfg)
			if !errors.Is(err, domain.ErrProgram) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.program) {
				t.Errorf("got %v", err)
			}
			// What other tests fork at this moment has the lock too, until it executes.
			s.await("nothing left", func() bool {
				found, others := s.find(s.open(""))
				return len(found)+len(others) == 0
			})
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	log := logrus.New()
	for _, opts := range []domain.Options{{Logger: log}, {Path: t.TempDir()}, {Path: t.TempDir(), Logger: log, LogBytes: -1}} {
		if _, err := domain.Open(opts); !errors.Is(err, domain.ErrInvalidOption) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := domain.Open(domain.Options{Path: plain, Program: "x", Logger: log}); err == nil {
		t.Error("a file is taken for a directory")
	}
}
