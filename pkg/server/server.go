package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/eve/mirror"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server/join"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// readyWithin bounds how long the embedded NATS server may take to come up.
	readyWithin = 10 * time.Second
	// sweepEvery is how often leftovers are looked for: sessions whose end was
	// not told, snapshots that nobody pulls.
	sweepEvery = 5 * time.Second
)

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	opts     Options
	log      logrus.FieldLogger
	started  time.Time
	refusals []refusal

	core      *nkv.Core
	sessions  *sessions
	audit     *audit
	snapshots *snapshots
	restores  restores
	traces    *traces
	stores    []store.PersistValue
	files     *mirror.Mirror // nil: tables are in no files
	changes   *changeLog     // nil: none is written

	ns       *natsserver.Server
	nc       *nats.Conn // requests, answers and events
	system   *nats.Conn // hears which connections are gone
	requests *nats.Subscription
	nkv0     *protocol0 // nil: it is not served
	joiner   *join.Joiner

	telling chan struct{} // closed when core and nc are set, and events can be told
	quit    chan struct{} // closed to stop the workers
	workers sync.WaitGroup
	stop    sync.Once
	done    chan struct{} // closed when all has stopped
}

// Start starts a server; it is ready when Start returns. The end of ctx shuts it
// down, as Shutdown does.
//
// Errors: ErrInvalidOption, ErrNATSConfig, store.ErrLocked when another server
// uses a directory, store.ErrDamaged when a store's file is, join.ErrInUse when
// another server listens on the socket.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	audit := newAudit(opts.Logger)
	s := &Server{
		opts: opts, log: opts.Logger, started: time.Now(), refusals: refusals(),
		sessions: newSessions(audit), audit: audit, snapshots: newSnapshots(), traces: newTraces(),
		telling: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.start(ctx); err != nil {
		s.Shutdown()
		return nil, err
	}
	s.workers.Go(func() { s.sweep(ctx) })
	if s.sessions.logins != nil {
		watching, end := context.WithCancel(ctx)
		s.workers.Go(func() { <-s.quit; end() })
		s.workers.Go(func() { s.watchAgents(watching) })
	}
	return s, nil
}

// start brings up the parts, each on the ones before: state, transport,
// endpoints, doors.
func (s *Server) start(ctx context.Context) error {
	if err := s.openLogins(); err != nil {
		return err
	}
	if err := s.startCore(ctx); err != nil {
		return err
	}
	if err := s.startNATS(); err != nil {
		return err
	}
	if err := s.startEndpoints(); err != nil {
		return err
	}
	if err := s.serve0(ctx); err != nil {
		return err
	}
	return s.openDoors()
}

func (s *Server) startCore(ctx context.Context) error {
	durable, err := s.openStore(s.opts.StoreDir, true)
	if err != nil {
		return err
	}
	volatile, err := s.openStore(s.opts.VolatileDir, false)
	if err != nil {
		return err
	}
	if s.opts.EveRoot != "" {
		if s.files, err = mirror.Open(mirror.Options{
			Root: eve.Root(s.opts.EveRoot), Durable: durable, Volatile: volatile, MaxValue: s.opts.MaxValue, Logger: s.log,
		}); err != nil {
			return fmt.Errorf("%w: EveRoot: %w", ErrInvalidOption, err)
		}
		durable, volatile = s.files.Durable(), s.files.Volatile()
	}
	tell := notifiers{notifier{s}, notifier0{s}}
	if s.opts.ChangeLog != "" {
		if s.changes, err = openChangeLog(s.opts.ChangeLog, s.log); err != nil {
			return err
		}
		tell = append(notifiers{s.changes}, tell...)
	}
	s.core, err = nkv.Open(nkv.Options{
		Durable: durable, Volatile: volatile, BootID: bootID(),
		Notifier: tell, OwnerGrace: s.opts.OwnerGrace, HoldGrace: s.files != nil, Logger: s.log,
	})
	if err != nil {
		return err
	}
	if s.changes != nil {
		s.changes.found(s.core)
	}
	if s.files != nil {
		if _, err := s.files.Import(ctx, s.core); err != nil {
			return err
		}
		s.core.StartGrace() // not before: what files say is put in the owner's place
	}
	s.sessions.arrived, s.sessions.departed = s.core.Connected, s.core.Disconnected
	return nil
}

