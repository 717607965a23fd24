package store

import (
	"errors"
	"time"

	"github.com/sirupsen/logrus"
)

// # Compaction
//
// When the dead bytes of the file exceed the live ones and the floor, a
// goroutine writes what is live into a new file, while commits go on in the old
// one. It walks the live keys in steps, so it sees each key as of some instant
// since it began. Every batch that was committed since then is in l.pending and
// is appended behind. Batches only put and delete, so the last word on each key
// is right: a key that no batch touched is as it was all the time.
//
// When little is pending, the goroutine seals the new file and ends. The next
// Commit, on its own goroutine, appends the rest, syncs it, renames the new file
// over the old one, syncs the directory, and goes on there. Before the rename
// the old file is complete, and after it the new one is, so a crash at any step
// loses nothing; a new file without its name is removed at the next opening.
type compaction struct {
	file  *file
	stop  chan struct{} // closed to make it end early
	done  chan struct{} // closed when it ended; then err and file are the owner's
	err   error
	began time.Time
}

const (
	// syncEvery is how much a compaction writes between two syncs, in bytes. A
	// long way behind makes the sync of a Commit wait on common file systems.
	syncEvery = 1 << 20
	// handoverBytes is how much may be pending when a compaction ends, about:
	// the Commit that takes over writes it.
	handoverBytes = 32 << 10
)

var errStopped = errors.New("compaction was stopped")

// startCompaction starts one if it is due.
func (l *Log) startCompaction() {
	dead := l.file.end - sector - l.stats.LiveBytes
	if l.compaction != nil || dead <= max(l.stats.LiveBytes, l.opts.Floor) || l.file.end < l.retryAt {
		return
	}
	c := &compaction{stop: make(chan struct{}), done: make(chan struct{}), began: time.Now()}
	if c.file, c.err = createFile(l.opts.Files, l.opts.Dir, l.epoch()); c.err != nil {
		l.compactionFailed(c.err)
		return
	}
	l.compaction = c
	go func() {
		defer close(c.done)
		c.err = c.run(l)
	}()
}

// run writes the new file. It is the compaction's goroutine.
func (c *compaction) run(l *Log) error {
	if err := c.file.begin(l.opts.Sync); err != nil {
		return err
	}
	synced := c.file.end
	pace := func() error {
		select {
		case <-c.stop:
			return errStopped
		default:
		}
		if !l.opts.Sync || c.file.end-synced < syncEvery {
			return nil
		}
		synced = c.file.end
		return c.file.sync()
	}
	if err := c.copyLive(l, pace); err != nil {
		return err
	}
	for {
		batches, bytes := l.takePending()
		for _, batch := range batches {
			if _, err := c.file.append(kindBatch, batch); err != nil {
				return err
			}
			if err := pace(); err != nil {
				return err
			}
		}
		if bytes <= handoverBytes {
			return c.file.complete(l.opts.Sync)
		}
	}
}

// copyLive writes every live key, holding the lock only to gather some.
func (c *compaction) copyLive(l *Log, pace func() error) error {
	chunk := chunk{file: c.file}
	l.mu.Lock()
	for key, value := range l.live {
		if !chunk.add(key, value) {
			continue
		}
		// A map may change between two steps of a walk: what was not touched is
		// met once, and what was touched is pending.
		l.mu.Unlock()
		err := chunk.flush()
		if err == nil {
			err = pace()
		}
		l.mu.Lock()
		if err != nil {
			l.mu.Unlock()
			return err
		}
	}
	l.mu.Unlock()
	return chunk.flush()
}

func (l *Log) takePending() ([][]Op, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batches, bytes := l.pending, l.pendingSince
	l.pending, l.pendingSince = nil, 0
	return batches, bytes
}

// pendingLimit is how much may be committed while a compaction runs before
// Commit waits for it.
func (l *Log) pendingLimit() int64 { return max(l.opts.Floor/2, l.stats.LiveBytes/8) }

// advanceCompaction takes a compaction over when it is done, and waits for it
// when too much was committed since it began. An error means that the log is
// broken; a compaction that merely failed is given up.
func (l *Log) advanceCompaction() error {
	c := l.compaction
	if c == nil {
		return nil
	}
	select {
	case <-c.done:
	default:
		if l.stats.PendingBytes <= l.pendingLimit() {
			return nil
		}
		l.noteWait()
		<-c.done
	}
	err := c.err
	if err == nil {
		err = l.catchUp(c)
	}
	l.endCompaction()
	if err != nil {
		c.file.discard()
		l.compactionFailed(err)
		return nil
	}
	before := l.file.end
	if err := l.putInPlace(c.file); err != nil {
		l.compactionFailed(err)
		return l.broken
	}
	l.mu.Lock()
	l.stats.Compactions++
	l.stats.FileBytes = l.file.end
	l.mu.Unlock()
	l.logger().WithFields(logrus.Fields{
		"before": before, "after": l.file.end, "duration": time.Since(c.began),
	}).Debug("store was compacted")
	return nil
}

func (l *Log) noteWait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Waits++
}

// catchUp appends what was committed since the compaction ended.
func (l *Log) catchUp(c *compaction) error {
	batches, _ := l.takePending()
	for _, batch := range batches {
		if _, err := c.file.append(kindBatch, batch); err != nil {
			return err
		}
	}
	if len(batches) == 0 || !l.opts.Sync {
		return nil
	}
	return c.file.sync()
}

// dropCompaction ends a compaction early and removes its file.
func (l *Log) dropCompaction() {
	c := l.compaction
	if c == nil {
		return
	}
	close(c.stop)
	<-c.done
	l.endCompaction()
	c.file.discard()
}

func (l *Log) endCompaction() {
	l.compaction = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending, l.pendingSince, l.stats.PendingBytes = nil, 0, 0
}

// compactionFailed puts the next try off until the file has grown some more.
func (l *Log) compactionFailed(err error) {
	l.retryAt = l.file.end + l.pendingLimit()
	l.logger().WithError(err).WithField("bytes", l.file.end).
		Error("store could not be compacted; it goes on and tries again later")
}
