// Package client speaks the protocol from a program's side, in bytes: requests,
// publications (the writing end of a table) and subscriptions (the reading end),
// over a connection that comes back by itself.
//
// It must not know the types of users: values are bytes here, pkg/agent gives
// them types. It must not run user code in NATS's callbacks: these file what
// comes and signal.
//
// Start reading at Connect, then Subscription.receive and tableView, then
// Publication.
package client
