package store

import (
	"errors"
	"fmt"
)

// Commit implements PersistValue: one write, and one sync if the log is durable.
// It may have to wait for a compaction that can't keep up, so that the disk use
// stays bounded.
func (l *Log) Commit(batch []Op) error {
	if err := l.take(); err != nil {
		return err
	}
	defer l.leave()
	if l.broken != nil {
		return fmt.Errorf("commit of %d operations to store in %s: %w until it is reloaded; it began with: %w",
			len(batch), l.opts.Dir, ErrUnknown, l.broken)
	}
	if len(batch) == 0 {
		return nil
	}
	if err := checkBatch(batch); err != nil {
		return l.failed(batch, ErrNotCommitted, err)
	}
	if err := l.advanceCompaction(); err != nil {
		return l.failed(batch, ErrUnknown, err)
	}
	if err := l.write(batch); err != nil {
		return err
	}
	l.apply(batch)
	l.startCompaction()
	return nil
}

// write appends a batch to the file.
func (l *Log) write(batch []Op) error {
	f := l.file
	before, sequence := f.end, f.sequence
	l.noted = false
	n, err := f.append(kindBatch, batch)
	if err != nil {
		return l.undo(batch, before, n, err)
	}
	if !l.opts.Sync {
		return nil
	}
	if err := f.sync(); err != nil {
		f.end, f.sequence = before, sequence
		l.broken = err
		return l.failed(batch, ErrUnknown, err)
	}
	return nil
}

// undo takes back a write that failed after n bytes.
func (l *Log) undo(batch []Op, before int64, n int, cause error) error {
	if n == 0 {
		return l.failed(batch, ErrNotCommitted, cause) // there is nothing to take back, as on a read-only disk
	}
	f := l.file
	err := f.calls.truncate(f.f, before)
	// A part of a record means nothing, wherever a power cut may bring it back
	// from. All of it would mean something, so its cut must be on the medium.
	if whole := n == len(f.enc.buf); err == nil && whole && l.opts.Sync {
		err = f.sync()
	}
	if err != nil {
		l.broken = errors.Join(cause, fmt.Errorf("take the write back: %w", err))
		return l.failed(batch, ErrUnknown, l.broken)
	}
	return l.failed(batch, ErrNotCommitted, cause)
}

func (l *Log) failed(batch []Op, outcome, cause error) error {
	advice := "the store goes on; try again when the cause is gone"
	if errors.Is(outcome, ErrUnknown) {
		advice = "reload the store"
	}
	return fmt.Errorf("commit of %d operations to store in %s: %w: %w; %s", len(batch), l.opts.Dir, outcome, cause, advice)
}

// apply makes a committed batch what the log holds.
func (l *Log) apply(batch []Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := contents{live: l.live, bytes: l.stats.LiveBytes}
	for _, op := range batch {
		c.apply(op)
	}
	added := l.file.end - l.stats.FileBytes
	l.stats.Keys, l.stats.LiveBytes, l.stats.FileBytes = len(l.live), c.bytes, l.file.end
	if l.compaction != nil {
		l.pending = append(l.pending, batch)
		l.pendingSince += added
		l.stats.PendingBytes += added
	}
}
