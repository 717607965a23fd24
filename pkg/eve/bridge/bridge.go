package bridge

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// Limits of what others can make the bridge keep.
const (
	maxPlaces      = 4096
	maxConnections = 1024
	maxPerTable    = 128
)

// greetWithin is how long a peer may be silent at first. A client that opens the
// table waits for that.
const greetWithin = 2 * time.Second

// readerName is the agent as which old subscribers are seen in traces.
const readerName = "nkv-bridge"

// Server is what the bridge needs of its server.
type Server interface {
	// InProcessConn returns a new connection to the server.
	InProcessConn() (net.Conn, error)
	// InstanceID returns the id of a client by which WatchOwners and a gate know
	// it.
	InstanceID(instance string) string
	// WatchOwners has told called for each table that is owned, and whenever that
	// changes; see nkv.Core.WatchOwners.
	WatchOwners(told func(nkv.Info))
}

// Files is who keeps the original's files current.
type Files interface {
	// Release leaves a table's files to an old publisher.
	Release(table wire.Table)
	// Compare returns how a released table differs from what its files hold:
	// values by key, keys without a file, and the restart counter.
	Compare(table wire.Table) (changed map[string][]byte, deleted []string, restart uint64, err error)
	// Adopt is Compare and takes the files back: from then on they follow the
	// table.
	Adopt(table wire.Table) (changed map[string][]byte, deleted []string, restart uint64, err error)
}

// Options configure a bridge.
type Options struct {
	// Root is where the original's directories lie.
	Root eve.Root
	// Server is the server whose tables are bridged.
	Server Server
	// Files keeps the original's files.
	Files Files
	// Gate is the gate that the server asks.
	Gate *Gate
	// Logger gets what people should know; nil: nothing is logged. Values never
	// are.
	Logger logrus.FieldLogger

	greetWithin time.Duration // the constant unless a test sets it
}

// Bridge is a running bridge.
type Bridge struct {
	root   eve.Root
	server Server
	files  Files
	gate   *Gate
	log    logrus.FieldLogger
	greets time.Duration // how long a peer that connected, or was connected to, may be silent
	agents *agents
	reader *client.Client // of all that is served

	mu          sync.Mutex // guards the fields below
	places      map[wire.Table]*place
	connections map[wire.Table]int
	total       int  // of connections
	full        bool // it was logged that there are too many places
	closed      bool

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Start starts a bridge. It looks at what is there by itself; Close ends it, and
// so does the end of ctx, which Close must follow.
func Start(ctx context.Context, opts Options) (*Bridge, error) {
	switch {
	case opts.Root == "":
		return nil, fmt.Errorf("%w: Root is empty; give the directory of the original's persist and run", ErrInvalidOption)
	case opts.Server == nil:
		return nil, fmt.Errorf("%w: Server is nil", ErrInvalidOption)
	case opts.Files == nil:
		return nil, fmt.Errorf("%w: Files is nil", ErrInvalidOption)
	case opts.Gate == nil:
		return nil, fmt.Errorf("%w: Gate is nil", ErrInvalidOption)
	}
	if opts.Logger == nil {
		silent := logrus.New()
		silent.SetLevel(logrus.PanicLevel)
		opts.Logger = silent
	}
	if opts.greetWithin == 0 {
		opts.greetWithin = greetWithin
	}
	b := &Bridge{
		root: opts.Root, server: opts.Server, files: opts.Files, gate: opts.Gate, log: opts.Logger, greets: opts.greetWithin,
		places: map[wire.Table]*place{}, connections: map[wire.Table]int{},
	}
	b.ctx, b.cancel = context.WithCancel(ctx)
	b.agents = &agents{b: b, byName: map[string]*agent{}}
	if err := b.start(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Bridge) start() error {
	if err := os.MkdirAll(b.root.Run(), 0o755); err != nil {
		return fmt.Errorf("the bridge's sockets: %w", err)
	}
	var err error
	if b.reader, err = client.Connect(b.ctx, "", client.InProcess(b.server), client.Name(readerName), client.Logger(b.log)); err != nil {
		return err
	}
	w, err := newWatcher(b)
	if err != nil {
		return err
	}
	b.server.WatchOwners(b.told)
	b.work.Go(w.run)
	b.gate.attach(b)
	return nil
}

// Close removes the sockets, ends all connections, gives up the tables of old
// publishers, whose keys stay, and returns when all has stopped. It is idempotent.
func (b *Bridge) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.server.WatchOwners(nil)
	b.gate.attach(nil)
	b.cancel()
	b.work.Wait()
	if b.reader != nil {
		b.reader.Close()
	}
}

// told is called from the core's goroutine.
func (b *Bridge) told(info nkv.Info) {
	table, err := wire.ParseTable(info.Table)
	if err != nil || !bridged(table) {
		return
	}
	b.touch(table, &info)
}

// bridged reports whether a table can have a socket.
func bridged(table wire.Table) bool {
	return table.Agent != eve.Global && table.Topic != eve.NoTopic && eve.CheckTable(table) == nil
}

// touch makes a table's place look at how things are. It never blocks.
func (b *Bridge) touch(table wire.Table, info *nkv.Info) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.place(table)
	if p == nil {
		return
	}
	switch {
	case info == nil: // a socket came or went
		p.unseen = true
	case p.foreign(p.info) && !p.foreign(*info):
		p.unseen, p.info = true, *info
	default:
		p.info = *info
	}
	signal(p.kick)
}

// place returns a table's place, made when there is none; nil: there are too many,
// or the bridge ends. The lock is held.
func (b *Bridge) place(table wire.Table) *place {
	p := b.places[table]
	if p != nil || b.closed {
		return p
	}
	if len(b.places) >= maxPlaces {
		if !b.full {
			b.full = true
			b.log.WithField("table", table).Errorf("there are more than %d sockets and tables; this one and what comes is not bridged", maxPlaces)
		}
		return nil
	}
	p = &place{b: b, table: table, path: b.root.Socket(table), kick: make(chan struct{}, 1), unseen: true}
	p.log = b.log.WithField("table", table.String())
	b.places[table] = p
	b.work.Go(p.run)
	return p
}

// touchAll makes every place look.
func (b *Bridge) touchAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.places {
		p.unseen = true
		signal(p.kick)
	}
}

func signal(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// leave forgets a place that has nothing to do, unless it was touched again.
func (b *Bridge) leave(p *place) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(p.kick) > 0 || p.info.Owner != nil || len(p.gated) > 0 || p.passing > 0 {
		return false
	}
	delete(b.places, p.table)
	return true
}

// enter counts a connection, unless there are too many.
func (b *Bridge) enter(table wire.Table) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.total >= maxConnections || b.connections[table] >= maxPerTable {
		return false
	}
	b.total++
	b.connections[table]++
	return true
}

func (b *Bridge) exit(table wire.Table) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total--
	if b.connections[table]--; b.connections[table] == 0 {
		delete(b.connections, table)
	}
}
