package downloader_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/downloader"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// scene is a server, what volumemgr and zedagent publish, and content to fetch.
type scene struct {
	*agenttest.Server
	t          *testing.T
	requests   *agenttest.Publication[types.DownloaderConfig]
	datastores *agenttest.Publication[types.DatastoreConfig]
	items      *agenttest.Publication[types.ConfigItem]
	status     *agenttest.Table[types.DownloaderStatus]
	dir        string
	faults     contentserver.Faults
	log        *logrus.Logger
	opts       downloader.Options

	mu       sync.Mutex // guards the fields below
	asked    map[string]int
	accesses []contentserver.Access
	fault    func(name string) contentserver.Fault // called under the lock; nil: as faults says
}

// newScene makes a datastore "store" that has any content, at a rate in bytes
// per second; 0: no limit.
func newScene(t *testing.T, rate int64) *scene {
	t.Helper()
	t.Parallel() // tests mostly wait
	s := &scene{Server: agenttest.New(t), t: t, dir: t.TempDir(), asked: map[string]int{}}
	s.log = s.Log
	s.opts = downloader.Options{RetryFirst: time.Millisecond}
	s.requests = agenttest.Publish(s.Server, topics.DownloaderConfig)
	s.datastores = agenttest.Publish(s.Server, topics.DatastoreConfig)
	s.items = agenttest.Publish(s.Server, topics.ConfigItem)
	s.status = agenttest.Watch(s.Server, topics.DownloaderStatus)
	s.store("store", s.serve(rate))
	s.requests.Restarted()
	s.datastores.Restarted()
	s.items.Restarted()
	return s
}

// serve starts a content server until the test ends and returns its URL.
func (s *scene) serve(rate int64) string {
	s.t.Helper()
	server, err := contentserver.New(contentserver.Options{
		Rate: rate, Logger: s.Log,
		Fault: func(name string) contentserver.Fault {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !strings.Contains(name, "/-/") { // it is asked with the path too
				s.asked[name]++
			}
			if s.fault == nil {
				return s.faults.Of(name)
			}
			return s.fault(name)
		},
		Observer: func(a contentserver.Access) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.accesses = append(s.accesses, a)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// handle starts a server that answers with h until the test ends.
func (s *scene) handle(h http.HandlerFunc) string {
	s.t.Helper()
	server := httptest.NewServer(h)
	s.t.Cleanup(server.Close)
	return server.URL
}

func (s *scene) store(id, url string) {
	s.t.Helper()
	s.datastores.Put(id, types.DatastoreConfig{UUID: id, Type: "DsHttp", FQDN: url, DPath: "images.example/edge/-"})
}

func (s *scene) downloader() (stop func()) {
	s.t.Helper()
	opts := s.opts
	opts.Logger = s.log
	return s.Start(topics.Downloader, func(ctx context.Context, a *agent.Agent) error {
		return downloader.Run(ctx, a, opts)
	})
}

// request is one for the content with this name, under the same key.
func (s *scene) request(name string) types.DownloaderConfig {
	return types.DownloaderConfig{
		ContentID: name, DisplayName: "the " + name, DatastoreIDs: []string{"store"}, RelativeURL: name,
		SHA256: checksum(name), Target: filepath.Join(s.dir, "content", name),
	}
}

func (s *scene) want(r types.DownloaderConfig) { s.t.Helper(); s.requests.Put(r.ContentID, r) }

func (s *scene) await(what, key string, ok func(types.DownloaderStatus) bool) types.DownloaderStatus {
	s.t.Helper()
	return s.status.Await(key+" "+what, func(v map[string]types.DownloaderStatus) bool {
		status, there := v[key]
		return there && ok(status)
	})[key]
}

func (s *scene) awaitState(key string, state types.DownloadState) types.DownloaderStatus {
	s.t.Helper()
	return s.await(string(state), key, func(d types.DownloaderStatus) bool { return d.State == state })
}

func (s *scene) awaitGone(key string) {
	s.t.Helper()
	s.status.Await(key+" gone", func(v map[string]types.DownloaderStatus) bool { _, there := v[key]; return !there })
}

// complete waits until r is complete and checks everything about it.
func (s *scene) complete(r types.DownloaderConfig) types.DownloaderStatus {
	s.t.Helper()
	d := s.await("complete", r.ContentID, func(d types.DownloaderStatus) bool {
		return d.State == types.DownloadComplete && d.Request.Attempt == r.Attempt && d.Request.SHA256 == r.SHA256 && d.Request.Target == r.Target
	})
	size := contentserver.Size(r.RelativeURL)
	if d.SHA256 != checksum(r.RelativeURL) || d.TotalBytes != size || d.CurrentBytes != size ||
		d.Failures != 0 || d.Problem != (types.Problem{}) || !d.RetryAt.IsZero() {
		s.t.Errorf("complete, but the status is %+v", d)
	}
	s.holds(r.Target, content(r.RelativeURL))
	s.clean(r.Target)
	return d
}

// contents are those that content was asked for: they take their time.
var contents sync.Map

func content(name string) []byte {
	if data, known := contents.Load(name); known {
		return data.([]byte)
	}
	data := make([]byte, contentserver.Size(name))
	_, _ = io.ReadFull(contentserver.Open(name), data) // it can't fail
	contents.Store(name, data)
	return data
}

func checksum(name string) string { return fmt.Sprintf("%x", sha256.Sum256(content(name))) }

func (s *scene) holds(path string, want []byte) {
	s.t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, got) {
		s.t.Errorf("%s holds %d bytes, %d are wanted, or others; %v", path, len(got), len(want), err)
	}
}

// clean checks that nothing lies beside a target.
func (s *scene) clean(target string) {
	s.t.Helper()
	for _, suffix := range []string{".part", ".part.json"} {
		if _, err := os.Lstat(target + suffix); !errors.Is(err, fs.ErrNotExist) {
			s.t.Errorf("%s%s is there: %v", target, suffix, err)
		}
	}
}

// served returns how many bytes of a content were sent, as far as the answers
// have ended, and how many were asked for.
func (s *scene) served(name string) (bytes int64, answers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accesses {
		if a.Name == name {
			bytes += a.Bytes
		}
	}
	return bytes, s.asked[name]
}

func (s *scene) setFault(fault func(name string) contentserver.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
