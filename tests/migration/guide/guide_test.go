package guide

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

	"github.com/evenkv/nkv/internal/testutil"
)

const root = "../../.."

// within bounds the run, most of which is compiling.
const within = 8 * time.Minute

// prelude makes each command's failure the script's, and ends what it started.
const prelude = `set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
`

// TestEachStepOfTheGuideRuns runs the page's commands, and checks that nothing
// stays changed where the page says "back".
func TestEachStepOfTheGuideRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
	testutil.DependOnSources(t)
	page, err := os.ReadFile(filepath.Join(root, "docs/migrating.md"))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString(prelude)
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		script.WriteString("set -x\n" + m[1] + "{ set +x; } 2>/dev/null\n")
	}
	programs := t.TempDir()
	build := exec.Command("go", "build", "-o", programs+"/", "./cmd/nkv", "./cmd/nkv-server", "./tools/evemigrate")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	tree := sample(t)
	device, err := os.MkdirTemp("", "nkv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(device) })

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "NKV="+programs, "ROOT="+device, "GOFLAGS=-mod=mod")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what it started, too
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(tree, "server.log"))
		t.Fatalf("%v\n%s\nthe server said:\n%s", errors.Join(err, ctx.Err()), &out, log)
	}
	for _, want := range []string{
		`"Celsius":23`, "room.1: 20 °C from sensor 9007199254740993", "room.1: 21 °C", "room.1: 22 °C", "room.2: 24 °C",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the commands did not show %q:\n%s", want, &out)
		}
	}
	unchanged(t, tree)
}

// sample copies the sample tree, and has it find this module.
func sample(t *testing.T) string {
	t.Helper()
	module, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := os.CopyFS(tree, os.DirFS("../sample")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"go.mod", "pillar/go.mod"} {
		text, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`(evenkv/nkv => )[./]+`).ReplaceAll(text, []byte("${1}"+module))
		if err := os.WriteFile(filepath.Join(tree, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(tree, "go.sum"), sums, 0o644); err != nil {
		t.Fatal(err)
	}
	return tree
}

// unchanged checks that the agents are as they were: every step was undone.
func unchanged(t *testing.T, tree string) {
	t.Helper()
	for _, file := range []string{"agents/display/main.go", "agents/sensor/main.go"} {
		want, err := os.ReadFile(filepath.Join("../sample", file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was before:\n%s", file, got)
		}
	}
}
