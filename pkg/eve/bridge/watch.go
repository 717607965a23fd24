package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"

	"github.com/evenkv/nkv/pkg/eve"
)

const (
	socketSuffix = ".sock"
	valueSuffix  = ".json"
	// maxDepth is how deep below run sockets are looked for: an agent, and a scope
	// of up to three parts.
	maxDepth = 4
	// maxDirs is how many directories are watched: run is everybody's.
	maxDirs = 1024
)

// watcher finds the sockets below a directory, and touches the places of their
// tables whenever one comes or goes.
type watcher struct {
	b    *Bridge
	top  string
	fs   *fsnotify.Watcher
	dirs map[string]struct{} // that are watched
	full bool                // it was logged that there are too many
}

func newWatcher(b *Bridge) (*watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s for sockets: %w; there may be too many watchers on the system (fs.inotify.max_user_instances)", b.root.Run(), err)
	}
	return &watcher{b: b, top: filepath.Clean(b.root.Run()), fs: notify, dirs: map[string]struct{}{}}, nil
}

func (w *watcher) run() {
	defer w.fs.Close() //nolint:errcheck // nothing was written
	w.scan(w.top, 0)
	for {
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			w.take(e)
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			w.b.log.WithError(err).Debug("what happened to sockets was lost; they are looked at again")
			w.scan(w.top, 0)
			w.b.touchAll()
		case <-w.b.ctx.Done():
			return
		}
	}
}

// take looks at what one event tells.
func (w *watcher) take(e fsnotify.Event) {
	_, isDir := w.dirs[e.Name]
	switch {
	case e.Has(fsnotify.Remove), e.Has(fsnotify.Rename):
		if isDir {
			w.forget(e.Name)
		}
		w.found(e.Name)
	case !e.Has(fsnotify.Create):
	case strings.HasSuffix(e.Name, socketSuffix):
		w.found(e.Name)
	case strings.HasSuffix(e.Name, valueSuffix):
		if dir := filepath.Dir(e.Name); w.depth(dir) > 1 {
			w.forget(dir)
		}
	default:
		if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
			w.scan(e.Name, w.depth(e.Name))
		}
	}
}

func (w *watcher) depth(dir string) int {
	rel, err := filepath.Rel(w.top, dir)
	if err != nil || rel == "." {
		return 0
	}
	return 1 + strings.Count(rel, string(filepath.Separator))
}

// found touches the place of the socket at path, if it can be one's.
func (w *watcher) found(path string) {
	name, ok := strings.CutSuffix(path, socketSuffix)
	if !ok {
		return
	}
	rel, err := filepath.Rel(w.top, name)
	if err != nil {
		return
	}
	if table, err := eve.Table(filepath.ToSlash(rel)); err == nil && bridged(table) {
		w.b.touch(table, nil)
	}
}

// scan watches a directory and those in it, and finds the sockets there. A
// directory is watched before it is read, so that nothing is missed. One with
// values in it is a table's: no sockets come there, but a lot of files.
func (w *watcher) scan(dir string, depth int) {
	if depth > maxDepth || depth == 1 && filepath.Base(dir) == eve.Global {
		return
	}
	if !w.watch(dir) {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.b.log.WithError(err).Warn("a directory can't be looked through for sockets")
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			w.scan(path, depth+1)
		case strings.HasSuffix(path, socketSuffix):
			w.found(path)
		case depth > 1 && strings.HasSuffix(path, valueSuffix):
			w.forget(dir)
		}
	}
}

func (w *watcher) watch(dir string) bool {
	if _, watched := w.dirs[dir]; watched {
		return true
	}
	err := error(nil)
	if len(w.dirs) >= maxDirs {
		err = fmt.Errorf("there are more than %d directories in %s", maxDirs, w.top)
	} else {
		err = w.fs.Add(dir)
	}
	switch {
	case err == nil:
		w.dirs[dir] = struct{}{}
		return true
	case errors.Is(err, fs.ErrNotExist):
	case !w.full:
		w.full = true
		w.b.log.WithError(err).WithField("dir", dir).Error("not every directory is watched for sockets of old publishers")
	}
	return false
}

// forget watches a directory no more.
func (w *watcher) forget(dir string) {
	if _, watched := w.dirs[dir]; !watched {
		return
	}
	delete(w.dirs, dir)
	if err := w.fs.Remove(dir); err != nil && !errors.Is(err, fsnotify.ErrNonExistentWatch) {
		w.b.log.WithError(err).Debug("a directory is still watched")
	}
}
