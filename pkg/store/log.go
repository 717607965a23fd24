package store

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/sirupsen/logrus"
)

// Log is the engine "log": an append-only file of checksummed batches, see
// format.go. It holds every key in memory, and shares the slices of the values
// with its user.
//
// One goroutine uses a Log at a time, except Close and Stats, which may be
// called from any. A compaction runs beside it in a goroutine that the Log owns
// and waits for.
type Log struct {
	opts Options
	lock *os.File

	// turn has one element while nobody is in Commit, Reload, Reset or Close.
	// Who took it owns the fields below it.
	turn    chan struct{}
	closing chan struct{} // closed when Close begins
	close   sync.Once
	closers sync.WaitGroup // goroutines that close replaced files

	file       *file
	noted      bool        // the file's last record says that it was closed
	broken     error       // why every Commit is refused, nil if it is not
	compaction *compaction // nil when none runs or waits to be taken over
	retryAt    int64       // file end before which no compaction is tried

	// mu guards what the compaction reads too. Only the owner writes it.
	mu           sync.Mutex
	live         map[string][]byte
	pending      [][]Op // batches that the running compaction has yet to append
	pendingSince int64  // their size
	stats        Stats
}

// Stats are figures of a log.
type Stats struct {
	Keys         int   // keys that are there
	LiveBytes    int64 // about what they take in the file
	FileBytes    int64 // what the file takes
	PendingBytes int64 // about what was committed since the running compaction began
	Compactions  int   // completed since the opening
	Waits        int   // commits that had to wait for a compaction, since the opening
}

// OpenLog opens or creates the log in opts.Dir and reads it. What a torn write
// left at its end is cut off and logged. Errors: ErrInvalidOption; ErrLocked;
// ErrDamaged, as a *DamageError; ErrVersion; else what the system said.
// A damaged file is left as it is.
func OpenLog(opts Options) (*Log, error) {
	opts, err := opts.validate()
	if err != nil {
		return nil, err
	}
	if err := makeDir(opts.Files, opts.Dir, opts.Sync); err != nil {
		return nil, err
	}
	lock, err := lockDir(opts.Files, opts.Dir)
	if err != nil {
		return nil, err
	}
	l := &Log{opts: opts, lock: lock, turn: make(chan struct{}, 1), closing: make(chan struct{})}
	if err := l.start(); err != nil {
		if l.file != nil {
			l.file.f.Close()
		}
		lock.Close()
		return nil, fmt.Errorf("open store in %s: %w", opts.Dir, err)
	}
	l.turn <- struct{}{}
	return l, nil
}

// makeDir makes the directory and those above it that are missing. If the log is
// durable, the name of each of them is put on the medium: also of those that are
// there already, since whoever made them may have ended before that was done.
func makeDir(calls FileCalls, dir string, durable bool) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("create store directory %s: %w", dir, err)
	}
	missing := map[string]bool{}
	for d := dir; !exists(d) && d != filepath.Dir(d); d = filepath.Dir(d) {
		missing[d] = true
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create store directory: %w", err)
	}
	for d := dir; durable && d != filepath.Dir(d); d = filepath.Dir(d) {
		// What is above the store may be closed to this process, or of a kind that
		// can't be synced; whoever made it has seen to its name.
		if err := calls.syncDir(filepath.Dir(d)); err != nil && missing[d] {
			return fmt.Errorf("create store directory %s: %w", dir, err)
		}
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// start reads the file, or makes an empty one, and brings it to a state that
// can be appended to.
func (l *Log) start() error {
	f, c, stale, err := readFile(l.opts.Files, l.opts.Dir, l.opts.Epoch)
	if errors.Is(err, fs.ErrNotExist) {
		return l.replace(contents{live: make(map[string][]byte)})
	}
	if err != nil {
		return err
	}
	if stale {
		l.logger().WithField("bytes", c.size).Info("store is of another epoch and starts empty")
		f.f.Close()
		return l.replace(contents{live: make(map[string][]byte)})
	}
	l.file = f
	if err := l.settle(c); err != nil {
		return err
	}
	// Only now: should the log be damaged, a file that a compaction left may
	// help whoever repairs it.
	temp := filepath.Join(l.opts.Dir, tempName)
	if err := l.opts.Files.remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an interrupted compaction left: %w", err)
	}
	// Whoever gave the file its name may have ended before that was on the medium.
	if l.opts.Sync {
		if err := l.opts.Files.syncDir(l.opts.Dir); err != nil {
			return err
		}
	}
	l.noted = c.clean
	l.show(c)
	return nil
}

