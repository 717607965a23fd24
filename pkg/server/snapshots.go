package server

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// pageBytes is about how much a page holds; a single larger value is a page
	// of its own. What NATS reads and writes in one piece (maxBufSize in its
	// client.go): larger ones hold up the answers and events behind them.
	pageBytes = 64 << 10
	// snapshotIdle is how long the server keeps a snapshot for its next page.
	snapshotIdle = 10 * time.Second
	// snapshotsKept bounds how many it keeps; beyond, the one that waited
	// longest goes, and its reader begins again.
	snapshotsKept = 256
)

// snapshots keeps the views of which more pages may be asked. Safe for
// concurrent use.
type snapshots struct {
	mu   sync.Mutex // guards kept
	kept map[string]*kept
}

type kept struct {
	result nkv.Result
	idle   time.Duration
	used   time.Time
}

func newSnapshots() *snapshots { return &snapshots{kept: map[string]*kept{}} }

// keep returns the id under which a snapshot can be found, until nobody asked for it
// for some time.
func (s *snapshots) keep(result nkv.Result, idle time.Duration) string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= snapshotsKept {
		oldest, at := "", time.Time{}
		for id, k := range s.kept {
			if oldest == "" || k.used.Before(at) {
				oldest, at = id, k.used
			}
		}
		delete(s.kept, oldest)
	}
	s.kept[id] = &kept{result, idle, time.Now()}
	return id
}

func (s *snapshots) find(id string) (nkv.Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[id]
	if k == nil {
		return nkv.Result{}, false
	}
	k.used = time.Now()
	return k.result, true
}

func (s *snapshots) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, id)
}

// sweep drops what nobody asked for in a while.
func (s *snapshots) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.kept {
		if now.Sub(k.used) > k.idle {
			delete(s.kept, id)
		}
	}
}

// snapshot answers with the first page of a table, or with the page that the
// header Nkv-Snapshot asks for.
func (r *request) snapshot() error {
	if _, err := r.table(); err != nil {
		return err
	}
	if err := r.mayRead(r.target); err != nil {
		return err
	}
	match, err := r.keyFilter()
	if err != nil {
		return err
	}
	if token := r.header.Get(wire.HeaderSnapshot); token != "" {
		return r.nextPage(token, match)
	}
	r.submit(nkv.Request{Op: nkv.OpSnapshot, Table: r.target}, func(result nkv.Result) {
		if result.View.Bytes < pageBytes {
			r.page(result, "", 0, match)
			return
		}
		// Sorting and encoding much would hold up the core.
		r.server.workers.Go(func() { r.page(result, "", 0, match) })
	})
	return nil
}

// keyFilter reads the header Nkv-Pattern; nil: all keys.
func (r *request) keyFilter() (func(string) bool, error) {
	text := r.header.Get(wire.HeaderPattern)
	if text == "" {
		return nil, nil
	}
	pattern, err := wire.ParsePattern(text)
	if err != nil {
		return nil, err
	}
	if !pattern.MatchTable(r.target) {
		return nil, fmt.Errorf("%w: %q selects nothing in table %s", wire.ErrInvalidPattern, text, r.target)
	}
	return pattern.MatchKey, nil
}

func (r *request) nextPage(token string, match func(string) bool) error {
	id, offset, ok := strings.Cut(token, ".")
	from, err := strconv.Atoi(offset)
	if !ok || err != nil || from < 0 {
		return fmt.Errorf("%w: %s is %q; give what %s gave", wire.ErrInvalidHeader, wire.HeaderSnapshot, token, wire.HeaderNext)
	}
	result, ok := r.server.snapshots.find(id)
	if !ok || result.Info.Table != r.target {
		return fmt.Errorf("%w: of table %s; it is kept for %s between pages; begin again", errSnapshot, r.target, snapshotIdle)
	}
	r.server.workers.Go(func() { r.page(result, id, from, match) })
	return nil
}

// page answers with the page that begins at an entry's number.
func (r *request) page(result nkv.Result, id string, from int, match func(string) bool) {
	entries := result.View.Entries()
	limit := min(pageBytes, r.server.opts.MaxValue+wire.HeaderSpace/2)
	var page []byte
	i := min(from, len(entries))
	for ; i < len(entries); i++ {
		e := entries[i]
		if match != nil && !match(e.Key) {
			continue
		}
		size := len(e.Key) + len(e.Value) + 40
		if len(page) > 0 && len(page)+size > limit {
			break
		}
		page = slices.Grow(page, size)
		page = wire.AppendRecord(page, e.Revision, e.Key, e.Value)
	}
	header := revision(result.View.Head)
	header.Set(wire.HeaderStore, result.View.Store) // that of today may be a later one
	switch {
	case i < len(entries):
		if id == "" {
			id = r.server.snapshots.keep(result, snapshotIdle)
		}
		header.Set(wire.HeaderNext, id+"."+strconv.Itoa(i))
	case id != "":
		r.server.snapshots.drop(id)
	}
	if from == 0 {
		info := result.Info
		info.Head = result.View.Head
		header.Set(wire.HeaderTable, string(encodeInfo(info)))
	}
	r.answer(header, page)
}
