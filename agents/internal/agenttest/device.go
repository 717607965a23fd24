package agenttest

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/server"
)

// Patience is how long something may take before a test fails.
const Patience = 20 * time.Second

// Device is a server and the agents on it.
type Device struct {
	t     *testing.T
	opts  server.Options
	power *power
	// Log is what agents log to.
	Log *logrus.Logger
}

// power is where agents connect to, over restarts of the server.
type power struct {
	mu     sync.Mutex // guards server
	server *server.Server
}

// InProcessConn returns a connection to the server that runs now.
func (p *power) InProcessConn() (net.Conn, error) {
	p.mu.Lock()
	s := p.server
	p.mu.Unlock()
	return s.InProcessConn()
}

// New starts a server without sockets. When the test ends, everything is
// stopped and nothing may be left running.
func New(t *testing.T, opts server.Options) *Device {
	t.Helper()
	before := stacks()
	d := &Device{t: t, opts: opts, power: &power{}, Log: logrus.New()}
	d.Log.SetOutput(io.Discard)
	if testing.Verbose() {
		d.Log.SetOutput(t.Output())
	}
	t.Cleanup(func() { nothingLeft(t, before) })
	d.Boot()
	t.Cleanup(d.Halt)
	return d
}

// Boot starts the server, again after Halt.
func (d *Device) Boot() {
	d.t.Helper()
	opts := d.opts
	if opts.OwnerGrace == 0 {
		opts.OwnerGrace = 200 * time.Millisecond
	}
	s, err := server.Start(context.Background(), opts)
	if err != nil {
		d.t.Fatal(err)
	}
	d.power.mu.Lock()
	d.power.server = s
	d.power.mu.Unlock()
}

// Halt stops the server.
func (d *Device) Halt() {
	d.power.mu.Lock()
	s := d.power.server
	d.power.mu.Unlock()
	s.Shutdown()
}

// Connect returns a new agent. It is closed when the test ends, if not before.
func (d *Device) Connect(name string, options ...agent.Option) *agent.Agent {
	d.t.Helper()
	a, err := agent.Connect(context.Background(), name,
		append([]agent.Option{agent.InProcess(d.power), agent.Logger(d.Log)}, options...)...)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(a.Close)
	return a
}

// Start calls run on a new agent in a goroutine. The result stops it and waits
// until it returned; it is called when the test ends, if not before.
func (d *Device) Start(name string, run func(ctx context.Context, a *agent.Agent) error, options ...agent.Option) (stop func()) {
	d.t.Helper()
	a := d.Connect(name, options...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, a) }()
	stopped := false
	stop = func() {
		d.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				d.t.Errorf("agent %s ended with %v", name, err)
			}
		case <-time.After(Patience):
			d.t.Fatalf("agent %s does not end", name)
		}
	}
	d.t.Cleanup(stop)
	return stop
}

// stacks returns the goroutines that run, by the function that started them.
func stacks() map[string]int {
	buf := make([]byte, 4<<20)
	counts := map[string]int{}
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, origin, _ := strings.Cut(stack, "created by ")
		origin, _, _ = strings.Cut(origin, " in goroutine")
		counts[strings.TrimSpace(origin)]++
	}
	return counts
}

// nothingLeft fails the test when goroutines run that did not before.
func nothingLeft(t *testing.T, before map[string]int) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		var left []string
		for origin, n := range stacks() {
			if n > before[origin] && !strings.HasPrefix(origin, "testing.") {
				left = append(left, origin)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("still running, started by: %s", strings.Join(left, ", "))
			return
		}
		time.Sleep(10 * time.Millisecond) // there is no event for the end of a goroutine
	}
}

// For returns the device for a part of the test: what is started on it ends
// with that part.
func (d *Device) For(t *testing.T) *Device {
	part := *d
	part.t = t
	return &part
}
