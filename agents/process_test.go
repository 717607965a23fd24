package agents_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/domainmgr"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// device is a server with a socket, and the programs as processes.
type device struct {
	*agenttest.Server
	t   *testing.T
	dir string
}

func newDevice(t *testing.T) *device {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the programs")
	}
	dir := t.TempDir()
	testutil.DependOnSources(t)
	build := exec.Command("go", "build", "-o", dir+"/", "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return &device{agenttest.New(t), t, dir}
}

func (d *device) path(name string) string { return filepath.Join(d.dir, name) }

// run runs a program to its end.
func (d *device) run(name string, args ...string) (stdout, stderr string, code int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), agenttest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.path(name), args...)
	cmd.Env = append(os.Environ(), "NKV_URL="+d.URL())
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		d.t.Fatal(err)
	}
	return out.String(), log.String(), cmd.ProcessState.ExitCode()
}

// process is a program that runs.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	log bytes.Buffer // read it after the end
	out io.Reader
}

func (d *device) start(name string, args ...string) *process {
	d.t.Helper()
	p := &process{t: d.t, cmd: exec.Command(d.path(name), append(args, "--server", d.URL())...)}
	p.cmd.Stderr = &p.log
	var err error
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		d.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.end(syscall.SIGKILL)
		}
	})
	return p
}

// end signals the process and returns its exit code.
func (p *process) end(sig syscall.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Error(err)
	}
	timer := time.AfterFunc(agenttest.Patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // the exit code says it
	return p.cmd.ProcessState.ExitCode()
}

