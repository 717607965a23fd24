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
	"strconv"
	"strings"
	"time"
)

const (
	// connectTimeout is how long a connection, and then its TLS handshake, may
	// take.
	connectTimeout = 10 * time.Second
	// bufferSize is how many bytes are read and written at once.
	bufferSize = 128 << 10
	// maxRedirects is how often a server may point elsewhere.
	maxRedirects = 10
)

// from fetches the file from one source into the part and makes it the target.
func (f *fetcher) from(ctx context.Context, p *part, s source) error {
	f.received = 0
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
		resumed = p.size
		f.progress.set(numbers{url: s.url, current: resumed, resumed: resumed})
		if err := p.read(ctx); err != nil {
			return err
		}
		resumed = p.size
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
	if errors.Is(err, ErrChecksum) || errors.Is(err, ErrTooLarge) || errors.Is(err, errChanged) {
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
		if size, known := strings.CutPrefix(answer.Header.Get("Content-Range"), "bytes */"); known && resumed > 0 && size == strconv.FormatInt(resumed, 10) {
			f.progress.set(numbers{url: s.url, total: resumed, current: resumed, resumed: resumed})
			return nil // all of it is there
		}
		if resumed > 0 {
			return errChanged
		}
		return fmt.Errorf("%w %s", ErrAnswer, answer.Status)
	default:
		return fmt.Errorf("%w %s", ErrAnswer, answer.Status)
	}
	if err := over(total, "", f.plan.request); err != nil {
		return err
	}
	f.progress.set(numbers{url: s.url, total: max(0, total), current: resumed, resumed: resumed})
	return f.receive(ctx, cancel, p, answer.Body, total)
}

// rest checks that an answer goes on where the part ends, with the same
// content, and returns the whole content's size; negative: not known.
func rest(answer *http.Response, resumed int64, etag string) (total int64, err error) {
	var first, last int64
	var size string
	n, _ := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%s", &first, &last, &size)
	if n != 3 || resumed == 0 || first != resumed || answer.Header.Get("ETag") != etag {
		return 0, errChanged
	}
	if size == "*" {
		return last + 1, nil
	}
	if total, err = strconv.ParseInt(size, 10, 64); err != nil || total != last+1 {
		return 0, errChanged
	}
	return total, nil
}

// receive appends the body to the part. cancel ends its reading when nothing
// comes.
func (f *fetcher) receive(ctx context.Context, cancel context.CancelCauseFunc, p *part, body io.Reader, total int64) error {
	stalled := time.AfterFunc(f.stall, func() { cancel(fmt.Errorf("%w for %s", ErrStalled, f.stall)) })
	defer stalled.Stop()
	buf := make([]byte, bufferSize)
	for {
		stalled.Reset(f.stall)
		n, err := body.Read(buf)
		stalled.Stop() // writing may take as long as it takes
		if n > 0 {
			if err := over(p.size+int64(n), " or more", f.plan.request); err != nil {
				return err
			}
			if err := p.write(buf[:n]); err != nil {
				return err
			}
			f.received += int64(n)
			f.progress.at(p.size)
		}
		switch {
		case errors.Is(err, io.EOF) && (total < 0 || p.size == total):
			return nil
		case err != nil && errors.Is(context.Cause(ctx), ErrStalled):
			return fmt.Errorf("%w, after %s", context.Cause(ctx), bytesOf(p.size, total))
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
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig:       trusted,
			TLSHandshakeTimeout:   connectTimeout,
			ResponseHeaderTimeout: stall,
			DisableCompression:    true,
			DisableKeepAlives:     true,
		},
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
