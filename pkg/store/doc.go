// Package store brings a server's state back after its end.
//
// The server holds all state in memory. It gives a store every change as an
// atomic batch, and asks it for everything once, at its start. So a store needs
// no index and no way to read one key: PersistValue is all there is.
//
// There are two engines. NewMemory keeps nothing beyond the process. OpenLog
// keeps an append-only file of checksummed batches, either durable (synced, it
// survives a power cut) or volatile (written only, it survives the death of the
// process). Every engine passes the one conformance suite in package storetest.
//
// This package knows nothing of tables, revisions, paths or JSON: keys and
// values are opaque bytes. It imports nothing else of this module.
//
// Start reading at PersistValue in store.go; then log.go for the engine,
// format.go for the bytes on the medium and the reasoning about damage, and
// compact.go for how the file is kept small.
package store
