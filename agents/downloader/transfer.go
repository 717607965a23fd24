package downloader

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// connectTimeout is how long a connection, and then its TLS handshake, may
	// take.
	connectTimeout = 10 * time.Second
	// bufferSize is how many bytes are read and written at once.
	bufferSize = 128 << 10
	// leastBytes must come in each stall timeout.
	leastBytes = 1 << 10
	// maxHeader is how many bytes an answer's header may have.
	maxHeader = 64 << 10
	// maxRedirects is how often a server may point elsewhere.
	maxRedirects = 10
)

// from fetches the file from one source into the part and makes it the target.
func (f *fetcher) from(ctx context.Context, p *part, s source) error {
	f.before = 0
	if s.problem != "" {
		return &sourceProblem{s.problem}
	}
	client, err := newClient(s, f.stall)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	resumed := int64(0)
	if p.resumable(s.url, f.plan.request) {
		f.progress.set(numbers{url: s.url, current: p.size, resumed: p.size})
		if err := p.read(ctx); err != nil {
			return err
		}
		resumed, f.before = p.size, p.size
	}
	f.progress.set(numbers{url: s.url, current: resumed, resumed: resumed})
	err = f.transfer(ctx, client, p, s, resumed)
	if errors.Is(err, errChanged) { // what is there is of something else
		if err := p.clear(); err != nil {
			return err
		}
		f.progress.set(numbers{url: s.url})
		err = f.transfer(ctx, client, p, s, 0)
	}
	if err == nil {
		err = verify(p, f.plan.request)
	}
	if err == nil {
		return p.commit()
	}
	if !strong(p.mark.ETag) || errors.Is(err, ErrChecksum) || errors.Is(err, ErrTooLarge) || errors.Is(err, errChanged) {
		f.progress.set(numbers{url: s.url})
		err = errors.Join(err, p.clear())
	}
	return err
}

// errChanged: the server has other content than the part is of.
var errChanged = errors.New("the server's answer does not belong to what was fetched before")

// sourceProblem says why a source can't be used. It matches ErrSource.
type sourceProblem struct{ text string }

func (e *sourceProblem) Error() string        { return e.text }
func (e *sourceProblem) Is(target error) bool { return target == ErrSource }

// transfer asks for what comes after the first resumed bytes and appends it.
func (f *fetcher) transfer(parent context.Context, client *http.Client, p *part, s source, resumed int64) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	answer, err := get(ctx, client, s, resumed, p.mark.ETag)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	total := answer.ContentLength
	switch answer.StatusCode {
	case http.StatusOK:
		resumed = 0
		if err := p.begin(s.url, answer.Header.Get("ETag")); err != nil {
			return err
		}
		if total < 0 && f.plan.request.SHA256 == "" && len(answer.TransferEncoding) == 0 {
			return fmt.Errorf("%w without saying where the content ends, and the configuration states no checksum", ErrAnswer)
		}
	case http.StatusPartialContent:
		if total, err = rest(answer, resumed, p.mark.ETag); err != nil {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		// Only a checksum can tell that the content still is the same.
		if f.plan.request.SHA256 != "" && resumed > 0 && answer.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", resumed) {
			f.progress.set(numbers{url: s.url, total: resumed, current: resumed, resumed: resumed})
			return nil // all of it is there
		}
		if resumed > 0 {
			return errChanged
		}
		return statusError(answer.StatusCode)
	default:
		return statusError(answer.StatusCode)
	}
	if err := over(total, "", f.plan.request); err != nil {
		return err
	}
	f.progress.set(numbers{url: s.url, total: max(0, total), current: resumed, resumed: resumed})
	return f.receive(ctx, cancel, p, answer.Body, total)
}

// statusError says a status in words of our own: those of a server may hold
// anything.
func statusError(status int) error {
	return fmt.Errorf("%w %s", ErrAnswer, strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status))))
}

