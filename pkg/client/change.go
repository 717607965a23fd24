package client

import "github.com/evenkv/nkv/pkg/wire"

// Op says what a Change tells.
type Op int

// The operations of changes.
const (
	Put          Op = iota + 1 // Key has Value now
	Delete                     // Key is gone; it may never have been told when it was there only shortly
	Restarted                  // the owner's restart counter is Info.Restart now
	TableOpened                // an owner opened the table
	TableClosed                // the table has no owner any more
	Synchronized               // every key of the first snapshot came before this
)

// Change is one thing that a subscription tells.
type Change struct {
	Op       Op
	Table    string // encoded
	Key      string // text, not encoded; empty for marks
	Value    []byte // of a put; not to be changed
	Revision uint64
	Info     wire.TableInfo // of a mark
}

func (c Change) isMark() bool { return c.Op != Put && c.Op != Delete }
