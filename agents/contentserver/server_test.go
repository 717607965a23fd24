package contentserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/contentserver"
)

// patience is how long something may take before a test fails.
const patience = 20 * time.Second

// scene is a server that runs until the test ends.
type scene struct {
	t      *testing.T
	url    string
	stop   func()
	client http.Client

	mu       sync.Mutex // guards accesses
	accesses []contentserver.Access
}

func newScene(t *testing.T, opts contentserver.Options) *scene {
	t.Helper()
	s := &scene{t: t, client: http.Client{Transport: &http.Transport{}, Timeout: patience}}
	log := logrus.New()
	log.SetOutput(t.Output())
	log.SetLevel(logrus.DebugLevel)
	opts.Logger = log
	opts.Observer = func(a contentserver.Access) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.accesses = append(s.accesses, a)
	}
	server, err := contentserver.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.client.CloseIdleConnections()
	})
	t.Cleanup(s.stop)
	return s
}

// path returns the URL of a decoded path.
func (s *scene) path(path string) string {
	return s.url + (&url.URL{Path: "/" + path}).EscapedPath()
}

type reply struct {
	*http.Response
	body []byte
	err  error // of reading the body
}

func (s *scene) do(method, path string, header ...string) reply {
	s.t.Helper()
	r, err := http.NewRequest(method, s.path(path), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return reply{answer, body, err}
}

func TestAnyPathIsContent(t *testing.T) {
	s := newScene(t, contentserver.Options{})
	for _, name := range names {
		paths := []string{"registry.example:5000/a b/-/" + name, "-/" + name}
		if !strings.Contains(name, "/-/") {
			paths = append(paths, name)
		}
		for _, path := range paths {
			got := s.do("GET", path)
			if got.err != nil || got.StatusCode != 200 || !bytes.Equal(got.body, byDefinition(name)) {
				t.Errorf("%q: %s, %d bytes instead of %d, %v", path, got.Status, len(got.body), contentserver.Size(name), got.err)
			}
		}
	}
	if got := s.do("GET", ""); got.StatusCode != 404 {
		t.Errorf("no name: %s", got.Status)
	}
	if got := s.do("POST", "a"); got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s %v", got.Status, got.Header)
	}
}

func TestPartsOfContent(t *testing.T) {
	s := newScene(t, contentserver.Options{})
	all := byDefinition("a")
	head := s.do("HEAD", "a")
	etag := head.Header.Get("ETag")
	if head.StatusCode != 200 || len(head.body) != 0 || head.ContentLength != int64(len(all)) ||
		head.Header.Get("Accept-Ranges") != "bytes" || !strings.HasPrefix(etag, `"`) {
		t.Errorf("HEAD: %s %v", head.Status, head.Header)
	}
	for _, c := range []struct {
		name   string
		header []string
		status int
		body   []byte
	}{
		{"the rest", []string{"Range: bytes=100000-"}, 206, all[100000:]},
		{"a piece", []string{"Range: bytes=5-9"}, 206, all[5:10]},
		{"if the same", []string{"Range: bytes=100000-", "If-Range: " + etag}, 206, all[100000:]},
		{"if another", []string{"Range: bytes=100000-", `If-Range: "x"`}, 200, all},
		{"after the end", []string{fmt.Sprintf("Range: bytes=%d-", len(all))}, 416, nil},
	} {
		got := s.do("GET", "a", c.header...)
		if got.err != nil || got.StatusCode != c.status || (c.body != nil && !bytes.Equal(got.body, c.body)) {
			t.Errorf("%s: %s, %d bytes, %v", c.name, got.Status, len(got.body), got.err)
		}
		if c.status != 416 && got.Header.Get("ETag") != etag {
			t.Errorf("%s: ETag %s instead of %s", c.name, got.Header.Get("ETag"), etag)
		}
	}
}

