package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// complete returns what a shell is offered for the last word.
func (s shell) complete(words ...string) []string {
	s.t.Helper()
	args := append([]string{"__completeNoDesc", "--server", s.url}, words...)
	r := shell{s.t, s.url}.plain(args...)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	return lines[:len(lines)-1] // the last one is for the shell
}

// plain runs the command with exactly these arguments.
func (s shell) plain(args ...string) result {
	var stdout, stderr strings.Builder
	code := run(s.t.Context(), args, nil, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func TestCompletion(t *testing.T) {
	s := filled(t)
	for _, test := range []struct{ words, offered string }{
		{"t", "tables trace tree"},
		{"help hea", "health"},
		{"completion z", "zsh"},
		{"get --rev", "--revision"},
		{"tables ", "nim.Status zedagent.ConfigItem zedagent.ConfigItem@eth"},
		{"tables n", "nim.Status"},
		{"get z", "zedagent.ConfigItem zedagent.ConfigItem@eth"},
		{"get n", "nim.Status nim.Status.up"},
		{"get zedagent.ConfigItem.", "zedagent.ConfigItem.timer%2Econfig%2Einterval zedagent.ConfigItem.raw"},
		{"watch zedagent.ConfigItem.r", "zedagent.ConfigItem.raw"},
		{"get zedagent.ConfigItem@eth.", "zedagent.ConfigItem@eth.k"},
		{"get zedagent.ConfigItem --key t", "timer.config.interval"},
		{"del nim.Status.up nim.Status.", "nim.Status.up"},
		{"del --all nim.Status", "nim.Status"},
		{"put nim.Status.up t", ""},
		{"health ", ""},
	} {
		wanted := strings.Fields(test.offered)
		got := s.complete(strings.Split(test.words, " ")...)
		if diff := cmp.Diff(wanted, got); diff != "" && len(wanted)+len(strings.Join(got, "")) > 0 {
			t.Errorf("nkv %s (- wanted, + got):\n%s", test.words, diff)
		}
	}
}

// Without a server the prompt stays quiet, and quick.
func TestCompletionWithoutAServer(t *testing.T) {
	s := shell{t, "unix:///nowhere/s"}
	start := time.Now()
	if got := s.complete("get", ""); len(got) > 0 {
		t.Errorf("offered: %q", got)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCompletionScripts(t *testing.T) {
	s := shell{t, "unix:///nowhere/s"}
	for _, name := range []string{"bash", "zsh", "fish"} {
		script := s.must("completion", name)
		if !strings.Contains(script, "__complete") {
			t.Errorf("the script for %s asks nothing", name)
		}
		path, err := exec.LookPath(name)
		if err != nil {
			continue // its syntax is checked where the shell is
		}
		cmd := exec.Command(path, "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s does not take its script: %v\n%s", name, err, out)
		}
	}
}
