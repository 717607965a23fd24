package nkv

import (
	"cmp"
	"fmt"
	"slices"
)

// read answers a request that changes nothing, from what is applied.
func (c *Core) read(r Request) Result {
	switch r.Op {
	case OpGet:
		return c.get(r)
	case OpSnapshot:
		t := c.tables[r.Table]
		if t == nil {
			return Result{Info: Info{Table: r.Table}, View: &View{Info: Info{Table: r.Table}, Store: c.StoreID()}}
		}
		return Result{Info: c.info(t, t.meta), View: c.snapshot(t)}
	case OpHeads:
		return c.heads(r)
	case OpTables:
		return c.list(r)
	case OpStatus:
		return c.status()
	case OpBackup:
		return c.backup()
	}
	return Result{Err: fmt.Errorf("%w: operation %d", ErrNotFound, r.Op)}
}

func (c *Core) get(r Request) Result {
	t := c.tables[r.Table]
	if t == nil {
		return Result{Err: fmt.Errorf("%w: table %s", ErrNotFound, r.Table)}
	}
	e := t.keys[r.Key]
	if e == nil {
		return Result{Err: fmt.Errorf("%w: key %s of table %s", ErrNotFound, r.Key, r.Table)}
	}
	return Result{Entry: e, Revision: e.Revision}
}

func (c *Core) heads(r Request) Result {
	heads := make(map[string]uint64, len(r.Tables))
	for _, name := range r.Tables {
		if t := c.tables[name]; t != nil {
			heads[name] = t.meta.Head
		}
	}
	if r.Match != nil {
		for name, t := range c.tables {
			if r.Match(name) {
				heads[name] = t.meta.Head
			}
		}
	}
	return Result{Heads: heads}
}

func (c *Core) list(r Request) Result {
	infos := make([]Info, 0, len(c.tables))
	for name, t := range c.tables {
		if r.Match == nil || r.Match(name) {
			infos = append(infos, c.info(t, t.meta))
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.Table, b.Table) })
	return Result{Infos: infos}
}

func (c *Core) status() Result {
	s := Status{Revision: c.revision, Tables: len(c.tables), Durable: c.durable.trouble(), Volatile: c.volatile.trouble()}
	for _, t := range c.tables {
		s.Keys += len(t.keys)
		s.Bytes += t.size
	}
	return Result{Status: s}
}

// trouble says why a lane does not commit; nil: it does.
func (l *lane) trouble() error {
	if l.broken != nil {
		return l.broken
	}
	return l.refused
}