func (s *Server) openStore(dir string, sync bool) (store.PersistValue, error) {
	if dir == "" {
		return store.NewMemory(), nil
	}
	opts := store.Options{Dir: dir, Sync: sync, Logger: s.log, Files: s.opts.Files}
	if !sync {
		opts.Epoch = bootID() // what an earlier boot left unsynced is not even read
	}
	opened, err := store.OpenLog(opts)
	if err != nil {
		return nil, err
	}
	s.stores = append(s.stores, opened)
	return opened, nil
}

// bootID names the running boot; where the system does not tell, all boots are
// one, and volatile tables last as long as their directory.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
}

func (s *Server) startNATS() error {
	opts, err := s.opts.nats()
	if err != nil {
		return err
	}
	opts.CustomClientAuthentication = s.sessions
	if s.opts.Listen != "" && !loopback(opts.Host) && opts.TLSConfig == nil {
		s.log.WithField("listen", s.opts.Listen).Warn("passwords and values cross the network as they are; set up TLS in the NATS configuration file (nats-config)")
	}
	if s.ns, err = natsserver.NewServer(opts); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNATSConfig, s.opts.NATSConfig, err)
	}
	s.sessions.ns = s.ns
	if err = s.makeAccount0(); err != nil {
		return err
	}
	fatal := make(chan string, 1)
	s.ns.SetLoggerV2(natsLog{s.log, s.audit, fatal}, false, false, false)
	s.ns.Start()
	select {
	case why := <-fatal: // it would never be ready
		return fmt.Errorf("%w: %s; free what it needs, or configure it otherwise", ErrNotReady, why)
	default:
	}
	if !s.ns.ReadyForConnections(readyWithin) {
		return fmt.Errorf("%w after %s", ErrNotReady, readyWithin)
	}
	return nil
}

func (s *Server) startEndpoints() error {
	var err error
	if s.nc, err = s.connectSelf(s.sessions.internal); err != nil {
		return err
	}
	if err = s.start0(); err != nil {
		return err
	}
	close(s.telling)
	if s.system, err = s.connectSelf(s.sessions.system); err != nil {
		return err
	}
	if _, err = s.system.Subscribe("$SYS.ACCOUNT.*.DISCONNECT", s.disconnected); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if err = s.system.FlushTimeout(readyWithin); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if s.requests, err = s.nc.Subscribe(wire.Root+">", s.receive); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if err = s.requests.SetPendingLimits(-1, inboundBytes); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if err = s.nc.FlushTimeout(readyWithin); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return nil
}

// connectSelf makes one of the server's own connections. It hears nothing of
// what it publishes itself, so no answer can become a request.
func (s *Server) connectSelf(token string) (*nats.Conn, error) {
	nc, err := nats.Connect("",
		nats.InProcessServer(s.ns), nats.Token(token), nats.Name("nkv-server"), nats.NoEcho(),
		nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.log.WithError(err).Error("the server's own connection failed; clients that miss an answer or an event ask again")
		}))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return nc, nil
}

func (s *Server) openDoors() error {
	if s.opts.Socket == "" {
		return nil
	}
	l, err := join.Listen(s.opts.Socket, s.opts.SocketMode)
	if err != nil {
		return err
	}
	s.joiner = join.Serve(l, s.dialFor, join.Options{Logger: s.log, WriteTimeout: writeDeadline})
	return nil
}

