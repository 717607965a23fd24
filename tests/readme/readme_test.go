package readme

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks returns the README's code blocks of a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(read(t, "README.md"), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("the README has no %s block", language)
	}
	return found
}

func TestExampleIsTheOneThatTheTestsRun(t *testing.T) {
	code := strings.TrimSpace(blocks(t, "go")[0])
	if !strings.Contains(read(t, "pkg/agent/example_test.go"), code) {
		t.Errorf("the README's example is not in pkg/agent/example_test.go:\n%s", code)
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Errorf("the README links to %s: %v", m[1], err)
		}
	}
}

func TestTargetsOfMakeExist(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, m := range regexp.MustCompile(`(?m)\bmake ([a-z]+)`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		if !strings.Contains(makefile, "\n"+m[1]+":") {
			t.Errorf("the README names `make %s`, which the Makefile does not have", m[1])
		}
	}
}

// TestCommandsRun runs the block "by hand" as it stands, but for its directory
// and for the watch, which runs beside the rest.
func TestCommandsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin")+"/", "./cmd/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var block string
	for _, b := range blocks(t, "sh") {
		if strings.Contains(b, "nkv-server") {
			block = b
		}
	}
	script := script(block, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what it started, too
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\nscript:\n%s", errors.Join(err, ctx.Err()), &out, script)
	}
	watched, err := os.ReadFile(filepath.Join(dir, "watched"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"lamp.State.hall", "Level", "40", "75"} {
		if !strings.Contains(string(watched), want) {
			t.Errorf("watch did not show %q:\n%s", want, watched)
		}
	}
	if diff := cmp.Diff(true, strings.Contains(out.String(), `"Level"`)); diff != "" {
		t.Errorf("get did not show the value (-want +got):\n%s\n%s", diff, &out)
	}
}

// script makes the block's lines wait for each other where a person would.
func script(block, dir string) string {
	lines := "set -euo pipefail\ntrap 'kill $server; wait $server' EXIT\n"
	for line := range strings.Lines(block) {
		line = strings.ReplaceAll(line, "/tmp/nkv", filepath.Join(dir, "run"))
		command, _, _ := strings.Cut(line, "#")
		switch {
		case strings.HasPrefix(line, "make"):
			continue
		case strings.HasPrefix(line, "bin/nkv watch"):
			line = strings.TrimSpace(command) + " --count 2 > watched &\nwatch=$!\nuntil [ -s watched ]; do :; done\n"
		case strings.HasPrefix(line, "bin/nkv-server"):
			line += "server=$!\n"
		}
		lines += line
	}
	return lines + "wait $watch\n"
}
