package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// build builds the command and returns where it is; anyone may run it.
func build(t *testing.T) string {
	t.Helper()
	dir := openDir(t)
	binary := filepath.Join(dir, "nkv")
	if out, err := exec.Command("go", "build", "-o", binary, "-ldflags", "-X main.version=v7", ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// openDir makes a directory that every user may look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The exit codes are those of the real program against a real server.
func TestExitCodes(t *testing.T) {
	binary := build(t)
	url := startServer(t, server.Options{MaxValue: 1000})
	s := shell{t, url}
	s.must("put", "a.B.k", `"v"`)
	owner := openTable(t, connect(t, url, "own"), "own.T")
	if err := owner.Put(t.Context(), "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(t.TempDir(), "dead")
	deadSocket(t, dead)
	for _, test := range []struct {
		name   string
		args   string
		stdin  string
		server string // instead of the one that is there
		code   int
		says   string
	}{
		{name: "found", args: "get a.B.k", code: 0},
		{name: "done", args: "put a.B.k 1", code: 0},
		{name: "nothing to list, nothing asked for", args: "ls a.B", code: 0},
		{name: "version of the build", args: "--version", code: 0},

		{name: "no such key", args: "get a.B.other", code: 1, says: "not found: key other of table a.B"},
		{name: "no such table", args: "get a.C.other", code: 1, says: "not found: table a.C"},
		{name: "nothing to remove", args: "del a.B.other", code: 1, says: "not found"},
		{name: "no table to clear", args: "del --all --yes a.C", code: 1, says: "not found"},
		{name: "nothing matches", args: "ls nobody", code: 1, says: "nothing matches nobody.>"},
		{name: "no key matches", args: "tree a.*.other", code: 1, says: "nothing matches"},
		{name: "no table matches", args: "tables nobody.*", code: 1, says: "no table matches"},
		{name: "nothing to trace", args: "trace a.C", code: 1, says: "there is no table a.C"},
		{name: "no value to trace", args: "trace a.B.other", code: 1, says: "there is no value at a.B.other"},

		{name: "no verb", args: "", code: 2, says: "a verb is missing"},
		{name: "unknown verb", args: "gte a.B.k", code: 2, says: "did you mean: nkv get"},
		{name: "unknown flag", args: "get --jsn a.B.k", code: 2, says: "did you mean: --json"},
		{name: "bad path", args: "get a.B.k.l", code: 2, says: "a.B.k%2El"},
		{name: "no JSON", args: "put a.B.k {", code: 2, says: "not JSON"},
		{name: "bad server", args: "health", server: "http://x", code: 2, says: "none of unix, nats, tls"},

		{name: "no socket", args: "health", server: "unix:///nowhere/s", code: 3, says: "the socket is not there"},
		{name: "dead socket", args: "get a.B.k", server: "unix://" + dead, code: 3, says: "nobody listens there"},
		{name: "dead port", args: "ls", server: "nats://127.0.0.1:1", code: 3, says: "start nkv-server"},
		{name: "no server for version", args: "version", server: "unix:///nowhere/s", code: 3, says: "the socket is not there"},

		{name: "silent server", args: "health --timeout 200ms", server: "unix://" + silentSocket(t), code: 3, says: "somebody listens there"},
		{name: "another NATS server", args: "health", server: otherNATS(t), code: 3, says: "no nkv server answers here"},

		{name: "owned", args: "put own.T.k 2", code: 4, says: "own"},
		{name: "wrong revision", args: "put a.B.k 2 --expect 999", code: 4, says: "revision 999 was expected"},
		{name: "exists", args: "put a.B.k 2 --create", code: 4, says: "exists"},
		{name: "too large", args: "put a.B.k - --raw", stdin: strings.Repeat("x", 1001), code: 4, says: "1001 bytes; the server's limit is 1000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(binary, strings.Fields(test.args)...)
			cmd.Stdin = strings.NewReader(test.stdin)
			cmd.Env = append(os.Environ(), client.EnvURL+"="+url)
			if test.server != "" {
				cmd.Env = append(cmd.Env, client.EnvURL+"="+test.server)
			}
			checkExit(t, cmd, test.code, test.says)
		})
	}
	t.Run("permission denied", func(t *testing.T) { deniedSocket(t, binary) })
	t.Run("output fails", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		defer full.Close()
		cmd := exec.Command(binary, "--server", url, "ls")
		cmd.Stdout = full
		checkExit(t, cmd, 5, "no space left")
	})
	t.Run("watch ends well with an interrupt", func(t *testing.T) { interruptedWatch(t, binary, url) })
}

func checkExit(t *testing.T, cmd *exec.Cmd, code int, says string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, wanted %d", got, code)
	}
	if !strings.Contains(stderr.String(), says) || (says == "") != (stderr.Len() == 0) {
		t.Errorf("stderr should have %q:\n%s", says, stderr.String())
	}
}

