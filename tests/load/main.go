package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Sample is the value that the measurements publish: about 250 bytes of JSON.
type Sample struct {
	Number int64  // of the change
	Sent   int64  // when it was published, Unix time in nanoseconds
	Last   bool   // no change of this key comes after it
	Text   string // makes it as large as a typical value
}

func sample(number int64) Sample {
	return Sample{Number: number, Sent: time.Now().UnixNano(), Text: strings.Repeat("x", 180)}
}

func main() {
	only := flag.String("only", "", "one measurement: connections, fanout or stopped")
	transport := flag.String("transport", "", "unix or tcp; empty: both where it matters")
	role := flag.String("role", "", "what this process plays for another one of these")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *role != "" {
		err = child(ctx, *role, flag.Args())
	} else {
		err = measure(ctx, *only, *transport)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// measurement is one thing to find out; it returns an error when a bound is
// broken, besides those of everything that can fail.
type measurement struct {
	name       string
	transports []string
	run        func(ctx context.Context, b *bench, transport string) error
}

func measure(ctx context.Context, only, transport string) error {
	dir, err := os.MkdirTemp("", "nkv-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // temporary
	b := &bench{dir: dir, server: filepath.Join(dir, "nkv-server")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.server, "github.com/evenkv/nkv/cmd/nkv-server")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("the server can't be built: %w", err)
	}
	var broken []error
	for _, m := range []measurement{
		{"connections", []string{"tcp", "unix"}, connections},
		{"fanout", []string{"unix"}, fanout},
		{"stopped", []string{"unix"}, stopped},
	} {
		if only != "" && only != m.name {
			continue
		}
		for _, t := range m.transports {
			if transport != "" && transport != t {
				continue
			}
			if err := m.run(ctx, b, t); err != nil {
				broken = append(broken, fmt.Errorf("%s over %s: %w", m.name, t, err))
			}
		}
	}
	return errors.Join(broken...)
}

// bench starts the processes of a measurement.
type bench struct {
	dir    string
	server string // the binary
	runs   int
}

// process is a started one. Its lines are what it prints on its standard output.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // it may be gone
	p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // likewise
	p.cmd.Wait()                          //nolint:errcheck // how it ended does not matter
}

// expectWithin bounds how long a process may take to say what is expected of it;
// then it is killed, which ends the waiting.
const expectWithin = time.Minute

// expect reads lines until one begins with word, and returns the rest of it.
func (p *process) expect(word string) (string, error) {
	limit := time.AfterFunc(expectWithin, func() { p.cmd.Process.Kill() }) //nolint:errcheck // it may have ended
	defer limit.Stop()
	for p.lines.Scan() {
		if rest, ok := strings.CutPrefix(p.lines.Text(), word); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	return "", fmt.Errorf("%s ended before it said %q", p.cmd.Path, word)
}

// start starts a server that keeps all in a fresh directory, and returns it with
// its URL.
func (b *bench) start(ctx context.Context, transport string) (*process, string, error) {
	b.runs++
	dir := filepath.Join(b.dir, strconv.Itoa(b.runs))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	url := "unix://" + filepath.Join(dir, "s")
	args := []string{"--socket", filepath.Join(dir, "s"), "--store", filepath.Join(dir, "store"), "--volatile-dir", filepath.Join(dir, "volatile"), "--log-level", "warning"}
	if transport == "tcp" {
		port, err := freePort()
		if err != nil {
			return nil, "", err
		}
		url = "nats://127.0.0.1:" + strconv.Itoa(port)
		args = append(args, "--listen", "127.0.0.1:"+strconv.Itoa(port), "--insecure")
	}
	cmd := exec.CommandContext(ctx, b.server, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	return &process{cmd: cmd}, url, nil
}

// play starts this program in a role.
func (b *bench) play(ctx context.Context, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"-role", role}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, lines: bufio.NewScanner(out)}, nil
}

// resident returns a process's resident memory in bytes, from /proc.
func resident(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}

// latencies is a set of measured times.
type latencies []time.Duration

// quantile returns the time that a part q of the set does not exceed.
func (l latencies) quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	slices.Sort(l)
	return l[min(len(l)-1, int(q*float64(len(l))))]
}

func (l latencies) String() string {
	return fmt.Sprintf("p50 %s, p99 %s (n=%d)", round(l.quantile(0.5)), round(l.quantile(0.99)), len(l))
}

func round(d time.Duration) time.Duration { return d.Round(time.Microsecond) }

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
