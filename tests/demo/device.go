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
	"strings"
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
	datastore  string // the content server's URL
	rate       string // of the content server, for each connection
	grace      string // of the server: how long a table stays its owner's
	content    *process
	server     *process
	agents     map[string]*process
	runs       []*run
	started    int
	client     *client.Client
	known      *known
	apps       *appWatch
	vault      *vaultWatch
	loads      *loadWatch
	statuses   *statusWatch
	progress   *progress
	kills      int
	reconfigs  int
	corrupt    []string // names of content that is served corrupted
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
	read   int64  // its size before it was read last
	killed bool
}

// newDevice makes a device of the programs in bin, with a configuration to begin
// with. It tells of its progress on out; nil: nowhere.
func newDevice(bin, config string, out *os.File) (*device, error) {
	programs := []string{"nkv-server", "nkv", "contentserver", "demoapp"}
	for _, p := range agentPrograms {
		programs = append(programs, p.name)
	}
	bin, err := filepath.Abs(bin) // domainmgr names its program to others
	if err != nil {
		return nil, err
	}
	for _, program := range programs {
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
		progress: newProgress(out), rate: "1MiB", grace: "1s", known: newKnown(),
	}
	if err := d.identify(); err != nil {
		return nil, err
	}
	d.apps = watchApps(d.file("domains"))
	d.vault = watchVault(d.file("vault/volumes"), d.known)
	return d, nil
}

func (d *device) file(name string) string { return filepath.Join(d.dir, name) }

// spawn starts a program with its output in a file of its own. If it has an
// identity, it is told; another's it is not.
func (d *device) spawn(program, log string, args ...string) (*process, error) {
	out, err := os.OpenFile(d.file(log), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // the process has its own
	cmd := exec.Command(filepath.Join(d.bin, program), args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), client.EnvNKey+"="+d.identity(program))
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
		"--owner-grace", d.grace, "--change-log", d.file("changes"), "--agents", d.file("agents.yaml"))
	return err
}

// startContent starts the content server and waits until it says where it is. It
// is slow, so that there is something to see and to interrupt.
func (d *device) startContent(ctx context.Context) (err error) {
	address := d.file("content-address")
	d.content, err = d.spawn("contentserver", "contentserver.log",
		"--address-file", address, "--corrupt-list", d.file("corrupt"), "--rate", d.rate)
	if err != nil {
		return err
	}
	for look := time.NewTicker(5 * time.Millisecond); ; { // another process's file has no event that is ours
		data, err := os.ReadFile(address)
		if text := strings.TrimSpace(string(data)); err == nil && text != "" {
			d.datastore = text
			return nil
		}
		select {
		case <-look.C:
		case <-d.content.waited:
			return fmt.Errorf("contentserver ended: %v; see %s", d.content.err, d.file("contentserver.log"))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// serveCorrupted names the content that is served corrupted from now on.
func (d *device) serveCorrupted(names ...string) error {
	d.corrupt = names
	return os.WriteFile(d.file("corrupt"), []byte(strings.Join(names, "\n")), 0o600)
}

// startAgent starts an agent, with a new file for its handler calls.
func (d *device) startAgent(name string) error {
	args := []string{"--server", d.url}
	if more := program(name).args; more != nil {
		args = append(args, more(d)...)
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

func (d *device) startAgents() error {
	for _, p := range agentPrograms {
		if err := d.startAgent(p.name); err != nil {
			return err
		}
	}
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
	for _, p := range []*process{d.content, d.server} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// end stops what runs. The directory goes when all went well.
func (d *device) end(kept, well bool) {
	if d.client != nil {
		d.client.Close()
	}
	if d.loads != nil {
		d.loads.close()
	}
	if d.statuses != nil {
		d.statuses.close()
	}
	for _, p := range d.processes() {
		if err := p.stop(); err != nil && !kept {
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
	}
	d.apps.close()
	d.vault.close()
	d.stopApps()
	if well {
		os.RemoveAll(d.dir) //nolint:errcheck // temporary
	}
}

// stopApps ends the applications, which live longer than domainmgr.
func (d *device) stopApps() {
	if out, err := exec.Command(filepath.Join(d.bin, "domainmgr"), "--stop-all", "--dir", d.file("domains")).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "demo: applications may be left: %v: %s\n", err, out)
	}
}

// connect makes the demo's own client, which looks but does not touch.
func (d *device) connect(ctx context.Context) (err error) {
	if d.client, err = client.Connect(ctx, d.url, client.Name("demo")); err != nil {
		return err
	}
	if d.loads, err = watchLoads(ctx, d.url); err != nil {
		return err
	}
	d.statuses, err = watchStatuses(ctx, d.url, d.known, d.apps)
	return err
}

// configure gives the agents the configuration.
func (d *device) configure() error {
	t, err := d.configured.tables()
	if err != nil {
		return err
	}
	d.known.add(t)
	return d.configured.write(d.config)
}

// verdict returns the first thing that was wrong at any time.
func (d *device) verdict() error {
	_, apps := d.apps.verdict()
	_, vault := d.vault.verdict()
	_, statuses := d.statuses.verdict()
	return firstError(apps, vault, statuses)
}

// invite says how to look at what is running.
func (d *device) invite(out io.Writer) {
	fmt.Fprintf(out, `
All is running. In another terminal:

  export NKV_URL=%[1]s NKV_NKEY=%[5]s
  %[2]s/diag
  %[2]s/nkv tree
  %[2]s/nkv watch 'zedmanager.>'
  %[2]s/nkv trace zedagent.AppInstanceConfig

  # the device's configuration
  $EDITOR %[3]s
  # serve a content corrupted: names are the URLs of diag's content trees
  echo NAME >> %[4]s
  # or any agent; what ends by -9 is not started again, but for applications
  pkill -9 demoapp

Ctrl-C ends it.
`, d.url, d.bin, d.config, d.file("corrupt"), d.seed(demoIdentity))
}
