package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/eve/bridge"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/join"
)

// How a server can end that was not told to, or not in peace.
var (
	errEnded = errors.New("the server ended by itself; see its log")
	errCut   = errors.New("stopped at once by a second signal; what was not yet answered may not have happened")
)

// serve runs the server until a signal ends it.
func (p *program) serve(ctx context.Context, c config.Config) error {
	log := p.newLogger(c)
	collectOften(p.env.Getenv)
	if err := prepareDirs(c, p.env.RuntimeDir); err != nil {
		return err
	}
	systemd := newNotifier(p.env.Getenv, log)
	opts := options(c, log)
	gate := bridge.NewGate()
	if c.EveBridge {
		opts.Gate = gate.Open
	}
	s, told, err := p.start(ctx, opts, log)
	if err != nil {
		return err
	}
	if told {
		return p.shutDown(s, systemd, func() {}, log)
	}
	stopBridge, err := startBridge(ctx, s, c, gate, log)
	if err != nil {
		s.Shutdown()
		return err
	}
	log.WithFields(where(s, c)).Info("nkv-server is ready")

	var workers sync.WaitGroup
	working, end := context.WithCancel(ctx)
	workers.Go(func() { newTrimmer().run(working) })
	workers.Go(func() { systemd.watch(working, s) })
	stopWorkers := func() { end(); stopBridge(); workers.Wait() }
	systemd.tell("READY=1")

	for {
		select {
		case got := <-p.signals:
			log.WithField("signal", got.String()).Info("nkv-server answers what it has received and stops")
			return p.shutDown(s, systemd, stopWorkers, log)
		case <-p.hangups:
			if c.Agents == "" {
				log.Info("there is no agents file to read again")
				continue
			}
			s.ReloadAgents() //nolint:errcheck // it is in the log, and the rules of before hold
		case <-s.Done():
			stopWorkers()
			return errEnded
		}
	}
}

// startBridge starts the bridge, if one is wanted, and returns how to stop it.
func startBridge(ctx context.Context, s *server.Server, c config.Config, gate *bridge.Gate, log logrus.FieldLogger) (stop func(), err error) {
	if !c.EveBridge {
		return func() {}, nil
	}
	b, err := bridge.Start(ctx, bridge.Options{Root: eve.Root(c.EveRoot), Server: s, Files: s.EveFiles(), Gate: gate, Logger: log})
	if err != nil {
		return nil, err
	}
	return b.Close, nil
}

// start starts the server. A first signal meanwhile is told, for the server to be
// shut down when it has started; a second one ends the start at once.
func (p *program) start(ctx context.Context, opts server.Options, log logrus.FieldLogger) (s *server.Server, told bool, err error) {
	type outcome struct {
		s   *server.Server
		err error
	}
	started := make(chan outcome, 1)
	go func() { // it ends with the start, or with the process
		s, err := server.Start(ctx, opts)
		started <- outcome{s, err}
	}()
	for {
		select {
		case o := <-started:
			return o.s, told, o.err
		case got := <-p.signals:
			if told {
				return nil, told, errCut
			}
			told = true
			log.WithField("signal", got.String()).Info("nkv-server is starting, and stops when it has")
		}
	}
}

// shutDown drains and stops the server, unless a second signal comes first: then
// what still runs ends with the process.
func (p *program) shutDown(s *server.Server, systemd *notifier, stopWorkers func(), log logrus.FieldLogger) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		systemd.tell("STOPPING=1")
		stopWorkers() // the watchdog would complain about a server that stops
		s.Shutdown()
	}()
	select {
	case <-stopped:
		log.Info("nkv-server has stopped")
		return nil
	case <-p.signals:
		return errCut
	}
}

func options(c config.Config, log logrus.FieldLogger) server.Options {
	return server.Options{
		Socket: c.Socket, SocketMode: c.SocketMode, Listen: c.Listen, Agents: c.Agents, Insecure: c.Insecure,
		StoreDir: c.Store, VolatileDir: c.VolatileDir,
		NATSConfig: c.NATSConfig, ChangeLog: c.ChangeLog,
		MaxValue: c.MaxValue, OwnerGrace: c.OwnerGrace, EveRoot: c.EveRoot, NKV0: c.NKV0, Logger: log, Version: programVersion(),
	}
}

// prepareDirs makes the system's runtime directory when something shall lie in it:
// it is gone after each boot, and everyone must be able to pass through it. Any
// other directory of the socket must be there; without this check the store of
// volatile tables, which is beside the socket unless set, would make it, closed to
// all others.
func prepareDirs(c config.Config, runtimeDir string) error {
	if within(c.Socket, runtimeDir) || within(c.VolatileDir, runtimeDir) {
		if err := os.Mkdir(runtimeDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make the runtime directory: %w; or choose other places with --socket and --volatile-dir", err)
		}
	}
	if c.Socket == "" || strings.HasPrefix(c.Socket, "@") { // that one is refused for what it is
		return nil
	}
	dir := filepath.Dir(c.Socket)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listen on Unix socket %s: %w: create %s, writable for this server, or choose another path",
			c.Socket, join.ErrNoDirectory, dir)
	}
	return nil
}

// within tells whether a path lies right in a directory.
func within(path, dir string) bool { return path != "" && filepath.Dir(path) == filepath.Clean(dir) }

func (p *program) newLogger(c config.Config) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(p.stderr)
	log.SetLevel(c.LogLevel)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	if c.LogFormat == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	}
	return log
}

// where tells where the server can be reached, where it keeps what, and its
// limits.
func where(s *server.Server, c config.Config) logrus.Fields {
	fields := logrus.Fields{
		"version": programVersion(), "store": orMemory(c.Store), "volatile-dir": orMemory(c.VolatileDir),
		"max-value": config.FormatSize(int64(c.MaxValue)), "owner-grace": c.OwnerGrace.String(), "store-id": s.StoreID(),
	}
	if c.Socket != "" {
		fields["socket"], fields["socket-mode"] = c.Socket, fmt.Sprintf("%04o", c.SocketMode)
	}
	if addr := s.Addr(); addr != nil {
		fields["listen"] = addr.String()
	}
	for name, on := range map[string]bool{"nkv0": c.NKV0, "eve-bridge": c.EveBridge, "insecure": c.Insecure} {
		if on {
			fields[name] = true
		}
	}
	for name, file := range map[string]string{"agents": c.Agents, "nats-config": c.NATSConfig, "change-log": c.ChangeLog, "eve-root": c.EveRoot} {
		if file != "" {
			fields[name] = file
		}
	}
	return fields
}

func orMemory(dir string) string {
	if dir == "" {
		return "(memory)"
	}
	return dir
}
