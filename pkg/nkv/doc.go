// Package nkv is the core: the map from path to value, its revisions and its
// tables, who owns them, and the order in which changes are checked, persisted,
// applied, told and answered.
//
// It must not know NATS, subjects or headers: tables and keys are opaque text to
// it, requests come as Request, events leave through a Notifier, and what must
// last goes to a store.PersistValue. That is what lets every guarantee be tested
// here without a network.
//
// One goroutine owns all state (Core.run). Everyone else submits requests, whose
// answers come through a callback, or reads an immutable View.
//
// A table lies in one of two lanes. The volatile lane commits in the core's own
// goroutine, since its store only writes to memory of the operating system. The
// durable lane commits in a goroutine of its own, a batch at a time: what arrives
// meanwhile is the next batch. So a volatile change never waits for a disk.
//
// Start reading at Core.process, then batch.go, then lane.go.
package nkv
