package migration

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// grace is how long a table stays its owner's whose connection is gone.
const grace = "300ms"

// device is a directory with the old files and the new server.
type device struct {
	t       *testing.T
	dir     string
	program string

	mu     sync.Mutex // guards the fields below
	server *exec.Cmd  // nil: it does not run
	said   testutil.Text
}

func newDevice(t *testing.T) *device {
	t.Helper()
	dir, err := os.MkdirTemp("", "nkv") // short, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &device{t: t, dir: dir, program: testutil.Build(t, "cmd/nkv-server")}
	if err := os.Mkdir(d.root(), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the servers said:\n%s", d.said.String())
		}
	})
	return d
}

// root is where the old directories lie.
func (d *device) root() string { return filepath.Join(d.dir, "root") }

func (d *device) url() string { return "unix://" + filepath.Join(d.dir, "s") }

// begin starts the server. What does not listen in time is told.
func (d *device) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	socket := filepath.Join(d.dir, "s")
	cmd := exec.Command(d.program, "--socket", socket, "--store", filepath.Join(d.dir, "store"), "--volatile-dir", filepath.Join(d.dir, "volatile"),
		"--owner-grace", grace, "--eve-root", d.root(), "--eve-bridge")
	cmd.Stdout, cmd.Stderr = &d.said, &d.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	d.server = cmd
	if !testutil.Holds(patience, func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}) {
		return errors.New("the server does not listen")
	}
	return nil
}

// end ends the server and waits for that.
func (d *device) end(with syscall.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		return
	}
	d.server.Process.Signal(with) //nolint:errcheck // gone already: the same
	d.server.Wait()               //nolint:errcheck // how it ended is not asked
	d.server = nil
}

// process is an agent's connection, which can end as its process does: its tables
// are not given up.
type process struct {
	*client.Client
	path string

	mu   sync.Mutex // guards the fields below
	conn net.Conn
	dead bool
}

func (d *device) connect(agent string) (*process, error) {
	p := &process{path: filepath.Join(d.dir, "s")}
	c, err := client.Connect(context.Background(), d.url(), client.Name(agent), client.Dialer(p), client.HeadCheck(time.Second))
	p.Client = c
	return p, err
}

// Dial connects to the server.
func (p *process) Dial(string, string) (net.Conn, error) {
	conn, err := net.Dial("unix", p.path)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		conn.Close()
		return nil, net.ErrClosed
	}
	p.conn = conn
	return conn, nil
}

func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	if p.conn != nil {
		p.conn.Close()
	}
	p.mu.Unlock()
	p.Close()
}