// rest checks that an answer goes on where the part ends, with the same
// content and up to its end, and returns the whole content's size.
func rest(answer *http.Response, resumed int64, etag string) (total int64, err error) {
	var first, last int64
	n, _ := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
	if n != 3 || resumed == 0 || first != resumed || last < first || total != last+1 || answer.Header.Get("ETag") != etag {
		return 0, errChanged
	}
	return total, nil
}

// receive appends the body to the part. cancel ends its reading when next to
// nothing comes.
func (f *fetcher) receive(ctx context.Context, cancel context.CancelCauseFunc, p *part, body io.Reader, total int64) error {
	stalled := time.AfterFunc(f.stall, func() { cancel(ErrStalled) })
	defer stalled.Stop()
	buf := make([]byte, bufferSize)
	for left, came := f.stall, 0; ; {
		began := time.Now()
		stalled.Reset(left)
		n, err := body.Read(buf)
		stalled.Stop() // writing may take as long as it takes
		left -= time.Since(began)
		if came += n; came >= leastBytes {
			left, came = f.stall, 0
		}
		if n > 0 {
			if total >= 0 && p.size+int64(n) > total {
				return errChanged
			}
			if err := over(p.size+int64(n), " or more", f.plan.request); err != nil {
				return err
			}
			if err := p.write(buf[:n]); err != nil {
				return err
			}
			f.progress.at(p.size)
		}
		switch {
		case errors.Is(err, io.EOF) && (total < 0 || p.size == total):
			return nil
		case err != nil && errors.Is(context.Cause(ctx), ErrStalled):
			return fmt.Errorf("%w: %d bytes in %s, after %s", ErrStalled, came, f.stall, bytesOf(p.size, total))
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("%w after %s: %w", ErrBroken, bytesOf(p.size, total), err)
		}
	}
}

func bytesOf(size, total int64) string {
	if total < 0 {
		return fmt.Sprintf("%d bytes", size)
	}
	return fmt.Sprintf("%d of %d bytes", size, total)
}

// get sends a request for all, or for what comes after the first resumed bytes
// if the content still is the one with this ETag.
func get(ctx context.Context, client *http.Client, s source, resumed int64, etag string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("User-Agent", "nkv-downloader")
	request.Header.Set("Accept-Encoding", "identity")
	if resumed > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", resumed))
		request.Header.Set("If-Range", etag)
	}
	if s.user != "" || s.password != "" {
		request.SetBasicAuth(s.user, s.password)
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	return answer, nil
}

// withoutURL takes the URL out of an error: that of a redirect may hold secrets,
// and where it happened is said anyway.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// transport refuses redirects that can't be followed; the error of http.Client
// would quote them.
type transport struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if to := answer.Header.Get("Location"); to != "" {
		if _, err := r.URL.Parse(to); err != nil {
			answer.Body.Close()
			return nil, fmt.Errorf("%w with a redirect to something that is no URL", ErrAnswer)
		}
	}
	return answer, nil
}

// newClient returns a client for one try. The environment's proxies are not
// used: the configuration says how the device reaches its network.
func newClient(s source, stall time.Duration) (*http.Client, error) {
	trusted := &tls.Config{}
	if len(s.certs) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // there are none; those of the datastore remain
		}
		for _, pem := range s.certs {
			pool.AppendCertsFromPEM([]byte(pem))
		}
		trusted.RootCAs = pool
	}
	return &http.Client{
		Transport: transport{&http.Transport{
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig:        trusted,
			TLSHandshakeTimeout:    connectTimeout,
			ResponseHeaderTimeout:  stall,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
			DisableKeepAlives:      true,
		}},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if len(via) >= maxRedirects {
				return fmt.Errorf("%w with more than %d redirects", ErrAnswer, maxRedirects)
			}
			if via[len(via)-1].URL.Scheme == "https" && to.URL.Scheme != "https" {
				return fmt.Errorf("%w with a redirect from https to %s", ErrAnswer, to.URL.Scheme)
			}
			return nil
		},
	}, nil
}
