package eve

import (
	"path/filepath"

	"github.com/evenkv/nkv/pkg/wire"
)

// Root is the directory below which the original's directories lie: "/" on a
// device.
type Root string

// Status is the directory of all durable tables.
func (r Root) Status() string { return filepath.Join(string(r), "persist", "status") }

// Run is the directory of all volatile tables, and of the sockets.
func (r Root) Run() string { return filepath.Join(string(r), "run") }

// Dir is the directory of one table: a file for each key, <key>.json, and the
// file "restarted" with the restart counter while that is not zero.
func (r Root) Dir(t wire.Table, durable bool) string {
	if durable {
		return filepath.Join(r.Status(), filepath.FromSlash(Name(t)))
	}
	return filepath.Join(r.Run(), filepath.FromSlash(Name(t)))
}

// Socket is the path of the socket on which a table is published.
func (r Root) Socket(t wire.Table) string { return r.Dir(t, false) + ".sock" }

// Large is the directory of the fields that are too large for a message. Nothing
// in it outlives a boot.
func (r Root) Large() string { return filepath.Join(string(r), "persist", "pubsub-large") }
