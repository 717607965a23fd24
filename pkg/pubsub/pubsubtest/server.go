package pubsubtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/evenkv/nkv/pkg/pubsub/backend"
	"github.com/evenkv/nkv/pkg/server"
)

func init() {
	s := servers{running: map[string]*running{}}
	backend.RegisterServer(s.start)
}

// maxSocket is the longest path of a Unix socket, in bytes (unix(7)).
const maxSocket = 107

// servers are the ones of this process, by root directory.
type servers struct {
	mu      sync.Mutex // guards running
	running map[string]*running
}

type running struct {
	*server.Server
	url     string
	users   int
	tempDir string // of the socket; empty: it is in the root directory
}

func (s *servers) start(root string) (url string, stop func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running[root]
	if r == nil {
		if r, err = start(root); err != nil {
			return "", nil, err
		}
		s.running[root] = r
	}
	r.users++
	return r.url, func() { s.stop(root, r) }, nil
}

func (s *servers) stop(root string, r *running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.users--; r.users > 0 {
		return
	}
	delete(s.running, root)
	r.Shutdown()
	if r.tempDir != "" {
		os.RemoveAll(r.tempDir) //nolint:errcheck // a temporary directory may stay
	}
}

// start starts a server below root. It has no store: the files are all that is kept
// of durable tables, so that a test that changes them while no server runs finds
// its changes.
func start(root string) (*running, error) {
	r := &running{}
	socket := backend.SocketIn(root)
	if len(socket) > maxSocket {
		dir, err := os.MkdirTemp("", "nkv")
		if err != nil {
			return nil, err
		}
		r.tempDir, socket = dir, filepath.Join(dir, "nkv.sock")
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return nil, err
	}
	s, err := server.Start(context.Background(), server.Options{
		Socket: socket, EveRoot: root,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(r.tempDir))
	}
	r.Server, r.url = s, "unix://"+socket
	return r, nil
}