// deadSocket leaves a socket behind as a killed server does.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // it was only bound
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
}

// silentSocket listens, accepts, and says nothing.
func silentSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "silent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // what waits in its backlog is accepted by the system
	return path
}

// otherNATS starts a NATS server without nkv.
func otherNATS(t *testing.T) string {
	t.Helper()
	ns, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
	return ns.ClientURL()
}

// deniedSocket runs the command as a user that may not use the socket.
func deniedSocket(t *testing.T, binary string) {
	dir := openDir(t)
	socket := filepath.Join(dir, "s")
	mode := os.FileMode(0o600)
	cmd := exec.Command(binary, "--server", "unix://"+socket, "get", "a.B.k")
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	} else {
		mode = 0o400 // one's own socket, closed to oneself
	}
	s, err := server.Start(t.Context(), server.Options{Socket: socket, SocketMode: mode})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	checkExit(t, cmd, 3, fmt.Sprintf("permission denied on the socket (owner %s, group ", userName(uint32(os.Geteuid()))))
}

func interruptedWatch(t *testing.T, binary, url string) {
	cmd := exec.Command(binary, "--server", url, "watch", "a.B")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it watches
		t.Error(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
}

func TestInterruptedRequest(t *testing.T) {
	url := startServer(t, server.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"--server", url, "health"}, nil, io.Discard, io.Discard); code != exitInterrupted {
		t.Errorf("exit code %d, wanted %d", code, exitInterrupted)
	}
}

// What the server refuses has an exit code, whatever the reason.
func TestExitCodeOfRefusals(t *testing.T) {
	for reason, code := range map[wire.Reason]int{
		wire.ReasonInvalid: exitUsage, wire.ReasonVersion: exitRefused, wire.ReasonVerb: exitRefused,
		wire.ReasonNotOwner: exitRefused, wire.ReasonIdentity: exitRefused, wire.ReasonNotFound: exitNotFound,
		wire.ReasonOwned: exitRefused, wire.ReasonSnapshot: exitRefused, wire.ReasonRevision: exitRefused,
		wire.ReasonFence: exitRefused, wire.ReasonTooLarge: exitRefused,
		wire.ReasonUnavailable: exitRefused, wire.ReasonUnknown: exitRefused,
	} {
		if got := exitCode(t.Context(), fmt.Errorf("put a.B.k: %w", &client.Error{Reason: reason})); got != code {
			t.Errorf("reason %s: exit code %d, wanted %d", reason, got, code)
		}
	}
	for _, test := range []struct {
		err  error
		code int
	}{
		{client.ErrNoAnswer, exitUnreachable}, {client.ErrUnconfirmed, exitUnreachable},
		{client.ErrDisconnected, exitUnreachable}, {client.ErrUnavailable, exitUnreachable}, // no server behind the NATS that answered
		{errUnhealthy, exitRefused}, {errDeclined, exitRefused}, {errNothing, exitNotFound}, {io.ErrShortWrite, exitFailed},
	} {
		if got := exitCode(t.Context(), fmt.Errorf("tried: %w", test.err)); got != test.code {
			t.Errorf("%v: exit code %d, wanted %d", test.err, got, test.code)
		}
	}
}
