package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/evenkv/nkv/agents/command"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// change is one accepted change or mark, as the server wrote it down.
type change = server.ChangeRecord

// history is everything that the server accepted, by table and key.
type history struct {
	changes int
	heads   map[string]uint64              // by table
	byKey   map[string]map[string][]change // by table, then key (text); by revision
	marks   map[string][]change            // by table
	seen    map[string]bool                // by table, key and revision
}

// lines reads a file of JSON lines. A last line without an end was being written
// when its process was killed, and is left out.
func lines[T any](file string) ([]T, error) {
	data, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer data.Close() //nolint:errcheck // it was only read
	var all []T
	for reader := bufio.NewReader(data); ; {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var one T
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", file, len(all)+1, err)
		}
		all = append(all, one)
	}
}

// readHistory reads what the server wrote down.
func readHistory(file string) (*history, error) {
	records, err := lines[change](file)
	if err != nil {
		return nil, err
	}
	h := &history{heads: map[string]uint64{}, byKey: map[string]map[string][]change{}, marks: map[string][]change{}, seen: map[string]bool{}}
	var found []change // by the start that is being read
	for _, c := range records {
		switch c.Op {
		case "found":
			found = append(found, c)
			continue
		case "start":
			if err := h.restart(found); err != nil {
				return nil, err
			}
			found = nil
			continue
		}
		if err := h.add(c); err != nil {
			return nil, err
		}
	}
	for _, keys := range h.byKey {
		for _, changes := range keys {
			slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.Revision, b.Revision) })
		}
	}
	return h, nil
}

func (h *history) add(c change) error {
	name := fmt.Sprint(c.Table, " ", c.Key, " ", c.Revision)
	if h.seen[name] && c.Revision > 0 {
		return nil
	}
	h.seen[name] = true
	h.changes++
	h.heads[c.Table] = max(h.heads[c.Table], c.Revision)
	if c.Op == "mark" {
		h.marks[c.Table] = append(h.marks[c.Table], c)
		return nil
	}
	key, err := wire.DecodeToken(c.Key)
	if err != nil {
		return err
	}
	if h.byKey[c.Table] == nil {
		h.byKey[c.Table] = map[string][]change{}
	}
	h.byKey[c.Table][key] = append(h.byKey[c.Table][key], c)
	return nil
}

// restart takes what a start of the server found. What was stored before it and
// not written down is in there; a key that is not was deleted, or a reboot took it
// away. That was after all else that was written down of its table.
func (h *history) restart(found []change) error {
	held := map[string]bool{} // table and encoded key
	for _, c := range found {
		held[c.Table+"."+c.Key] = true
	}
	for table, keys := range h.byKey {
		for key, changes := range keys {
			last := slices.MaxFunc(changes, func(a, b change) int { return cmp.Compare(a.Revision, b.Revision) })
			if encoded := wire.EncodeToken(key); last.Op == "put" && !held[table+"."+encoded] {
				keys[key] = append(changes, change{Op: "delete", Table: table, Key: encoded, Revision: h.heads[table] + 1})
			}
		}
	}
	for _, c := range found {
		c.Op = "put"
		if c.Key == "" {
			c.Op, c.Revision = "mark", 0 // it may be the state of any mark, so it proves no order
		}
		if err := h.add(c); err != nil {
			return err
		}
	}
	return nil
}

// asOf returns the newest change of a key up to a revision; nil: there is none.
func (h *history) asOf(table, key string, revision uint64) *change {
	var newest *change
	for i, c := range h.byKey[table][key] {
		if c.Revision <= revision {
			newest = &h.byKey[table][key][i]
		}
	}
	return newest
}

// view is what an agent knows of its tables, from its handler calls alone: by
// table and key, the change that was handled last.
type view struct {
	history  *history
	tables   map[string]map[string]handled
	marked   map[string]uint64 // newest revision of anything handled, by table
	synced   map[string]bool
	restarts map[string]uint64
}

type handled struct {
	revision uint64
	sha256   string
	gone     bool
}

// replay checks one life of an agent call by call: nothing invented, nothing
// twice, nothing older after something newer, no mark before what it covers.
func (h *history) replay(calls []command.HandlerCall) (*view, error) {
	v := &view{
		history: h, tables: map[string]map[string]handled{}, marked: map[string]uint64{},
		synced: map[string]bool{}, restarts: map[string]uint64{},
	}
	for i, call := range calls {
		if err := v.take(call); err != nil {
			return nil, fmt.Errorf("call %d (%s %s %q, revision %d): %w", i+1, call.Op, call.Table, call.Key, call.Revision, err)
		}
	}
	return v, nil
}

