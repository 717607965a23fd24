package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/server"
)

// How a server can end that was not told to, or not in peace.
var (
	errEnded = errors.New("the server ended by itself; see its log")
	errCut   = errors.New("stopped at once by a second signal; what was not yet answered may not have happened")
)

// serve runs the server until a signal ends it.
func serve(ctx context.Context, set *settings, signals <-chan os.Signal, stderr io.Writer) error {
	opts, err := set.options()
	if err != nil {
		return err
	}
	log, err := set.logger(stderr)
	if err != nil {
		return err
	}
	if err := makeRunDir(opts.Socket); err != nil {
		return err
	}
	opts.Logger, opts.Version = log, programVersion()
	s, err := server.Start(ctx, opts)
	if err != nil {
		return err
	}
	log.WithFields(where(s, opts)).Info("nkv-server is ready")
	beside := startHousekeeping(log)
	notify(log, "READY=1")
	err = untilTold(s, signals, log)
	beside.stop()
	return err
}

// untilTold waits for a signal, then for the server's end or a second signal.
func untilTold(s stoppable, signals <-chan os.Signal, log logrus.FieldLogger) error {
	select {
	case got := <-signals:
		log.WithField("signal", got.String()).Info("nkv-server answers what it has received and stops")
	case <-s.Done():
		return errEnded
	}
	notify(log, "STOPPING=1")
	go s.Shutdown() // Done tells its end
	select {
	case <-s.Done():
		log.Info("nkv-server has stopped")
		return nil
	case <-signals:
		return errCut
	}
}

// stoppable is what untilTold needs of a server.
type stoppable interface {
	Shutdown()
	Done() <-chan struct{}
}

// makeRunDir makes the system's directory for the socket, which is gone after each
// boot; one that was chosen must be there.
func makeRunDir(socket string) error {
	dir := filepath.Dir(socket)
	if socket == "" || dir != runDir() {
		return nil
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the directory of the socket: %w", err)
	}
	return nil
}

// where tells where the server can be reached, where it keeps what, and its
// limits.
func where(s *server.Server, opts server.Options) logrus.Fields {
	fields := logrus.Fields{
		"version": opts.Version, "store": orMemory(opts.StoreDir), "volatile": orMemory(opts.VolatileDir),
		"max-value": opts.MaxValue, "owner-grace": opts.OwnerGrace.String(), "store-id": s.StoreID(),
	}
	if opts.Socket != "" {
		fields["socket"], fields["socket-mode"] = opts.Socket, fmt.Sprintf("%#o", opts.SocketMode)
	}
	if addr := s.Addr(); addr != nil {
		fields["listen"] = addr.String()
	}
	return fields
}

func orMemory(dir string) string {
	if dir == "" {
		return "(memory)"
	}
	return dir
}

// logLevels names the levels that a log can have, as log-level takes them.
func logLevels() []string { return []string{"debug", "info", "warning", "error"} }
