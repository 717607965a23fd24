// Package agent is what a Go service uses: tables of its own types, publications
// and subscriptions of them, and one event loop that calls its handlers.
//
// It must not know NATS or the protocol; pkg/client does. It decodes, compares
// and calls, nothing else.
//
// Start reading at the example, then Table, Agent.Run, Subscription.settle.
package agent
