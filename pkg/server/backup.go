package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// backupIdle is how long the server keeps a backup for its next page: whoever
// takes it may have to write the last one to something slow.
const backupIdle = 2 * time.Minute

// everything stands for all tables, in questions to the rules of access.
const everything = "every table"

// position is where a page of a backup begins: with an entry of a table, or, when
// it is 0 and the table's line was not told yet, with that line.
type position struct{ table, entry int }

// backup answers with a page of all tables as of one instant, or with the page that
// the header Nkv-Snapshot asks for.
func (r *request) backup() error {
	if token := r.header.Get(wire.HeaderSnapshot); token != "" {
		return r.nextBackup(token)
	}
	r.submit(nkv.Request{Op: nkv.OpBackup}, func(result nkv.Result) {
		// Sorting and encoding much would hold up the core.
		r.server.workers.Go(func() { r.firstBackup(result) })
	})
	return nil
}

func (r *request) nextBackup(token string) error {
	parts := strings.Split(token, ".")
	var from position
	var err1, err2 error
	if len(parts) == 3 {
		from.table, err1 = strconv.Atoi(parts[1])
		from.entry, err2 = strconv.Atoi(parts[2])
	}
	if len(parts) != 3 || err1 != nil || err2 != nil || from.table < 0 || from.entry < 0 {
		return fmt.Errorf("%w: %s is %q; give what %s gave", wire.ErrInvalidHeader, wire.HeaderSnapshot, token, wire.HeaderNext)
	}
	result, ok := r.server.snapshots.find(parts[0])
	if !ok || result.Views == nil {
		return fmt.Errorf("%w: a backup is kept for %s between pages; begin again", errSnapshot, backupIdle)
	}
	if err := r.mayBackUp(result); err != nil {
		return err
	}
	r.server.workers.Go(func() { r.backupPage(result, parts[0], from, nil) })
	return nil
}

// mayBackUp refuses a backup to who may not read all of it: one with some tables
// left out would, restored, remove them.
func (r *request) mayBackUp(result nkv.Result) error {
	for _, info := range result.Infos {
		if err := r.mayRead(info.Table); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) firstBackup(result nkv.Result) {
	if err := r.mayBackUp(result); err != nil {
		r.refuse(err)
		return
	}
	info := wire.BackupInfo{
		Store: r.server.core.StoreID(), Revision: result.Revision, Time: time.Now().UTC(), Version: r.server.opts.Version,
		Tables: len(result.Views),
	}
	for _, view := range result.Views {
		info.Store = view.Store
		info.Keys += view.Keys
		info.Bytes += view.Bytes
	}
	page, err := wire.AppendLine(nil, info)
	if err != nil {
		r.refuse(err)
		return
	}
	r.backupPage(result, "", position{}, page)
}

// backupPage answers with the page that begins at a position, after what is on it
// already.
func (r *request) backupPage(result nkv.Result, id string, at position, page []byte) {
	limit := min(pageBytes, r.server.opts.MaxValue+wire.HeaderSpace/2)
	full := func(size int) bool { return len(page) > 0 && len(page)+size > limit }
	for at.table < len(result.Views) {
		view := result.Views[at.table]
		entries := view.Entries()
		if at.entry == 0 {
			info := tableInfo(result.Infos[at.table])
			line, err := wire.AppendLine(nil, info)
			if err != nil {
				r.refuse(err)
				return
			}
			if full(len(line)) {
				break
			}
			page = append(page, line...)
			at.entry = 1 // the line is the first part
		}
		for at.entry <= len(entries) {
			e := entries[at.entry-1]
			size := len(e.Key) + len(e.Value) + 40
			if full(size) {
				break
			}
			page = slices.Grow(page, size)
			page = wire.AppendRecord(page, e.Revision, e.Key, e.Value)
			at.entry++
		}
		if at.entry <= len(entries) {
			break
		}
		at = position{table: at.table + 1}
	}
	header := revision(result.Revision)
	switch {
	case at.table < len(result.Views):
		if id == "" {
			id = r.server.snapshots.keep(result, backupIdle)
		}
		header.Set(wire.HeaderNext, fmt.Sprintf("%s.%d.%d", id, at.table, at.entry))
	case id != "":
		r.server.snapshots.drop(id)
	}
	r.answer(header, page)
}
