package downloader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/evenkv/nkv/agents/types"
)

// file is a complete target.
type file struct {
	size   int64
	sha256 string
}

// litter are files that are not wanted any more, by target: true: the target
// too, false: only what is beside it.
type litter map[string]bool

func (l litter) remove() error {
	var errs []error
	for _, target := range slices.Sorted(maps.Keys(l)) {
		errs = append(errs, removeParts(target))
		if l[target] {
			errs = append(errs, remove(target))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fileError(err)
	}
	return nil
}

// usable says why a target can't be one; nil: it can.
func usable(target string) error {
	switch {
	case !filepath.IsAbs(target):
		return fmt.Errorf("the request's Target is %q, which is no absolute path", target)
	case strings.HasSuffix(target, partSuffix), strings.HasSuffix(target, markSuffix):
		return fmt.Errorf("the request's Target %s ends as unfinished files do; choose another name", target)
	}
	return nil
}

// prepare removes what is not wanted and looks whether the target is there
// already, with the stated checksum; nil: it is not.
func prepare(ctx context.Context, request types.DownloaderConfig, unwanted litter) (*file, error) {
	if err := usable(request.Target); err != nil {
		return nil, fileError(err)
	}
	if err := unwanted.remove(); err != nil {
		return nil, err
	}
	found, err := inspect(ctx, request.Target)
	if found == nil || err != nil {
		return nil, err
	}
	if request.SHA256 != "" && !strings.EqualFold(request.SHA256, found.sha256) {
		found = nil
		err = remove(request.Target) // a target is there only when it is right
	} else {
		err = removeParts(request.Target)
	}
	if err != nil {
		return nil, fileError(err)
	}
	return found, nil
}

// inspect reads a target; nil: there is none.
func inspect(ctx context.Context, target string) (*file, error) {
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case err != nil:
		return nil, fileError(err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is there and is no file", ErrFile, target)
	}
	f, err := os.Open(target)
	if err != nil {
		return nil, fileError(err)
	}
	defer f.Close()
	hash := sha256.New()
	n, err := sum(ctx, hash, f)
	if err != nil {
		return nil, err
	}
	return &file{size: n, sha256: hex.EncodeToString(hash.Sum(nil))}, nil
}
