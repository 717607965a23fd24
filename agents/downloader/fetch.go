package downloader

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// fetcher makes one try to fetch a request's file. It belongs to one job.
type fetcher struct {
	plan     plan
	stall    time.Duration
	progress *progress
	before   int64 // what there was to go on from at the present source
}

// tryError says why a try failed.
type tryError struct {
	err error
	// url is where it failed; empty: at several places, which err names, or at
	// none.
	url string
	// forward says that the next try can go on from further than this one did.
	forward bool
}

func (e *tryError) Error() string { return e.err.Error() }
func (e *tryError) Unwrap() error { return e.err }

// fetch tries the sources in their order. It goes on with the next one when
// one fails, but not when the file system failed, or when the next try can go on
// from further than this one did: another source would begin anew.
func (f *fetcher) fetch(ctx context.Context) (*file, error) {
	if len(f.plan.sources) == 0 {
		return nil, &tryError{err: fmt.Errorf("%w nowhere: the request names no datastore", ErrSource)}
	}
	p, err := openPart(f.plan.request.Target)
	if err != nil {
		return nil, &tryError{err: err}
	}
	defer p.close()
	var failed []error
	for _, s := range f.plan.sources {
		err := f.from(ctx, p, s)
		if err == nil {
			return &file{size: p.size, sha256: p.sha256()}, nil
		}
		e := &tryError{err: err, url: s.url, forward: p.size > f.before && strong(p.mark.ETag)}
		if len(f.plan.sources) == 1 || e.forward || ctx.Err() != nil || errors.Is(err, ErrFile) {
			return nil, e
		}
		failed = append(failed, fmt.Errorf("%s: %w", nameOf(s), err))
	}
	return nil, &tryError{err: joinErrors(failed)}
}

func nameOf(s source) string {
	if s.url == "" {
		return "datastore " + s.datastore
	}
	return s.url
}

// sourceErrors are the failures of several sources, in one line.
type sourceErrors []error

func joinErrors(errs []error) error { return sourceErrors(errs) }

func (s sourceErrors) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (s sourceErrors) Unwrap() []error { return s }

// verify compares what came with what the request says.
func verify(p *part, request types.DownloaderConfig) error {
	found := p.sha256()
	if request.SHA256 == "" || strings.EqualFold(found, request.SHA256) {
		return nil
	}
	return &checksumError{found: found, stated: strings.ToLower(request.SHA256)}
}

// over says that a size is over the limit; nil: it is not. The size is followed
// by more.
func over(size int64, more string, request types.DownloaderConfig) error {
	if request.MaxSizeBytes == 0 || size < 0 || uint64(size) <= request.MaxSizeBytes {
		return nil
	}
	return fmt.Errorf("%w: %d bytes%s; the request allows %d", ErrTooLarge, size, more, request.MaxSizeBytes)
}