// settle cuts a torn tail, and makes sure that what was read is on the medium.
func (l *Log) settle(c contents) error {
	f := l.file
	if c.torn != nil {
		l.logCut(c)
		if err := f.calls.truncate(f.f, f.end); err != nil {
			return fmt.Errorf("cut the torn write off %s: %w", f.name, err)
		}
	}
	if !l.opts.Sync || c.last == 0 {
		return l.syncCut(c)
	}
	// The process may have ended between the write of the last record and its
	// sync, or after a sync that failed, also that of Close; then it is in the
	// system's cache only, and possibly taken for written there. Writing the same
	// bytes again makes the next sync mean something.
	b := make([]byte, f.end-c.last)
	if _, err := f.calls.readAt(f.f, b, c.last); err != nil {
		return fmt.Errorf("read the last record of %s: %w", f.name, err)
	}
	if _, err := f.calls.writeAt(f.f, b, c.last); err != nil {
		return fmt.Errorf("write the last record of %s again: %w", f.name, err)
	}
	return f.sync()
}

func (l *Log) syncCut(c contents) error {
	if !l.opts.Sync || c.torn == nil {
		return nil
	}
	return l.file.sync()
}

func (l *Log) logCut(c contents) {
	l.logger().WithFields(logrus.Fields{
		"offset": c.torn.offset,
		"bytes":  c.size - c.torn.offset,
		"reason": c.torn.reason,
	}).Warn("store ends in a torn write, which is cut off; it was never acknowledged")
}

// show makes contents what the log holds.
func (l *Log) show(c contents) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live = c.live
	l.stats.Keys, l.stats.LiveBytes, l.stats.FileBytes = len(c.live), c.bytes, l.file.end
}

// All implements PersistValue.
func (l *Log) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for key, value := range l.live {
			if !yield(key, value) {
				return
			}
		}
	}
}

// Stats returns the log's figures as of the last completed call.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// take makes the caller the owner, unless the log is closed.
func (l *Log) take() error {
	select {
	case <-l.closing:
		return l.closedError()
	default:
	}
	select {
	case <-l.closing:
		return l.closedError()
	case <-l.turn:
		return nil
	}
}

func (l *Log) leave() { l.turn <- struct{}{} }

func (l *Log) closedError() error {
	return fmt.Errorf("store in %s: %w", l.opts.Dir, ErrClosed)
}

// Close implements PersistValue. It ends a running compaction, notes in the file
// that the store was closed, and releases the lock.
func (l *Log) Close() error {
	var err error
	l.close.Do(func() {
		close(l.closing)
		<-l.turn
		err = l.shut()
	})
	return err
}

func (l *Log) shut() error {
	l.dropCompaction()
	failed := l.noteClosed()
	closed := l.file.f.Close()
	l.closers.Wait()
	if err := errors.Join(failed, closed, l.lock.Close()); err != nil {
		return fmt.Errorf("close store in %s: %w", l.opts.Dir, err)
	}
	return nil
}

// noteClosed appends the record that says so. Without it nothing is lost but a
// little protection of the last batch, so a full disk is no error here.
func (l *Log) noteClosed() error {
	if l.broken != nil || l.noted {
		return nil
	}
	if _, err := l.file.append(kindClosed, nil); err != nil {
		l.logger().WithError(err).Warn("store could not note that it was closed")
		return l.file.calls.truncate(l.file.f, l.file.end)
	}
	if !l.opts.Sync {
		return nil
	}
	return l.file.sync()
}

func (l *Log) logger() logrus.FieldLogger { return l.opts.Logger.WithField("store", l.opts.Dir) }
