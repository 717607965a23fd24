package nkv

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Entry is one key with its value. It never changes.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
}

// Info describes a table as of its head.
type Info struct {
	Table       string
	Durable     bool
	Head        uint64
	Keys        int
	Bytes       int64  // sum of the values' sizes
	Opened      bool   // since boot; of a durable table: ever
	Owner       *Owner // nil: nobody
	Restart     uint64
	Fence       uint64 // of the newest opening; 0: never
	Fingerprint string
}

// View is one table as of its head. It never changes, and is safe for concurrent
// use.
type View struct {
	Info
	Store   string // the store id
	entries []*Entry
	sorted  sync.Once
}

// Entries returns the table's keys by revision, the oldest first. The slice must
// not be changed.
func (v *View) Entries() []*Entry {
	v.sorted.Do(func() {
		slices.SortFunc(v.entries, func(a, b *Entry) int { return cmp.Compare(a.Revision, b.Revision) })
	})
	return v.entries
}

// table is one table in memory. The core's goroutine owns it.
type table struct {
	name string
	meta meta
	keys map[string]*Entry
	size int64
	view *View // of the current head; nil: not made yet

	unsaved bool // its description is not in the store

	since time.Time // of the opening, for people
	gone  time.Time // when the owner's connection went; zero while it is there
}

// meta is the part of a table that is persisted with it, besides its keys.
type meta struct {
	Durable     bool     `json:"durable"`
	Head        uint64   `json:"head"`
	Opened      bool     `json:"opened,omitempty"`
	Owned       bool     `json:"owned,omitempty"`
	Owner       Instance `json:"owner,omitzero"`
	Fence       uint64   `json:"fence,omitempty"`
	Restart     uint64   `json:"restart,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
}

// put and remove keep size and view right.
func (t *table) put(e *Entry) {
	if old := t.keys[e.Key]; old != nil {
		t.size -= int64(len(old.Value))
	}
	t.keys[e.Key] = e
	t.size += int64(len(e.Value))
	t.view = nil
}

func (t *table) remove(key string) {
	if old := t.keys[key]; old != nil {
		t.size -= int64(len(old.Value))
		delete(t.keys, key)
	}
	t.view = nil
}

// info describes the table with m as its meta data.
func (c *Core) info(t *table, m meta) Info {
	info := Info{
		Table: t.name, Durable: m.Durable, Head: m.Head, Keys: len(t.keys), Bytes: t.size,
		Opened: m.Opened, Restart: m.Restart, Fence: m.Fence, Fingerprint: m.Fingerprint,
	}
	if m.Owned {
		info.Owner = &Owner{Instance: m.Owner, Connected: c.connected(m.Owner), Since: t.since}
	}
	return info
}

// snapshot returns the view of the table's head, shared by all who ask for it
// while nothing changes. What the owner's connection does changes no head, so
// the description is made anew each time.
func (c *Core) snapshot(t *table) *View {
	if t.view == nil {
		entries := make([]*Entry, 0, len(t.keys))
		for _, e := range t.keys {
			entries = append(entries, e)
		}
		t.view = &View{Info: c.info(t, t.meta), Store: c.StoreID(), entries: entries}
	}
	return t.view
}