func TestFaultsHoldFromTheNextRequest(t *testing.T) {
	var faults contentserver.Faults
	s := newScene(t, contentserver.Options{Fault: faults.Of})
	all := byDefinition("b")
	etag := s.do("HEAD", "x/-/b").Header.Get("ETag")
	for _, name := range []string{"b", "x/-/b"} { // by name and by path
		faults.Set(name, contentserver.Fault{Corrupt: true})
		got := s.do("GET", "x/-/b")
		different := 0
		for i := range all {
			if got.body[i] != all[i] {
				different++
			}
		}
		if different != 1 || got.body[len(all)/2] == all[len(all)/2] || got.Header.Get("ETag") == etag {
			t.Errorf("corrupt by %q: %d bytes differ, ETag %s", name, different, got.Header.Get("ETag"))
		}
		faults.Set(name, contentserver.Fault{Status: 503})
		if got := s.do("GET", "x/-/b"); got.StatusCode != 503 {
			t.Errorf("unavailable: %s", got.Status)
		}
		faults.Set(name, contentserver.Fault{BreakAfter: 70001})
		if got := s.do("GET", "x/-/b"); !errors.Is(got.err, io.ErrUnexpectedEOF) || !bytes.Equal(got.body, all[:70001]) {
			t.Errorf("broken off: %d bytes, %v", len(got.body), got.err)
		}
		faults.Set(name, contentserver.Fault{NoRanges: true})
		if got := s.do("GET", "x/-/b", "Range: bytes=5-"); got.StatusCode != 200 || len(got.body) != len(all) || got.Header.Get("Accept-Ranges") != "none" {
			t.Errorf("without ranges: %s, %d bytes, %v", got.Status, len(got.body), got.Header)
		}
		faults.Set(name, contentserver.Fault{WeakETag: true})
		if got := s.do("HEAD", "x/-/b"); got.Header.Get("ETag") != "W/"+etag {
			t.Errorf("weak ETag: %s", got.Header.Get("ETag"))
		}
		faults.Set(name, contentserver.Fault{})
		if got := s.do("GET", "x/-/b"); !bytes.Equal(got.body, all) {
			t.Error("the fault stays")
		}
	}
}

func TestAStalledAnswerEndsWithItsClientOrTheServer(t *testing.T) {
	var faults contentserver.Faults
	faults.Set("a", contentserver.Fault{StallAfter: 1000})
	s := newScene(t, contentserver.Options{Fault: faults.Of})
	answer, err := s.client.Get(s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadFull(answer.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if n, err := io.Copy(io.Discard, answer.Body); n != 0 || err == nil {
		t.Errorf("%d more bytes, %v", n, err)
	}
}

func TestTheRateIsHeldByEachConnection(t *testing.T) {
	s := newScene(t, contentserver.Options{Rate: 4 << 20})
	begun := time.Now()
	if got := s.do("GET", "a"); !bytes.Equal(got.body, byDefinition("a")) {
		t.Errorf("%d bytes, %v", len(got.body), got.err)
	}
	// The last piece is sent when the ones before are paid for.
	least := time.Duration(float64(contentserver.Size("a")-32<<10) / (4 << 20) * float64(time.Second))
	if took := time.Since(begun); took < least {
		t.Errorf("it took %s, not %s", took, least)
	}
}

func TestEachRequestIsObserved(t *testing.T) {
	s := newScene(t, contentserver.Options{})
	s.do("GET", "h/-/a", "Range: bytes=0-9")
	s.stop()
	want := contentserver.Access{Method: "GET", Path: "/h/-/a", Name: "a", Range: "bytes=0-9", Status: 206, Bytes: 10}
	if len(s.accesses) != 1 || s.accesses[0] != want {
		t.Errorf("%+v", s.accesses)
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	for name, opts := range map[string]contentserver.Options{"Rate": {Rate: -1, Logger: logrus.New()}, "Logger": {}} {
		if _, err := contentserver.New(opts); !errors.Is(err, contentserver.ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAListenerThatFailsEndsAllConnections(t *testing.T) {
	log := logrus.New()
	log.SetOutput(t.Output())
	server, err := contentserver.New(contentserver.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(context.Background(), listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection is left open")
	}
}