// disconnected hears of a connection's end.
func (s *Server) disconnected(m *nats.Msg) {
	var event struct {
		Client struct {
			ID uint64 `json:"id"`
		} `json:"client"`
	}
	if err := json.Unmarshal(m.Data, &event); err != nil {
		s.log.WithError(err).Error("a disconnect event can't be read; the sweep finds the connection")
		return
	}
	s.sessions.gone(event.Client.ID)
}

// sweep ends with the server, or ends the server with ctx.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.sessions.sweep()
			s.snapshots.sweep(time.Now())
			s.restores.sweep(time.Now())
		case <-ctx.Done():
			go s.Shutdown() // it waits for this goroutine
			return
		case <-s.quit:
			return
		}
	}
}

// Shutdown drains and stops the server: what was received is answered,
// connections end, stores are closed. It is idempotent and returns when all has stopped.
func (s *Server) Shutdown() {
	s.stop.Do(func() {
		s.shutdown()
		close(s.done)
	})
	<-s.done
}

func (s *Server) shutdown() {
	close(s.quit)
	drain(s.requests)
	if s.nkv0 != nil {
		drain(s.nkv0.requests)
	}
	if s.core != nil {
		s.core.Close()
	}
	s.workers.Wait()
	if s.nc != nil {
		s.nc.FlushTimeout(writeDeadline) //nolint:errcheck // what can't be answered is asked again
		s.nc.Close()
	}
	if s.nkv0 != nil && s.nkv0.nc != nil {
		s.nkv0.nc.FlushTimeout(writeDeadline) //nolint:errcheck // likewise
		s.nkv0.nc.Close()
	}
	if s.system != nil {
		s.system.Close()
	}
	if s.ns != nil {
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
	}
	if s.joiner != nil {
		s.joiner.Close()
	}
	if s.changes != nil {
		s.changes.close()
	}
	if s.files != nil {
		s.files.Close()
	}
	for _, opened := range s.stores {
		if err := opened.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			s.log.WithError(err).Error("a store did not close well")
		}
	}
}

// drain stops hearing requests and waits until those that were heard are with
// the core. It does nothing when there is no subscription yet.
func drain(requests *nats.Subscription) {
	if requests == nil {
		return
	}
	closed := make(chan struct{})
	requests.SetClosedHandler(func(string) { close(closed) })
	if err := requests.Drain(); err != nil {
		return
	}
	select {
	case <-closed:
	case <-time.After(writeDeadline):
	}
}

// Done returns a channel that is closed when the server has stopped.
func (s *Server) Done() <-chan struct{} { return s.done }

// InProcessConn returns a new connection to the server from within its process,
// as pkg/client's InProcess option takes it. With access control it may do
// everything, unless it introduces itself as an identity.
func (s *Server) InProcessConn() (net.Conn, error) { return s.dialAs(peer{own: true}) }

// ClientURL returns where clients reach the server: the Unix socket, else TCP;
// empty when it listens nowhere.
func (s *Server) ClientURL() string {
	switch {
	case s.opts.Socket != "":
		return "unix://" + s.opts.Socket
	case s.opts.Listen != "":
		return s.ns.ClientURL()
	}
	return ""
}

// Addr returns the address of the TCP listener; nil: none.
func (s *Server) Addr() net.Addr {
	if s.opts.Listen == "" {
		return nil
	}
	return s.ns.Addr()
}

// InstanceID returns the id by which the core, WatchOwners and Options.Gate know a
// client (client.Client.Instance) without an identity: of this process, or of any
// without access control.
func (s *Server) InstanceID(instance string) string { return identityOf(instance, "", "").ID }

// WatchOwners has told called for every table that has an owner, and whenever that
// changes; see nkv.Core.WatchOwners. Tables are encoded.
func (s *Server) WatchOwners(told func(nkv.Info)) { s.core.WatchOwners(told) }

// EveFiles is what keeps tables in files below Options.EveRoot; nil without that.
func (s *Server) EveFiles() *mirror.Mirror { return s.files }

// StoreID names the lineage of the server's revisions.
func (s *Server) StoreID() string { return s.core.StoreID() }
