package contentserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/contentserver"
)

// build builds the program and returns its path.
func build(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	program := filepath.Join(t.TempDir(), "contentserver")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/contentserver").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func TestTheProgram(t *testing.T) {
	program := build(t)
	t.Run("sums", func(t *testing.T) {
		out, err := exec.Command(program, "--sum", "a", "b:1").Output()
		want := ""
		for _, name := range []string{"a", "b:1"} {
			want += fmt.Sprintf("%7d  %s  %s\n", contentserver.Size(name), contentserver.SHA256(name), name)
		}
		if err != nil || string(out) != want {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for _, args := range [][]string{{"x"}, {"--sum"}, {"--sum", ""}, {"--rate", "-1"}, {"--rate", "1MB"}, {"--no-such"}, {"--log-level", "x"}} {
		t.Run("wrong usage "+strings.Join(args, " "), func(t *testing.T) {
			out, err := exec.Command(program, args...).CombinedOutput()
			var ended *exec.ExitError
			if !errors.As(err, &ended) || ended.ExitCode() != 2 || !strings.Contains(string(out), "--help") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	t.Run("serves", func(t *testing.T) { testServing(t, program) })
}

func testServing(t *testing.T, program string) {
	dir := t.TempDir()
	address, list := filepath.Join(dir, "address"), filepath.Join(dir, "corrupt")
	cmd := exec.Command(program, "--address-file", address, "--corrupt-list", list, "--rate", "64MiB", "--log-level", "debug")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	var url string
	for deadline := time.Now().Add(patience); url == ""; time.Sleep(time.Millisecond) { // another process makes the file
		data, _ := os.ReadFile(address)
		if url = strings.TrimSpace(string(data)); time.Now().After(deadline) {
			t.Fatal("the program does not say where it listens")
		}
	}
	etag := func() string {
		answer, err := http.Head(url + "/h/-/a%20b")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.Header.Get("ETag")
	}
	defer http.DefaultClient.CloseIdleConnections()
	good := etag()
	if err := os.WriteFile(list, []byte("other\n\na b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if etag() == good {
		t.Error("the list is not read")
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if etag() != good {
		t.Error("the list is not read again")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, log.String())
	}
	if text := log.String(); !strings.Contains(text, "method=HEAD") || !strings.Contains(text, `path="/h/-/a b"`) {
		t.Errorf("no log of the requests:\n%s", text)
	}
}
