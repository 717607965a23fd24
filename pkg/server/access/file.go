package access

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long after a change a file is read again: some write it in pieces.
// It is not put off by further changes, or whoever writes beside it could keep it
// from being read.
const settle = 100 * time.Millisecond

// lookEvery is how often a file is read again though nothing was told of it: the
// system tells of nothing where a link leads, nor in a directory that took another's
// place.
const lookEvery = 5 * time.Second

// File is an agents file that is read again when it changes. Safe for concurrent
// use.
type File struct {
	path string
	look time.Duration // how often Watch looks by itself

	mu      sync.Mutex // guards the fields below
	content []byte     // as it was read last, good or bad
	err     error      // what was wrong with it
}

// OpenFile reads an agents file.
func OpenFile(path string) (*File, *Rules, error) {
	f := &File{path: path, look: lookEvery}
	rules, err := f.Reload(true)
	if err != nil {
		return nil, nil, err
	}
	return f, rules, nil
}

// Path returns where the file is.
func (f *File) Path() string { return f.path }

// Reload reads the file again and returns its rules; nil rules: it has not changed
// since, unless always is set. One that can't be read is an ErrFile, also each
// time that it is asked for always.
func (f *File) Reload(always bool) (*Rules, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, err := read(f.path)
	if err != nil {
		if !always && f.err != nil && f.err.Error() == err.Error() {
			return nil, nil
		}
		f.content, f.err = nil, err
		return nil, err
	}
	if !always && bytes.Equal(content, f.content) {
		return nil, nil
	}
	f.content = content
	rules, err := Parse(f.path, content)
	f.err = err
	return rules, err
}

// Watch calls changed whenever something happened to the file, or beside it, and now
// and then without that, until ctx is done; then it returns nil. It is replaced by
// rename as well as written.
func (f *File) Watch(ctx context.Context, changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the agents file: %w", err)
	}
	defer watcher.Close()
	// The directory, since the file itself may become another.
	if err := watcher.Add(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("watch the agents file: %w", err)
	}
	changed() // since it was read, before it was watched
	look := time.NewTicker(f.look)
	defer look.Stop()
	var settled <-chan time.Time // nil: nothing has changed
	for {
		select {
		case _, open := <-watcher.Events:
			if !open {
				return nil
			}
		case <-watcher.Errors: // events were lost, so anything may have happened
		case <-settled:
			settled = nil
			changed()
			continue
		case <-look.C:
			changed()
			continue
		case <-ctx.Done():
			return nil
		}
		if settled == nil {
			settled = time.After(settle)
		}
	}
}
