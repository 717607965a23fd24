package downloader_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/types"
)

func http404(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// contentOf answers with a content.
func contentOf(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content(name)))
	}
}

// sendChunks answers without saying how much comes.
func sendChunks(w http.ResponseWriter, data []byte) {
	for len(data) > 0 {
		n := min(len(data), 50_000)
		_, _ = w.Write(data[:n]) // the client may have left
		_ = http.NewResponseController(w).Flush()
		data = data[n:]
	}
}

func basicAuth(user, password string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		then(w, r)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// handleTLS starts a server and returns its URL and certificate.
func (s *scene) handleTLS(h http.HandlerFunc) (url, cert string) {
	s.t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that don't trust it
	server.StartTLS()
	s.t.Cleanup(server.Close)
	return server.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// hijacked answers with these bytes as they are and closes the connection.
func hijacked(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text) // the client may have left
		conn.Close()
	}
}

func TestOddAnswersAreProblems(t *testing.T) {
	s := newScene(t, 0)
	s.opts.RetryFirst = time.Hour
	toPlain, cert := s.handleTLS(redirect("http://127.0.0.1:1/"))
	var around string
	around = s.handle(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, around+"/x", http.StatusFound) })
	s.downloader()
	for name, c := range map[string]struct {
		url, problem string
		unstated     bool
	}{
		"no end and no checksum":   {s.handle(hijacked("HTTP/1.0 200 OK\r\n\r\ncut o")), "without saying where the content ends", true},
		"no end, wrong checksum":   {s.handle(hijacked("HTTP/1.0 200 OK\r\n\r\ncut o")), "the content has SHA-256 ", false},
		"a part without a range":   {s.handle(hijacked("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx")), "does not belong to what was fetched before", false},
		"416 without a range":      {s.handle(hijacked("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n")), "the server answered 416 Requested Range Not Satisfiable", false},
		"words of its own":         {s.handle(hijacked("HTTP/1.1 503 \x1b[2J" + strings.Repeat("sorry ", 1000) + "\r\n\r\n")), "the server answered 503 Service Unavailable", false},
		"endless headers":          {s.handle(hijacked("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 100_000))), "server response headers exceeded", false},
		"a line that is no header": {s.handle(hijacked("HTTP/1.1 200 OK\r\n" + strings.Repeat("x", 50_000) + "\r\n\r\n")), "malformed MIME header", false},
		"no content":               {s.handle(hijacked("HTTP/1.1 204 No Content\r\n\r\n")), "the server answered 204 No Content", false},
		"no HTTP":                  {s.handle(hijacked("hello\r\n\r\n")), "malformed HTTP", false},
		"nothing":                  {s.handle(hijacked("")), "EOF", false},
		"broken chunks":            {s.handle(hijacked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")), "the connection broke after 5 bytes", true},
		"from https to http":       {toPlain, "a redirect from https to http", false},
		"around and around":        {around, "more than 10 redirects", false},
		"nobody listens":           {"http://127.0.0.1:1", "connection refused", false},
		"a name that nobody has":   {"http://no-such-host.invalid", "no-such-host.invalid", false},
		"a content without bytes":  {s.handle(hijacked("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), "the content has SHA-256 e3b0c44298fc", false},
	} {
		s.datastores.Put(name, types.DatastoreConfig{Type: "DsHttps", FQDN: c.url, CertPEM: []string{cert}})
		r := s.request("amber")
		r.ContentID, r.DatastoreIDs, r.Target = name, []string{name}, s.dir+"/"+name
		if c.unstated {
			r.SHA256 = ""
		}
		s.want(r)
		d := s.await("failed", name, func(d types.DownloaderStatus) bool {
			// The datastore is another table's, and may come later.
			return d.State == types.DownloadFailed && !strings.Contains(d.Problem.What, "is not in the configuration")
		})
		if !strings.Contains(d.Problem.What, c.problem) {
			t.Errorf("%s: %q lacks %q", name, d.Problem.What, c.problem)
		}
		if n := len(d.Problem.What); n > 3000 {
			t.Errorf("%s: a problem of %d bytes", name, n)
		}
	}
	r := s.request("chunks")
	r.SHA256 = ""
	s.store("store", s.handle(func(w http.ResponseWriter, _ *http.Request) { sendChunks(w, content("chunks")) }))
	s.want(r)
	s.await("complete", "chunks", func(d types.DownloaderStatus) bool {
		return d.State == types.DownloadComplete && d.SHA256 == contentserver.SHA256("chunks")
	})
}

// What answers to the request for the rest is another content, or another
// place of it: everything must come anew.
func TestARestThatDoesNotFitIsNotTaken(t *testing.T) {
	whole := content("amber")
	for name, rest := range map[string]func(w http.ResponseWriter, first int){
		"another ETag": func(w http.ResponseWriter, first int) {
			w.Header().Set("ETag", `"2"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(whole)-1, len(whole)))
		},
		"no ETag": func(w http.ResponseWriter, first int) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(whole)-1, len(whole)))
		},
		"another place": func(w http.ResponseWriter, first int) {
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first-1, len(whole)-1, len(whole)))
		},
		"another end": func(w http.ResponseWriter, first int) {
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(whole)-2, len(whole)))
		},
		"no size": func(w http.ResponseWriter, first int) { // then a short rest can't be told from a whole one
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", first, len(whole)-1))
		},
		"an end before its place": func(w http.ResponseWriter, first int) {
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-9/10", first))
		},
		"no place": func(w http.ResponseWriter, first int) { w.Header().Set("ETag", `"1"`) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 0)
			s.store("store", s.handle(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
				w.Header().Set("ETag", `"1"`)
				var first int
				if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first); n == 1 {
					w.Header().Del("ETag")
					w.Header().Set("Content-Length", fmt.Sprint(len(whole)-first))
					rest(w, first)
					w.WriteHeader(http.StatusPartialContent)
					_, _ = w.Write(make([]byte, len(whole)-first)) // the client may have left
					return
				}
				if s.once() {
					_, _ = w.Write(whole[:100_000]) // less than announced: the connection is closed
					return
				}
				_, _ = w.Write(whole)
			}))
			s.downloader()
			r := s.request("amber")
			r.SHA256 = ""
			s.want(r)
			s.complete(r)
		})
	}
}

// once is true the first time.
func (s *scene) once() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accesses = append(s.accesses, contentserver.Access{})
	return len(s.accesses) == 1
}

// A server must not fill the disk by sending more than it has announced.
func TestMoreThanAnnouncedIsNotTaken(t *testing.T) {
	s := newScene(t, 0)
	whole, most := content("amber"), 256<<20
	sent := make(chan int, 1)
	s.store("store", s.handle(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		var first int
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first); n != 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			if s.once() {
				_, _ = w.Write(whole[:100_000]) // less than announced: the connection is closed
				return
			}
			_, _ = w.Write(whole)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(whole)-1, len(whole)))
		w.WriteHeader(http.StatusPartialContent)
		n, data := 0, make([]byte, 64<<10)
		for err := error(nil); err == nil && n < most; n += len(data) {
			_, err = w.Write(data)
		}
		select {
		case sent <- n:
		default: // it asks again
		}
	}))
	s.downloader()
	r := s.request("amber")
	r.SHA256 = ""
	s.want(r)
	if n := <-sent; n >= most {
		t.Errorf("it took in %d bytes for a size of %d", n, len(whole))
	}
	s.complete(r)
}

// Bytes that trickle would hold a place in the queue for ever.
func TestAServerThatTricklesIsGivenUp(t *testing.T) {
	s := newScene(t, 0)
	s.opts.StallTimeout = 200 * time.Millisecond
	s.opts.Parallel = 1
	s.opts.RetryFirst = time.Hour
	s.store("trickling", s.handle(func(w http.ResponseWriter, r *http.Request) {
		for range 2000 {
			_, _ = w.Write([]byte("x")) // the client may have left
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	}))
	s.downloader()
	r := s.request("amber")
	r.DatastoreIDs = []string{"trickling"}
	s.want(r)
	b := s.request("b")
	s.want(b)
	if d := s.awaitState("amber", types.DownloadFailed); !strings.HasPrefix(d.Problem.What, "the server is too slow: ") {
		t.Errorf("%+v", d)
	}
	s.complete(b)
}