func (d *device) write(name, text string) {
	d.t.Helper()
	err := os.WriteFile(d.path(name+".new"), []byte(text), 0o644)
	if err == nil {
		err = os.Rename(d.path(name+".new"), d.path(name))
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// calls reads a handler log.
func (d *device) calls(name string) []command.HandlerCall {
	d.t.Helper()
	file, err := os.Open(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	var calls []command.HandlerCall
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		var call command.HandlerCall
		if err := dec.Decode(&call); err != nil {
			d.t.Fatalf("%v in %q", err, lines.Text())
		}
		calls = append(calls, call)
	}
	if err := lines.Err(); err != nil {
		d.t.Fatal(err)
	}
	return calls
}

func TestProgramsShareTheDevice(t *testing.T) {
	d := newDevice(t)
	own, err := os.ReadFile("zedagent/device.json")
	if err != nil {
		t.Fatal(err)
	}
	d.write("interfaces.json", `[{"Name":"eth0","AdminUp":true,"Carrier":true,"Addrs":["192.0.2.17/24"]}]`)
	nim := d.start("nim", "--interfaces", d.path("interfaces.json"), "--handler-log", d.path("nim.log"), "--watchdog", d.path("nim.alive"))
	lines := d.start("diag", "--handler-log", d.path("diag.log"))
	others := d.startOthers()
	zedagent := d.start("zedagent", "--config", d.path("device.json"), "--log-format", "json", "--datastore", d.content())

	status := agenttest.Watch(d.Server, topics.ZedAgentStatus)
	network := agenttest.Watch(d.Server, topics.DeviceNetworkStatus)
	status.Await("no file", func(v map[string]types.ZedAgentStatus) bool {
		return v[types.StatusKey].FileState == types.ConfigFileMissing
	})
	d.write("device.json", string(own))
	up := func(n int) func(map[string]types.DeviceNetworkStatus) bool {
		return func(v map[string]types.DeviceNetworkStatus) bool {
			return v[types.StatusKey].Wanted == 3 && v[types.StatusKey].Up == n
		}
	}
	network.Await("one port up", up(1))
	if _, err := os.Stat(d.path("nim.alive")); err != nil {
		t.Errorf("the watchdog file: %v", err)
	}

	// nim is killed; what it published stays, and the next one goes on.
	nim.end(syscall.SIGKILL)
	d.write("interfaces.json", `[{"Name":"eth0","AdminUp":true,"Carrier":true,"Addrs":["192.0.2.17/24"]},
		{"Name":"lo","AdminUp":true,"Carrier":true}]`)
	nim = d.start("nim", "--interfaces", d.path("interfaces.json"), "--handler-log", d.path("nim.log"))
	network.Await("two ports up", up(2))
	network.AwaitCall("restarted 2")

	agenttest.Watch(d.Server, topics.AppInstanceStatus).Await("all run but the one that is switched off", func(v map[string]types.AppInstanceStatus) bool {
		running := 0
		for _, app := range v {
			if app.State == types.StateRunning {
				running++
			}
		}
		return len(v) == 4 && running == 3
	})
	out, log, code := d.run("diag", "--once", "--json")
	var doc diag.Document
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != command.ExitOK {
		t.Fatalf("diag exits %d, %v:\n%s\n%s", code, err, out, log)
	}
	if len(doc.Apps) != 4 || doc.AppTotals.Running != 3 || doc.Network.Up != 2 || doc.Device.Name != "packaging-line-3" {
		t.Errorf("diag shows %+v", doc)
	}
	others["zedagent"], others["nim"] = zedagent, nim
	for name, p := range others {
		if code := p.end(syscall.SIGTERM); code != command.ExitOK {
			t.Errorf("%s exits %d on SIGTERM:\n%s", name, code, p.log.String())
		}
	}
	if code := lines.endReading(t, "nim.NetworkPortStatus loopback"); code != command.ExitOK {
		t.Errorf("diag exits %d on SIGTERM:\n%s", code, lines.log.String())
	}
	d.checkCalls()
	for line := range strings.Lines(zedagent.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not logged as JSON: %s", line)
		}
	}
}

// startOthers starts the agents that download, make volumes and run applications.
// The applications end with the test.
func (d *device) startOthers() map[string]*process {
	d.t.Helper()
	d.t.Cleanup(func() {
		if err := domainmgr.StopAll(context.Background(), d.path("domains")); err != nil {
			d.t.Error(err)
		}
	})
	return map[string]*process{
		"volumemgr":  d.start("volumemgr", "--dir", d.path("vault")),
		"downloader": d.start("downloader"),
		"zedmanager": d.start("zedmanager"),
		"domainmgr":  d.start("domainmgr", "--dir", d.path("domains"), "--app", d.path("demoapp")),
		"ledmanager": d.start("ledmanager", "--file", d.path("light")),
	}
}

// content serves all content until the test ends, and returns where.
func (d *device) content() string {
	d.t.Helper()
	s, err := contentserver.New(contentserver.Options{Logger: d.Log})
	if err != nil {
		d.t.Fatal(err)
	}
	web := httptest.NewServer(s)
	d.t.Cleanup(web.Close)
	return web.URL
}

// endReading ends diag when it has told of something.
func (p *process) endReading(t *testing.T, what string) int {
	t.Helper()
	timer := time.AfterFunc(agenttest.Patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	scanner := bufio.NewScanner(p.out)
	for scanner.Scan() {
		if strings.Contains(scanner.Text(), what) {
			return p.end(syscall.SIGTERM)
		}
	}
	t.Errorf("diag never told of %s", what)
	return p.end(syscall.SIGKILL)
}

// checkCalls checks what the handler logs say.
func (d *device) checkCalls() {
	d.t.Helper()
	for _, call := range d.calls("diag.log") {
		switch {
		case call.Agent != "diag" || call.Time.IsZero() || call.Error != "":
			d.t.Errorf("odd call %+v", call)
		case call.Op == "restarted" || call.Op == "synchronized":
		case call.Key == "" || call.Revision == 0 || len(call.SHA256) != 64:
			d.t.Errorf("incomplete call %+v", call)
		}
	}
	// Both nims wrote to one log: each read every port once.
	ports := slices.DeleteFunc(d.calls("nim.log"), func(c command.HandlerCall) bool {
		return c.Table != topics.NetworkPortConfig.String() || c.Op != "create"
	})
	if len(ports) != 6 {
		d.t.Errorf("%d creations of ports, want 2 times 3: %+v", len(ports), ports)
	}
}

func TestProgramsRefuseWrongUse(t *testing.T) {
	d := newDevice(t)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"zedagent", []string{"--confg", "x"}, command.ExitUsage, "unknown flag: --confg"},
		{"zedagent", []string{"device.json"}, command.ExitUsage, `unexpected argument "device.json"`},
		{"zedagent", []string{"--config", ""}, command.ExitUsage, "ConfigFile is empty"},
		{"zedagent", []string{"--log-level", "loud"}, command.ExitUsage, "--log-level"},
		{"nim", []string{"--log-format", "xml"}, command.ExitUsage, `"xml" is neither text nor json`},
		{"nim", []string{"--server", "ftp://x"}, command.ExitUsage, "ftp"},
		{"nim", []string{"--handler-log", "/nowhere/at/all"}, command.ExitFailed, "/nowhere/at/all"},
		{"diag", []string{"--json"}, command.ExitUsage, "JSON needs Once"},
		{"diag", []string{"--once", "--timeout", "100ms"}, command.ExitFailed, "tables are missing: zedagent.ZedAgentStatus"},
		{"diag", []string{"--once", "--timeout", "100ms", "--server", "unix:///nowhere/nkv.sock"}, command.ExitFailed, "no connection to the server"},
	} {
		t.Run(test.name+" "+strings.Join(test.args, " "), func(t *testing.T) {
			_, log, code := d.run(test.name, test.args...)
			if code != test.code || !strings.Contains(log, test.want) {
				t.Errorf("exits %d: %s", code, log)
			}
		})
	}
}
