package readme

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// pages are what is checked.
var pages = []string{"README.md", "docs/agents.md"}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks returns a page's code blocks of a language.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(read(t, page), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s has no %s block", page, language)
	}
	return found
}

// sources returns the files that a page may quote, by their name: the tests run or
// compile them.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"pkg/agent/example_test.go", "pkg/agent/agenttest/example_test.go", "tools/nkvgen/testdata/golden/lamp/lamp.go"} {
		files[name] = read(t, name)
	}
	err := fs.WalkDir(os.DirFS(root), "docs/examples", func(name string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") {
			files[name] = read(t, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCodeIsWhatTheTestsRun(t *testing.T) {
	files := sources(t)
	for _, page := range pages {
		for _, code := range blocks(t, page, "go") {
			if !quotes(files, code) {
				t.Errorf("%s quotes code that is in none of the examples:\n%s", page, code)
			}
		}
	}
}

// quotes reports whether whole lines of a file are the code.
func quotes(files map[string]string, code string) bool {
	for _, file := range files {
		if strings.Contains("\n"+file, "\n"+code) {
			return true
		}
	}
	return false
}

func TestNamedTestsExist(t *testing.T) {
	var all strings.Builder
	for _, file := range sources(t) {
		all.WriteString(file)
	}
	for _, page := range pages {
		for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(read(t, page), -1) {
			if !strings.Contains(all.String(), "func "+m[1]+"(") {
				t.Errorf("%s names %s, which is no test of the examples", page, m[1])
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages {
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

func TestTargetsOfMakeExist(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, page := range pages {
		for _, m := range regexp.MustCompile(`(?m)(?:^|`+"`"+`|=\S+ )make ([a-z]+)`).FindAllStringSubmatch(read(t, page), -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s names `make %s`, which the Makefile does not have", page, m[1])
			}
		}
	}
}

// build builds the programs that the pages run.
func build(t *testing.T, dir string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin")+"/", "./cmd/...", "./docs/examples/heater/cmd/heater")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// TestCommandsRun runs each block that starts a server as it stands, but for its
// directory, what builds, and the watch, which runs beside the rest.
func TestCommandsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
	bin := t.TempDir()
	build(t, bin)
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Symlink(filepath.Join(bin, "bin"), filepath.Join(dir, "bin")); err != nil {
				t.Fatal(err)
			}
			out := runBlock(t, page, dir)
			watched, err := os.ReadFile(filepath.Join(dir, "watched"))
			if err != nil && watch[page] != nil {
				t.Fatal(err)
			}
			shows(t, "the block", out, said[page])
			shows(t, "watch", string(watched), watch[page])
		})
	}
}

// What the pages' commands must show: all of them, and the watch among them.
var (
	said = map[string][]string{
		"README.md":      {`"Level"`},
		"docs/agents.md": {"heater.HeaterStatus", "durable", "heater (connection", "panel.Setpoint"},
	}
	watch = map[string][]string{"README.md": {"lamp.State.hall", "Level", "40", "75"}}
)

func shows(t *testing.T, what, out string, wanted []string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(out, want) {
			t.Errorf("%s did not show %q:\n%s", what, want, out)
		}
	}
}

// runBlock runs a page's block and returns what it showed.
func runBlock(t *testing.T, page, dir string) string {
	t.Helper()
	var block string
	for _, b := range blocks(t, page, "sh") {
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
	return out.String()
}

// script makes the block's lines wait for each other where a person would.
func script(block, dir string) string {
	lines := "set -euo pipefail\ntrap 'kill $(jobs -p); wait' EXIT\n"
	end := ""
	for line := range strings.Lines(block) {
		line = strings.ReplaceAll(line, "/tmp/nkv", filepath.Join(dir, "run"))
		command, _, _ := strings.Cut(line, "#")
		switch {
		case strings.HasPrefix(line, "make"), strings.HasPrefix(line, "go build"):
			continue
		case strings.HasPrefix(line, "bin/nkv watch"):
			line = strings.TrimSpace(command) + " --count 2 > watched &\nwatch=$!\nuntil [ -s watched ]; do :; done\n"
			end = "wait $watch\n"
		}
		lines += line
	}
	return lines + end
}
