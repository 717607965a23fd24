package store

import "iter"

// Op is one change of a batch: a put of Value under Key, or, with Delete set,
// the removal of Key (removing a key that is not there is not an error).
//
// Keys are opaque to a store: any bytes, 1 to 64 KiB. Values are opaque too, up
// to 64 MiB. A store keeps the slice that it is given and never changes it; the
// caller must not change it either.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
}

// PersistValue brings the server's state back after its end. The server holds
// all state in memory itself; a store is asked for it once, at the start, and
// told of every change after that.
//
// One goroutine uses a PersistValue at a time, except Close, which may be called
// from any.
type PersistValue interface {
	// All yields every key with its value, in no particular order, as of the
	// last batch that was committed. The values must not be changed.
	All() iter.Seq2[string, []byte]

	// Commit applies a batch wholly or not at all. When it returns nil, the
	// batch survives what the store was opened for: see Options. It returns
	//   - ErrNotCommitted (wrapped, with the cause) when the batch certainly did
	//     not happen and the store goes on serving: disk full, batch too large;
	//   - ErrUnknown (wrapped) when it is not known whether the batch would be
	//     found after a restart, as after a failed sync. Every later Commit is
	//     refused with ErrUnknown until Reload returned nil.
	Commit(batch []Op) error

	// Reload forgets what is in memory, reads everything from the medium again
	// and makes the store usable after ErrUnknown: what All yields then is what
	// is on the medium, and it stays.
	Reload() error

	// Close releases files and locks. It is idempotent, and safe to call while
	// another goroutine commits: that commit then finishes or is refused.
	Close() error
}
