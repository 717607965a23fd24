package downloader

import (
	"errors"
	"fmt"
)

// ErrInvalidOption: an option is missing or wrong; the message names it.
var ErrInvalidOption = errors.New("invalid option")

// Why a try failed. Their texts, with what was found, are the Problem of the
// published status.
var (
	// ErrSource: nothing can be fetched from a datastore as it is configured.
	ErrSource = errors.New("can't be fetched from")
	// ErrAnswer: the server answered something else than the content.
	ErrAnswer = errors.New("the server answered")
	// ErrBroken: the connection broke in the midst.
	ErrBroken = errors.New("the connection broke")
	// ErrStalled: nothing came for a long time, or next to nothing.
	ErrStalled = errors.New("the server is too slow")
	// ErrTooLarge: the content is larger than the request allows.
	ErrTooLarge = errors.New("the content is too large")
	// ErrChecksum: the content is not the one that is configured.
	ErrChecksum = errors.New("wrong checksum")
	// ErrFile: a file can't be read, written or put in its place.
	ErrFile = errors.New("the file can't be made")
)

// checksumError says which checksum was found. It matches ErrChecksum.
type checksumError struct{ found, stated string }

func (e *checksumError) Error() string {
	return fmt.Sprintf("the content has SHA-256 %s; the configuration says %s", e.found, e.stated)
}

func (e *checksumError) Is(target error) bool { return target == ErrChecksum }

// fileError marks an error of the file system: no other datastore would help.
func fileError(err error) error { return fmt.Errorf("%w: %w", ErrFile, err) }
