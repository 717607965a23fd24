package domain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/wire"
)

// Endings of an application's files.
const (
	lockSuffix  = ".domain"
	logSuffix   = ".log"
	olderSuffix = ".1" // after logSuffix
)

// DefaultLogBytes is how large the log of an application may grow.
const DefaultLogBytes = 1 << 20

// Options configure a directory.
type Options struct {
	// Path is the directory; required. It is made when it is not there and there is
	// a program.
	Path string
	// Program is what is started for each application, without arguments. Empty:
	// nothing can be started.
	Program string
	// LogBytes is how large a log may grow before it is cut; 0: DefaultLogBytes.
	LogBytes int64
	// Logger gets what people should know; required.
	Logger logrus.FieldLogger
}

// Dir is the directory in which the applications' lock files and logs are. Its
// methods are safe for concurrent use, also by several processes.
type Dir struct {
	path    string // absolute, without symbolic links: processes are marked with it
	program string // absolute
	logMost int64
	// patience is how long to look for who holds a lock before saying that nobody
	// is found.
	patience time.Duration
	log      logrus.FieldLogger
	fault    func(at string) // for tests: called on the way of a start
}

// Open opens a directory. ErrUnsupported when the system lacks what is needed.
func Open(opts Options) (*Dir, error) {
	switch {
	case opts.Path == "":
		return nil, fmt.Errorf("%w: the directory is empty", ErrInvalidOption)
	case opts.LogBytes < 0:
		return nil, fmt.Errorf("%w: a log of %d bytes", ErrInvalidOption, opts.LogBytes)
	case opts.Logger == nil:
		return nil, fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	if err := supported(); err != nil {
		return nil, err
	}
	if opts.LogBytes == 0 {
		opts.LogBytes = DefaultLogBytes
	}
	d := &Dir{logMost: opts.LogBytes, log: opts.Logger, patience: 5 * time.Second, fault: func(string) {}}
	path, err := filepath.Abs(opts.Path)
	if err == nil && opts.Program != "" {
		d.program, err = filepath.Abs(opts.Program)
		err = errors.Join(err, os.MkdirAll(path, 0o700))
	}
	if err == nil {
		d.path, err = filepath.EvalSymlinks(path)
	}
	if opts.Program == "" && errors.Is(err, os.ErrNotExist) {
		d.path, err = path, nil // its processes may be there all the same
	}
	if err != nil {
		return nil, fmt.Errorf("open the directory of applications: %w", err)
	}
	return d, nil
}

func (d *Dir) lockPath(name string) string { return filepath.Join(d.path, name+lockSuffix) }
func (d *Dir) logPath(name string) string  { return filepath.Join(d.path, name+logSuffix) }

// names returns the applications that have a lock file.
func (d *Dir) names() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list the applications' lock files: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), lockSuffix); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// key returns the key that a name was made of, as well as it can be told.
func (d *Dir) key(name string) string {
	if r, _, err := readRecord(d.lockPath(name)); err == nil && Name(r.Key) == name {
		return r.Key
	}
	if key, err := wire.DecodeToken(name); err == nil {
		return key
	}
	return name
}
