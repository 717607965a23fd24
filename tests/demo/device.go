package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/evenkv/nkv/pkg/client"
)

// stopWithin is how long a process may take to end when it is asked to.
const stopWithin = 5 * time.Second

// device is the processes of the demo and their files, in a directory of its own.
type device struct {
	bin, dir   string
	config     string // the configuration that the agents watch
	url        string
	server     *process
	agents     map[string]*process
	runs       []*run
	started    int
	client     *client.Client
	adopted    []change // what the server held after a restart
	kills      int
	reconfigs  int
	configured *configuration
}

// process is one that was started. waited is closed when it has ended.
type process struct {
	name   string
	cmd    *exec.Cmd
	waited chan struct{}
	err    error // how it ended; read after waited is closed
}

// run is one life of an agent's process, with the log of its handler calls.
type run struct {
	agent  string
	calls  string // file
	killed bool
}

func newDevice(bin, config string) (*device, error) {
	for _, program := range []string{"nkv-server", "nkv", "zedagent", "nim", "diag"} {
		if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
			return nil, fmt.Errorf("%w; run `make build` first", err)
		}
	}
	configured, err := readConfiguration(config)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "nkv-demo-")
	if err != nil {
		return nil, err
	}
	d := &device{
		bin: bin, dir: dir, config: filepath.Join(dir, "device.json"),
		url: "unix://" + filepath.Join(dir, "nkv.sock"), agents: map[string]*process{}, configured: configured,
	}
	return d, nil
}

func (d *device) file(name string) string { return filepath.Join(d.dir, name) }

// spawn starts a program with its output in a file of its own.
func (d *device) spawn(program, log string, args ...string) (*process, error) {
	out, err := os.OpenFile(d.file(log), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // the process has its own
	cmd := exec.Command(filepath.Join(d.bin, program), args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo, which ends them in order
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name: program, cmd: cmd, waited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.waited)
	}()
	return p, nil
}

func (d *device) startServer() (err error) {
	d.server, err = d.spawn("nkv-server", "nkv-server.log",
		"--socket", d.file("nkv.sock"), "--store", d.file("store"), "--volatile-dir", d.file("volatile"),
		"--owner-grace", "1s", "--change-log", d.file("changes"))
	return err
}

// startAgent starts an agent, with a new file for its handler calls.
func (d *device) startAgent(name string) error {
	args := []string{"--server", d.url}
	if name == "zedagent" {
		args = append(args, "--config", d.config)
	}
	d.started++
	r := &run{agent: name, calls: d.file(name + "." + strconv.Itoa(d.started) + ".calls")}
	p, err := d.spawn(name, name+".log", append(args, "--handler-log", r.calls)...)
	if err != nil {
		return err
	}
	d.agents[name] = p
	d.runs = append(d.runs, r)
	return nil
}

// kill ends a process with SIGKILL and waits for that.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.waited
	return nil
}

func (d *device) killAgent(name string) error {
	for _, r := range d.runs {
		if r.agent == name {
			r.killed = true
		}
	}
	d.kills++
	return d.agents[name].kill()
}

// stop asks a process to end, and reports when it does not, or not well.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	select {
	case <-p.waited:
	case <-time.After(stopWithin):
		p.cmd.Process.Kill() //nolint:errcheck // it is reported as stuck
		<-p.waited
		return fmt.Errorf("%s did not end within %s after SIGTERM", p.name, stopWithin)
	}
	if p.err != nil {
		return fmt.Errorf("%s ended with: %w", p.name, p.err)
	}
	return nil
}

// alive returns an error when a process that should run has ended.
func (d *device) alive() error {
	for _, p := range d.processes() {
		select {
		case <-p.waited:
			return fmt.Errorf("%s ended by itself: %v; see %s", p.name, p.err, d.file(p.name+".log"))
		default:
		}
	}
	return nil
}

func (d *device) processes() []*process {
	var all []*process
	for _, p := range d.agents {
		all = append(all, p)
	}
	if d.server != nil {
		all = append(all, d.server)
	}
	return all
}

// end stops what runs. The directory goes when all went well.
func (d *device) end(kept, well bool) {
	if d.client != nil {
		d.client.Close()
	}
	for _, p := range d.processes() {
		if err := p.stop(); err != nil && !kept {
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
	}
	if well {
		os.RemoveAll(d.dir) //nolint:errcheck // temporary
	}
}

// connect makes the demo's own client, which looks but does not touch.
func (d *device) connect(ctx context.Context) (err error) {
	d.client, err = client.Connect(ctx, d.url, client.Name("demo"))
	return err
}

// invite says how to look at what is running.
func (d *device) invite(out io.Writer) {
	bin, err := filepath.Abs(d.bin)
	if err != nil {
		bin = d.bin
	}
	fmt.Fprintf(out, `
All is running. In another terminal:

  export NKV_URL=%s
  %s/nkv tree
  %s/nkv watch 'nim.>'
  %s/nkv trace zedagent.NetworkPortConfig
  %s/diag
  $EDITOR %s

Ctrl-C ends it.
`, d.url, bin, bin, bin, bin, d.config)
}
