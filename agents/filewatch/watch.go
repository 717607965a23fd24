package filewatch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/sirupsen/logrus"
)

// pollInterval is the time between two looks when the system can't tell of
// changes. It only applies after the reason was logged.
const pollInterval = time.Second

// File is a watched file. Its methods are safe for concurrent use.
type File struct {
	path    string
	log     logrus.FieldLogger
	changes chan struct{}
	stop    chan struct{}
	once    sync.Once
	done    sync.WaitGroup

	// Both belong to the watching goroutine.
	watcher *fsnotify.Watcher // nil: not watching, look now and then
	way     way               // what watcher watches
}

// Open starts to watch the file at path, which need not exist. The first
// change is told at once, so that a reader needs no look of its own. A path
// that can't be made absolute is an error. When the system refuses to tell of
// changes, the file is looked at every second, and the log says why.
func Open(path string, log logrus.FieldLogger) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	f := &File{
		path:    abs,
		log:     log.WithField("file", abs),
		changes: make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	f.done.Add(1)
	go f.run()
	return f, nil
}

// Path returns the absolute path of the file.
func (f *File) Path() string { return f.path }

// Changes tells that the file may have changed since it was last read.
// Changes that come while one is waiting to be received are one. The channel
// is never closed.
func (f *File) Changes() <-chan struct{} { return f.changes }

// Close ends the watching. It returns when everything stopped, and may be
// called again.
func (f *File) Close() error {
	f.once.Do(func() { close(f.stop) })
	f.done.Wait()
	return nil
}

func (f *File) run() {
	defer f.done.Done()
	defer f.drop()
	err := f.follow(true)
	f.tell()
	for err == nil {
		var again, force bool
		if again, force = f.wait(); !again {
			return
		}
		err = f.follow(force)
		f.tell()
	}
	f.log.WithError(err).Warnf("the system does not tell of changes, looking every %s", pollInterval)
	f.poll()
}

// tell makes a change known.
func (f *File) tell() {
	select {
	case f.changes <- struct{}{}:
	default:
	}
}

// wait returns when something on the way changed; with again false when the
// watching shall end, with force when a watched place may be another one now
// even if it looks the same: numbers of removed files are used again.
func (f *File) wait() (again, force bool) {
	for {
		select {
		case <-f.stop:
			return false, false
		case event := <-f.watcher.Events:
			_, placed := f.way.places[event.Name]
			force = placed && event.Has(fsnotify.Create|fsnotify.Remove|fsnotify.Rename)
			if placed || f.way.entries[event.Name] {
				return true, force
			}
		case err := <-f.watcher.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				f.log.WithError(err).Warn("watching the file failed for once, looking again")
			}
			return true, true
		}
	}
}

// follow watches the way that the path leads now. When the way changed, or
// force is set, it is watched anew and then found once more, until nothing
// moved meanwhile. A watcher gets each place only once: told of a place again,
// it mixes up what it hears of the old and the new one.
func (f *File) follow(force bool) error {
	for {
		w := follow(f.path)
		if !force && maps.Equal(w.places, f.way.places) && maps.Equal(w.entries, f.way.entries) {
			return nil
		}
		force = false
		watcher, err := fsnotify.NewWatcher()
		if err != nil {
			return err
		}
		f.drop()
		f.watcher, f.way = watcher, w
		for path, p := range w.places {
			err := watcher.Add(path)
			switch {
			case err == nil:
			case errors.Is(err, fs.ErrNotExist):
				force = true // it went away meanwhile
			case errors.Is(err, fs.ErrPermission) && !p.dir:
				// The reader will say so; its directory tells when that changes.
			default:
				return fmt.Errorf("watch %s: %w", path, err)
			}
		}
		select {
		case <-f.stop:
			return nil
		default:
		}
	}
}

func (f *File) drop() {
	if f.watcher != nil {
		_ = f.watcher.Close() // it only says that it is closed already
		f.watcher = nil
	}
}

func (f *File) poll() {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
			f.tell()
		}
	}
}
