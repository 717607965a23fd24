package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// envProgram makes the test binary be the program.
const envProgram = "NKV_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(envProgram) != "" {
		main()
	}
	testutil.Main(m)
}

// instance is one run of the program: in this process, or in one of its own.
type instance struct {
	t      *testing.T
	dir    string
	pid    int // of its own process
	signal func(os.Signal)
	hangup func() // of one in this process
	stderr testutil.Text
	ended  chan struct{}
	code   int // once ended is closed
}

// newDir makes a directory whose name is short enough for a Unix socket.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nkv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// places gives a server places in a directory.
func places(dir string) []string {
	return []string{"--socket", filepath.Join(dir, "s"), "--store", filepath.Join(dir, "store"), "--volatile-dir", filepath.Join(dir, "volatile")}
}

// surroundings returns an environment whose system directories lie in dir.
func surroundings(dir string, vars map[string]string) config.Environment {
	env := config.System()
	env.RuntimeDir, env.StateDir = filepath.Join(dir, "run", "nkv"), filepath.Join(dir, "lib", "nkv")
	env.Getenv = func(name string) string { return vars[name] }
	return env
}

// launch runs the program in this process.
func launch(t *testing.T, dir string, vars map[string]string, args ...string) *instance {
	t.Helper()
	signals := make(chan os.Signal, 2)
	i := &instance{t: t, dir: dir, ended: make(chan struct{}), signal: func(s os.Signal) { signals <- s }}
	hangups := make(chan os.Signal, 1)
	i.hangup = func() { hangups <- syscall.SIGHUP }
	p := &program{stdout: &i.stderr, stderr: &i.stderr, env: surroundings(dir, vars), signals: signals, hangups: hangups}
	go func() {
		defer close(i.ended)
		i.code = p.run(context.Background(), args)
	}()
	t.Cleanup(func() {
		select {
		case signals <- syscall.SIGTERM:
		default:
		}
		i.wait()
	})
	return i
}

// spawn runs the program in a process of its own.
func spawn(t *testing.T, dir string, args ...string) *instance {
	t.Helper()
	return spawnWith(t, dir, nil, args...)
}

// spawnWith is spawn with the program's standard error; nil: the instance's.
func spawnWith(t *testing.T, dir string, stderr *os.File, args ...string) *instance {
	t.Helper()
	i := &instance{t: t, dir: dir, ended: make(chan struct{})}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), envProgram+"=1", "NOTIFY_SOCKET=")
	cmd.Stdout, cmd.Stderr = &i.stderr, &i.stderr
	if stderr != nil {
		cmd.Stderr = stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	i.pid = cmd.Process.Pid
	i.signal = func(s os.Signal) {
		if err := cmd.Process.Signal(s); err != nil {
			t.Errorf("send %s: %v", s, err)
		}
	}
	go func() {
		defer close(i.ended)
		cmd.Wait() //nolint:errcheck // the exit code says it
		i.code = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // gone already: the same
		<-i.ended
	})
	return i
}

// refused runs the program, which must end by itself.
func refused(t *testing.T, dir string, args ...string) (code int, says string) {
	t.Helper()
	i := launch(t, dir, nil, args...)
	i.wait()
	return i.code, i.stderr.String()
}

func (i *instance) file(name string) string { return filepath.Join(i.dir, name) }

// says waits for a text.
func (i *instance) says(text string) {
	i.t.Helper()
	if !testutil.Holds(patience, func() bool { return strings.Contains(i.stderr.String(), text) }) {
		i.t.Fatalf("it never said %q:\n%s", text, i.stderr.String())
	}
}

func (i *instance) ready() *instance {
	i.t.Helper()
	i.says("nkv-server is ready")
	return i
}

// wait waits for the end and returns the exit code.
func (i *instance) wait() int {
	i.t.Helper()
	select {
	case <-i.ended:
		return i.code
	case <-time.After(patience):
		i.t.Fatalf("it did not end:\n%s", i.stderr.String())
		return -1
	}
}

// stop ends the program in peace.
func (i *instance) stop() {
	i.t.Helper()
	i.signal(syscall.SIGTERM)
	if code := i.wait(); code != exitDone {
		i.t.Fatalf("exit code %d:\n%s", code, i.stderr.String())
	}
}

func connect(t *testing.T, url string, given ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), url, given...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

func (i *instance) connect(given ...client.Option) *client.Client {
	i.t.Helper()
	return connect(i.t, "unix://"+i.file("s"), given...)
}

func keyPath(topic, key string) wire.Path {
	return wire.Path{Table: wire.Table{Agent: "tester", Topic: topic}, Key: key}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
