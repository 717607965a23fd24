// Package guarantees holds the tests of what the project promises, one family
// for each guarantee, named after it. They attack real servers, in process and
// in processes of their own that are killed, over real sockets, through a proxy
// that injects faults.
//
// It must not use anything but what is exported, and the raw protocol.
//
// Start reading at fixture_test.go, then the guarantee in question. Heavier runs
// are behind the environment variable NKV_LONG=1.
package guarantees
