package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// restoreIdle is how long what was brought for a restore is kept for more.
	restoreIdle = 10 * time.Second
	// restoreMost is how much one restore may bring, values and names, in bytes: it
	// becomes one batch of the store, which has room for that and what removes the old.
	restoreMost = store.MaxBatch / 2
	// recordSpace is what a record of the batch takes besides its names and its value,
	// at the most.
	recordSpace = 32
	// metaSpace is what the description of a table takes besides its names, about.
	metaSpace = 200
)

var (
	errRestore     = errors.New("no such restore")
	errRestoreBusy = errors.New("another restore is under way")
)

// restores hold what a restore has brought so far: one at a time. Safe for
// concurrent use.
type restores struct {
	mu  sync.Mutex // guards all below
	now *restore   // nil: none
}

// restore is one that is being brought.
type restore struct {
	id      string
	asker   *session
	want    wire.RestoreRequest
	got     wire.RestoreRequest
	size    int // of its records in the batch
	images  []nkv.Image
	missing int             // records of the last table that have not come yet
	known   map[string]bool // tables and paths
	used    time.Time
}

// sweep drops what nobody went on with.
func (s *restores) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil && now.Sub(s.now.used) > restoreIdle {
		s.now = nil
	}
}

// restore takes one step of a restore.
func (r *request) restore() error {
	if err := r.mayWrite(everything); err != nil {
		return err
	}
	switch r.target {
	case wire.RestoreBegin:
		return r.restoreBegin()
	case wire.RestoreAdd:
		return r.restoreAdd()
	case wire.RestoreCommit:
		return r.restoreCommit()
	}
	return fmt.Errorf("%w: restore has the steps %s, %s and %s, not %q", wire.ErrInvalidSubject,
		wire.RestoreBegin, wire.RestoreAdd, wire.RestoreCommit, r.target)
}

func (r *request) restoreBegin() error {
	var want wire.RestoreRequest
	if err := r.body(&want); err != nil {
		return err
	}
	if want.Bytes > restoreMost {
		return fmt.Errorf("restore: %w", tooMuch())
	}
	all := &r.server.restores
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.now != nil && all.now.asker != r.asker && time.Since(all.now.used) < restoreIdle {
		return fmt.Errorf("%w: %s; it is given up when it takes no step for %s: try again then", nkv.ErrUnavailable, errRestoreBusy, restoreIdle)
	}
	all.now = &restore{id: rand.Text(), asker: r.asker, want: want, known: map[string]bool{}, used: time.Now()}
	header := wire.Header{}
	header.Set(wire.HeaderNext, all.now.id)
	r.answer(header, nil)
	return nil
}

// find returns the restore that a step belongs to. The lock is held.
func (s *restores) find(r *request) (*restore, error) {
	if s.now == nil || s.now.id != r.header.Get(wire.HeaderSnapshot) || s.now.asker != r.asker {
		return nil, fmt.Errorf("%w: %w: what is brought is kept for %s between steps; begin again; nothing was changed", errSnapshot, errRestore, restoreIdle)
	}
	s.now.used = time.Now()
	return s.now, nil
}

func (r *request) restoreAdd() error {
	all := &r.server.restores
	all.mu.Lock()
	defer all.mu.Unlock()
	now, err := all.find(r)
	if err != nil {
		return err
	}
	if err := now.add(r.msg.Data, r.server); err != nil {
		all.now = nil
		return fmt.Errorf("restore: %w; nothing was changed", err)
	}
	r.answer(wire.Header{}, nil)
	return nil
}

// tooMuch refuses what would not be one batch.
func tooMuch() error {
	return fmt.Errorf("%w: more than %d bytes, of values and names, can't be restored at once", errTooLarge, restoreMost)
}

// grow counts a record of the batch.
func (now *restore) grow(size int) error {
	if now.size += size + recordSpace; now.size > restoreMost {
		return tooMuch()
	}
	return nil
}

// add takes a page.
func (now *restore) add(page []byte, s *Server) error {
	for len(page) > 0 {
		info, rest, section, err := wire.NextSection(page)
		if err != nil {
			return err
		}
		page = rest
		if section {
			if err := now.table(info); err != nil {
				return err
			}
			continue
		}
		var record wire.Record
		if record, page, err = wire.NextRecord(page); err != nil {
			return err
		}
		if err := now.record(record, s); err != nil {
			return err
		}
	}
	return nil
}

// table begins a table.
func (now *restore) table(info wire.TableInfo) error {
	switch {
	case now.missing > 0:
		return fmt.Errorf("%w: table %s comes before the last one is whole", wire.ErrInvalidBody, info.Table)
	case !info.Durable:
		return fmt.Errorf("%w: table %s is volatile; only durable tables are restored", wire.ErrInvalidBody, info.Table)
	case now.known[info.Table]:
		return fmt.Errorf("%w: table %s comes twice", wire.ErrInvalidBody, info.Table)
	}
	if err := now.grow(len(info.Table) + len(info.Fingerprint) + metaSpace); err != nil {
		return err
	}
	now.known[info.Table] = true
	now.missing = info.Keys
	now.got.Tables++
	now.images = append(now.images, nkv.Image{Table: info.Table, Opened: info.Opened, Restart: info.Restart, Fingerprint: info.Fingerprint})
	return nil
}

// record adds a key to the last table.
func (now *restore) record(record wire.Record, s *Server) error {
	if now.missing == 0 {
		return fmt.Errorf("%w: a key without a table", wire.ErrInvalidBody)
	}
	image := &now.images[len(now.images)-1]
	key := wire.EncodeToken(record.Key)
	path := image.Table + "." + key
	switch {
	case now.known[path]:
		return fmt.Errorf("%w: key %s comes twice", wire.ErrInvalidBody, path)
	case len(path) > wire.MaxPath:
		return fmt.Errorf("%w: path %s has %d bytes, at most %d are allowed", wire.ErrInvalidBody, path, len(path), wire.MaxPath)
	case len(record.Value) > s.opts.MaxValue:
		return fmt.Errorf("%w: %s has %d bytes; the limit is %d", errTooLarge, path, len(record.Value), s.opts.MaxValue)
	}
	if err := s.mayBeFile(path, record.Value); err != nil {
		return err
	}
	if err := now.grow(len(path) + len(record.Value)); err != nil {
		return err
	}
	now.known[path] = true
	now.missing--
	now.got.Keys++
	now.got.Bytes += int64(len(record.Value))
	image.Entries = append(image.Entries, nkv.Entry{Key: key, Value: record.Value})
	return nil
}

func (r *request) restoreCommit() error {
	all := &r.server.restores
	all.mu.Lock()
	now, err := all.find(r)
	if err == nil {
		all.now = nil
		if now.missing > 0 || now.got != now.want {
			err = fmt.Errorf("%w: restore: %d tables, %d keys, %d bytes came, %d, %d, %d were announced; nothing was changed",
				wire.ErrInvalidBody, now.got.Tables, now.got.Keys, now.got.Bytes, now.want.Tables, now.want.Keys, now.want.Bytes)
		}
	}
	all.mu.Unlock()
	if err != nil {
		return err
	}
	r.server.log.WithField("agent", r.asker.identity.Agent).Warnf("a restore replaces all durable tables by %d, with %d keys", now.got.Tables, now.got.Keys)
	r.submit(nkv.Request{Op: nkv.OpRestore, Images: now.images}, func(result nkv.Result) { r.answer(revision(result.Revision), nil) })
	return nil
}
