// Package wire is what crosses the network: subjects, headers, statuses, the
// encoding of paths, and the bodies of requests and answers. docs/protocol.md
// says the same for people who write a client in another language.
//
// It imports only the standard library, and it must not know the server, the
// client or NATS: both ends build on it, so that they can't disagree.
//
// Start reading at Path, then Subject, then header.go.
package wire
