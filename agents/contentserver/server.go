package contentserver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Times of the server.
const (
	// headerTimeout is how long a client may take to send a request.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long a connection stays without a request.
	idleTimeout = time.Minute
	// endTimeout is how long answers that are under way may take to notice that
	// the server ends; then their connections are closed.
	endTimeout = time.Second
)

// Options configure a server.
type Options struct {
	// Rate is the most bytes of content per second and connection; 0: no limit.
	Rate int64
	// Fault says what goes wrong with a name; nil: nothing does. It is asked at
	// each request, for the name and then for the whole path without its leading
	// slash, and may be called concurrently.
	Fault func(name string) Fault
	// Observer is told each request when it was answered; nil: nobody is. It may
	// be called concurrently.
	Observer func(Access)
	// Logger gets each request at debug level; required.
	Logger logrus.FieldLogger
}

// Access is one request and its answer.
type Access struct {
	// Method and Path are those of the request; the path is decoded.
	Method, Path string
	// Name is that of the content.
	Name string
	// Range is the header of the request; empty: it has none.
	Range string
	// Status is the HTTP status of the answer.
	Status int
	// Bytes is how much of its body was written.
	Bytes int64
}

// Server answers requests for content. It is an http.Handler and safe for
// concurrent use.
type Server struct{ opts Options }

// New returns a server.
func New(opts Options) (*Server, error) {
	switch {
	case opts.Rate < 0:
		return nil, fmt.Errorf("%w: Rate is %d; it is the bytes per second, 0 for no limit", ErrInvalidOption, opts.Rate)
	case opts.Logger == nil:
		return nil, fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	return &Server{opts}, nil
}

// Serve answers requests that come to a listener until ctx is done; then it
// returns nil, with the listener and all connections closed.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(lines{s.opts.Logger}, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(listener) }()
	select {
	case err := <-ended:
		_ = h.Close() // ends the connections; the listener has failed already
		return fmt.Errorf("serve content at %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	err := h.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.Close()
	}
	<-ended
	return err
}

// lines logs what the HTTP server has to say.
type lines struct{ log logrus.FieldLogger }

func (l lines) Write(line []byte) (int, error) {
	l.log.Debug(strings.TrimSpace(string(line)))
	return len(line), nil
}

// Name returns the name of the content that a decoded path asks for.
func Name(path string) string {
	if _, name, marked := strings.Cut(path, "/-/"); marked {
		return name
	}
	return strings.TrimPrefix(path, "/")
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := Access{Method: r.Method, Path: r.URL.Path, Name: Name(r.URL.Path), Range: r.Header.Get("Range")}
	fault := s.fault(a)
	out := newAnswer(r.Context(), w, s.opts.Rate, fault)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		out.Header().Set("Allow", "GET, HEAD")
		http.Error(out, "content can only be read", http.StatusMethodNotAllowed)
	case a.Name == "":
		http.Error(out, "the path names no content", http.StatusNotFound)
	case fault.Status != 0:
		http.Error(out, http.StatusText(fault.Status), fault.Status)
	default:
		serve(out, r, a.Name, fault)
	}
	a.Status, a.Bytes = out.status, out.sent
	s.opts.Logger.WithFields(logrus.Fields{
		"method": a.Method, "path": a.Path, "range": a.Range, "status": a.Status, "bytes": a.Bytes,
	}).Debug("answered")
	if s.opts.Observer != nil {
		s.opts.Observer(a)
	}
}

// fault returns what goes wrong with a request.
func (s *Server) fault(a Access) Fault {
	if s.opts.Fault == nil {
		return Fault{}
	}
	if fault := s.opts.Fault(a.Name); fault != (Fault{}) {
		return fault
	}
	return s.opts.Fault(strings.TrimPrefix(a.Path, "/"))
}

func serve(out *answer, r *http.Request, name string, fault Fault) {
	out.Header().Set("Content-Type", "application/octet-stream")
	out.Header().Set("ETag", etag(name, fault))
	if fault.NoRanges {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	http.ServeContent(out, r, "", time.Time{}, open(name, fault.Corrupt))
}

// etag tells apart what has different bytes.
func etag(name string, fault Fault) string {
	if fault.Corrupt {
		name += "\x00corrupt"
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(name)))
	if fault.WeakETag {
		return "W/" + tag
	}
	return tag
}
