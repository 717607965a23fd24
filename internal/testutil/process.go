package testutil

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/pkg/server"
)

// envServer holds a ServerOptions for a test binary that is to be a server.
const envServer = "NKV_TEST_SERVER"

// startWithin bounds the start of a server process.
const startWithin = 30 * time.Second

// ServerOptions are those of server.Options that a process can be told.
type ServerOptions struct {
	Socket, StoreDir, VolatileDir string
	Listen                        string // TCP address, as FreeAddress gives it; empty: none
	OwnerGrace                    time.Duration
	MaxValue                      int
	NKV0                          bool // serve nkv's first protocol too
	Verbose                       bool
	EveRoot                       string // keep old files current below it; empty: no
	// Program is the nkv-server to run, as Build made it; empty: the test binary
	// itself.
	Program string
	// Wrap is the command, with its arguments, that Program is run by; empty: none.
	// It must become the program, or end with it.
	Wrap []string
}

// Process is a server in a process of its own: nkv-server, or the test binary,
// run again, which needs Main in the package's TestMain. It dies with the test.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	once  sync.Once
	err   error
}

// StartProcess starts a server and returns when it is ready.
func StartProcess(t testing.TB, opts ServerOptions) *Process {
	t.Helper()
	p, err := TryProcess(t, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TryProcess is StartProcess for a server that may refuse to start; the error is
// then what it said.
func TryProcess(t testing.TB, opts ServerOptions) (*Process, error) {
	t.Helper()
	if opts.Program != "" {
		return startProgram(t, opts)
	}
	encoded, err := json.Marshal(opts)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(os.Args[0], "-test.run=^$")}
	p.cmd.Env = append(os.Environ(), envServer+"="+string(encoded))
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	watchdog := time.AfterFunc(startWithin, p.Kill)
	defer watchdog.Stop()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("the server process ended: %w", err)
	}
	if line != "ready\n" {
		p.Kill()
		return nil, fmt.Errorf("the server process did not start: %s", line)
	}
	return p, nil
}

// startProgram starts nkv-server; it is ready when its socket is there, which it
// makes last.
func startProgram(t testing.TB, opts ServerOptions) (*Process, error) {
	t.Helper()
	p := &Process{cmd: exec.Command(opts.Program,
		"--socket", opts.Socket, "--store", opts.StoreDir, "--volatile-dir", opts.VolatileDir,
		"--owner-grace", cmp.Or(opts.OwnerGrace, 5*time.Second).String(), "--max-value", strconv.Itoa(cmp.Or(opts.MaxValue, server.DefaultMaxValue)))}
	if opts.Listen != "" {
		p.cmd.Args = append(p.cmd.Args, "--listen", opts.Listen, "--insecure")
	}
	if opts.EveRoot != "" {
		p.cmd.Args = append(p.cmd.Args, "--eve-root", opts.EveRoot)
	}
	if len(opts.Wrap) > 0 {
		p.cmd = exec.Command(opts.Wrap[0], append(slices.Clone(opts.Wrap[1:]), p.cmd.Args...)...)
	}
	var said bytes.Buffer
	p.cmd.Stderr, p.cmd.Stdout = &said, &said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if opts.NKV0 {
		p.cmd.Args = append(p.cmd.Args, "--nkv0")
	}
	p.stdin = io.NopCloser(nil)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if !Holds(startWithin, func() bool {
		conn, err := net.Dial("unix", opts.Socket)
		if err == nil {
			conn.Close()
		}
		return err == nil || p.ended()
	}) || p.ended() {
		p.Kill() // what it said is whole when it is gone
		return nil, fmt.Errorf("%s did not start: %s", opts.Program, said.String())
	}
	return p, nil
}

// Build builds a command of this module, named as a package path within it, and
// returns the program's path. It skips the test where there is no Go tool.
func Build(t testing.TB, command string) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("no Go tool to build %s with: %v", command, err)
	}
	DependOnSources(t)
	program := filepath.Join(t.TempDir(), filepath.Base(command))
	build := exec.Command(tool, "build", "-o", program, "github.com/evenkv/nkv/"+command)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", command, err, out)
	}
	return program
}

// FreeAddress returns a loopback address, host:port, that nobody listens on. Its
// port is below those that the system gives to outgoing connections, so that it
// stays free while a server is away.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(20_000)))
		l, err := net.Listen("tcp", address)
		if err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port was found")
	return ""
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and returns when it is gone. It is
// idempotent.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

func (p *Process) end(sig syscall.Signal) {
	p.once.Do(func() {
		p.err = p.cmd.Process.Signal(sig)
		if err := p.cmd.Wait(); p.err == nil {
			p.err = err
		}
		p.stdin.Close()
	})
}

// ended reports whether the process has ended by itself.
func (p *Process) ended() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.PID(), &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0
}

func serving() bool { return os.Getenv(envServer) != "" }

// serve is the server process's main.
func serve() int {
	var given ServerOptions
	if err := json.Unmarshal([]byte(os.Getenv(envServer)), &given); err != nil {
		fmt.Println(err)
		return 1
	}
	// A file size limit must fail a write, as a full disk does.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() { // the test's end is this process's end
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // any end will do
		cancel()
	}()
	log := logrus.New()
	log.SetOutput(io.Discard)
	if given.Verbose {
		log.SetOutput(os.Stderr)
	}
	s, err := server.Start(ctx, server.Options{
		Socket: given.Socket, Listen: given.Listen, Insecure: given.Listen != "", StoreDir: given.StoreDir, VolatileDir: given.VolatileDir,
		OwnerGrace: given.OwnerGrace, MaxValue: given.MaxValue, NKV0: given.NKV0, EveRoot: given.EveRoot, Logger: log,
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	<-s.Done()
	return 0
}