func (v *view) take(c command.HandlerCall) error {
	if c.Error != "" {
		return fmt.Errorf("the handler failed: %s", c.Error)
	}
	switch c.Op {
	case "synchronized":
		if v.synced[c.Table] {
			return errors.New("the table was synchronized already")
		}
		v.synced[c.Table] = true
		return nil
	case "restarted":
		return v.restarted(c)
	}
	keys := v.tables[c.Table]
	if keys == nil {
		keys = map[string]handled{}
		v.tables[c.Table] = keys
	}
	old, known := keys[c.Key]
	there := known && !old.gone
	if known && c.Revision <= old.revision {
		return fmt.Errorf("revision %d of the key was handled before", old.revision)
	}
	newest := v.history.asOf(c.Table, c.Key, c.Revision)
	switch c.Op {
	case "create", "modify":
		switch {
		case there != (c.Op == "modify"):
			return fmt.Errorf("the key was there before: %t", there)
		case newest == nil || newest.Op != "put" || newest.Revision != c.Revision:
			return errors.New("the server accepted no such change")
		case newest.SHA256 != c.SHA256:
			return errors.New("the value is not the one that the server accepted")
		case there && old.sha256 == c.SHA256:
			return errors.New("the value had not changed")
		}
		keys[c.Key] = handled{revision: c.Revision, sha256: c.SHA256}
	case "delete":
		switch {
		case !there:
			return errors.New("the key was not there")
		case newest != nil && newest.Op == "put":
			return fmt.Errorf("the server has the key, with revision %d", newest.Revision)
		case old.sha256 != c.SHA256:
			return errors.New("the old value is not the one that was handled last")
		}
		keys[c.Key] = handled{revision: c.Revision, gone: true}
	default:
		return fmt.Errorf("unknown operation")
	}
	return nil
}

// restarted checks that everything that was accepted before the mark was handled
// before it.
func (v *view) restarted(c command.HandlerCall) error {
	var mark *change
	for i, m := range v.history.marks[c.Table] {
		if m.Revision <= c.Revision && m.Restart == c.Counter && (mark == nil || m.Revision > mark.Revision) {
			mark = &v.history.marks[c.Table][i]
		}
	}
	if mark == nil {
		return fmt.Errorf("no mark with counter %d", c.Counter)
	}
	for key := range v.history.byKey[c.Table] {
		newest := v.history.asOf(c.Table, key, mark.Revision)
		if newest == nil {
			continue
		}
		got, known := v.tables[c.Table][key]
		if told := v.history.asOf(c.Table, key, c.Revision); !known && told.Op == "delete" {
			continue // it came and went before the agent looked
		}
		if newest.Op == "put" && known && !got.gone && got.sha256 == newest.SHA256 {
			continue // it may have changed, and back before it was handled
		}
		if newest.Op == "put" && (!known || got.revision < newest.Revision) {
			return fmt.Errorf("key %q, revision %d, was published before the mark and not handled", key, newest.Revision)
		}
		if newest.Op == "delete" && known && !got.gone && got.revision < newest.Revision {
			return fmt.Errorf("key %q was deleted before the mark and that was not handled", key)
		}
	}
	return nil
}

// equals compares a view with what the server holds, for the tables that the
// agent reads.
func (v *view) equals(reads []string, listed map[string]map[string]handled) error {
	for table, keys := range v.tables {
		for key, got := range keys {
			want, there := listed[table][key]
			switch {
			case got.gone && there:
				return fmt.Errorf("key %q of table %s: the agent was told that it is gone; the server has it", key, table)
			case !got.gone && !there:
				return fmt.Errorf("key %q of table %s: the agent has it; the server does not", key, table)
			case !got.gone && (got.sha256 != want.sha256 || got.revision > want.revision):
				return fmt.Errorf("key %q of table %s: the agent's value is not the server's", key, table)
			}
		}
	}
	for _, table := range reads {
		if !v.synced[table] {
			return fmt.Errorf("table %s was never synchronized", table)
		}
		for key := range listed[table] {
			if _, known := v.tables[table][key]; !known {
				return fmt.Errorf("key %q of table %s: the agent was never told", key, table)
			}
		}
	}
	return nil
}
