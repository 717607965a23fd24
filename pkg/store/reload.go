package store

import (
	"errors"
	"fmt"
	"io/fs"
)

// Reload implements PersistValue. It reads the file anew and writes what it
// found into a new file, synced, in place of the old one: after a sync that
// failed, the system's cache may show what the medium does not have, so reading
// alone proves nothing. It needs room for one more copy of the live bytes; when
// it fails, the log stays as it was before, and Reload can be called again.
func (l *Log) Reload() error {
	if err := l.take(); err != nil {
		return err
	}
	defer l.leave()
	l.dropCompaction()
	if l.broken == nil {
		l.broken = errors.New("a reload that did not complete")
	}
	f, c, _, err := readFile(l.opts.Files, l.opts.Dir, "")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; it was removed while the store was open", err)
		}
		return fmt.Errorf("reload store in %s: %w", l.opts.Dir, err)
	}
	f.f.Close()
	if c.torn != nil {
		l.logCut(c)
	}
	if err := l.replace(c); err != nil {
		return fmt.Errorf("reload store in %s: %w", l.opts.Dir, err)
	}
	l.logger().WithField("keys", len(c.live)).Info("store was reloaded")
	return nil
}

// Reset empties the log: wholly or, when it returns an error, not at all
// (ErrNotCommitted), or unknown until Reload or another Reset returned nil
// (ErrUnknown).
func (l *Log) Reset() error {
	if err := l.take(); err != nil {
		return err
	}
	defer l.leave()
	l.dropCompaction()
	if err := l.replace(contents{live: make(map[string][]byte)}); err != nil {
		outcome := ErrNotCommitted
		if l.broken != nil {
			outcome = ErrUnknown
		}
		return fmt.Errorf("reset store in %s: %w: %w", l.opts.Dir, outcome, err)
	}
	return nil
}

// replace puts a new file with these contents in place of the one that is
// there, and shows them. The log is unbroken when it returns nil.
func (l *Log) replace(c contents) error {
	f, err := createFile(l.opts.Files, l.opts.Dir, l.epoch())
	if err != nil {
		return err
	}
	if err := l.fill(f, c.live); err != nil {
		f.discard()
		return err
	}
	if err := l.putInPlace(f); err != nil {
		return err
	}
	l.broken, l.noted = nil, false
	l.show(c)
	return nil
}

// fill makes f a complete file with what is live.
func (l *Log) fill(f *file, live map[string][]byte) error {
	if err := f.begin(l.opts.Sync); err != nil {
		return err
	}
	if err := f.appendLive(live); err != nil {
		return err
	}
	return f.complete(l.opts.Sync)
}

// putInPlace makes f, which is complete, the log's file. When it
// fails, f is removed and the log goes on with the file it had; or, where that
// can't be known to hold, the log is broken.
func (l *Log) putInPlace(f *file) error {
	if err := f.rename(l.opts.Dir); err != nil {
		f.discard()
		if l.file != nil && !l.file.hasName(l.opts.Dir) {
			l.broken = err
		}
		return err
	}
	if old := l.file; old != nil {
		// Closing the last use of a large file frees its blocks, which takes a
		// while.
		l.closers.Go(func() { old.f.Close() })
	}
	l.file, l.retryAt = f, 0
	if !l.opts.Sync {
		return nil // the old name is as good after a reboot: the epoch is another one
	}
	if err := l.opts.Files.syncDir(l.opts.Dir); err != nil {
		l.broken = err
		return err
	}
	return nil
}

// epoch is what a new file carries.
func (l *Log) epoch() string {
	if l.opts.Epoch == "" && l.file != nil {
		return l.file.header.epoch
	}
	return l.opts.Epoch
}
