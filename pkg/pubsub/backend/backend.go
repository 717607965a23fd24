package backend

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
)

// Bounds of what a call may wait for.
const (
	// DefaultLoadWithin is how long the start of a publication or of a persistent
	// subscription waits for the server, and for a former instance of the publisher
	// to lose its claim, which takes 5 s unless the server is set otherwise.
	DefaultLoadWithin = 10 * time.Second
	// answerWithin is how long a publish waits for its acknowledgement while the
	// connection is up. After that, and at once while it is down, it returns: the
	// value is sent when that can be.
	answerWithin = time.Second
)

// Log is what this package needs of an agent's log object; EVE's base.LogObject
// has it.
type Log interface {
	Tracef(format string, args ...any)
	Functionf(format string, args ...any)
	Noticef(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Backend holds a driver's connections to the server: one for each agent that it
// publishes as, and one to read. The zero value is ready for use. Its methods are
// safe for concurrent use.
type Backend struct {
	mu      sync.Mutex // guards clients
	clients map[string]*shared
}

// Settings are what a driver was given. They must not change.
type Settings struct {
	// Logger gets what the connections say; nil: nothing is logged.
	Logger *logrus.Logger
	// Log gets what publications and subscriptions say; nil: nothing is logged.
	Log Log
	// RootDir is empty but in tests. Otherwise the server is the one whose socket is
	// SocketIn(RootDir), or one that RegisterServer's function starts.
	RootDir string
	// LoadWithin is DefaultLoadWithin unless set. When it is over, a publication or
	// subscription goes on without what the table holds, and gets it later.
	LoadWithin time.Duration
}

func (s Settings) loadWithin() time.Duration { return cmp.Or(s.LoadWithin, DefaultLoadWithin) }

// SocketIn is where the server of a root directory listens.
func SocketIn(root string) string { return filepath.Join(root, "run", "nkv", "nkv.sock") }

// shared is a connection and how many ends use it.
type shared struct {
	*client.Client
	agent string
	users int
	stop  func()      // the server that was started for it
	tired atomic.Bool // somebody has waited for the server in vain since it was there
}

// patience is how long to wait for something that needs the server: an agent with
// thirty tables waits once while the server is away, not thirty times.
func (c *shared) patience(within time.Duration) time.Duration {
	switch {
	case c.Connected() == nil:
		c.tired.Store(false)
	case c.tired.Load():
		return 0
	}
	return within
}

// waited notes that the waiting was in vain, if the server was what was missing.
func (c *shared) waited() { c.tired.Store(c.Connected() != nil) }

// acquire returns the connection of an agent, made when there is none.
func (b *Backend) acquire(s Settings, agent string) (*shared, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.clients[agent]; c != nil {
		c.users++
		return c, nil
	}
	url, stop, err := serverOf(s.RootDir)
	if err != nil {
		return nil, err
	}
	opts := []client.Option{client.Name(agent)}
	if s.Logger != nil {
		opts = append(opts, client.Logger(s.Logger))
	}
	c, err := client.Connect(context.Background(), url, opts...)
	if err != nil {
		stop()
		return nil, err
	}
	if b.clients == nil {
		b.clients = map[string]*shared{}
	}
	made := &shared{Client: c, agent: agent, users: 1, stop: stop}
	b.clients[agent] = made
	return made, nil
}

// release gives a connection back; the last to do so closes it.
func (b *Backend) release(c *shared) {
	b.mu.Lock()
	c.users--
	last := c.users == 0
	if last {
		delete(b.clients, c.agent)
	}
	b.mu.Unlock()
	if last {
		c.Close()
		c.stop()
	}
}

// Publisher makes the writing end of the table that the library knows by name.
// While another instance is connected and owns the table, it returns
// client.ErrTableOwned.
func (b *Backend) Publisher(s Settings, global bool, name string, persistent bool) (*Publisher, error) {
	if global && persistent {
		return nil, fmt.Errorf("%w: %s: a table without an agent can't be persistent", ErrName, name)
	}
	table, err := eve.Table(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	c, err := b.acquire(s, table.Agent)
	if err != nil {
		return nil, err
	}
	p := &Publisher{backend: b, client: c, log: s.log(), name: name, root: s.RootDir}
	if err := p.open(table, persistent, s.loadWithin()); err != nil {
		b.release(c)
		return nil, err
	}
	return p, nil
}

// Subscriber makes the reading end of the table that the library knows by name.
// Once it is started, it hands its changes to deliver, one at a time, which returns
// when the change was taken, or when done is closed.
func (b *Backend) Subscriber(s Settings, global bool, name string, persistent bool, deliver Deliver) (*Subscriber, error) {
	if global && persistent {
		return nil, fmt.Errorf("%w: %s: a table without an agent can't be persistent", ErrName, name)
	}
	table, err := eve.Table(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	return &Subscriber{
		backend: b, settings: s, name: name, table: table, persistent: persistent, deliver: deliver,
		loaded: map[string]bool{},
	}, nil
}

// log is where to log; it may be nowhere.
func (s Settings) log() Log {
	if s.Log == nil {
		return quiet{}
	}
	return s.Log
}

// quiet logs nothing.
type quiet struct{}

func (quiet) Tracef(string, ...any)    {}
func (quiet) Functionf(string, ...any) {}
func (quiet) Noticef(string, ...any)   {}
func (quiet) Warnf(string, ...any)     {}
func (quiet) Errorf(string, ...any)    {}

// reader is the name under which an agent's subscriptions connect: the source of
// its log object, else the program's.
func (s Settings) reader() string {
	return cmp.Or(source(s.Log), filepath.Base(os.Args[0]), "pubsub")
}

// source reads the field "source" of a log object, which EVE's has.
func source(log Log) string {
	v := reflect.ValueOf(log)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	fields := v.Elem().FieldByName("Fields")
	if !fields.IsValid() || !fields.CanInterface() {
		return ""
	}
	if m, ok := fields.Interface().(map[string]any); ok {
		if name, ok := m["source"].(string); ok {
			return name
		}
	}
	return ""
}
