// Package storetest is the one conformance suite that every store engine runs,
// and what its tests share with others that test above a store: a Disk that
// remembers what was synced and can be cut off from power at any call, and a
// check for leaked goroutines and files.
//
// A Driver states an engine's guarantees; each guarantee adds tests, none takes
// any away. The package knows the interface of package store, nothing of the
// format of any engine.
//
// Start reading at Run.
package storetest
