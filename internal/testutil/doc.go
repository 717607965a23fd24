// Package testutil is what tests of several packages share: waiting for a
// condition, a check that no goroutine is left, a proxy that injects faults
// between client and server, and a server in a process of its own that can be
// killed.
//
// Only tests import it. It must not know what a guarantee is.
//
// Start reading at Await, Proxy and Process.
package testutil
