// Package server is the nkv server: an embedded NATS server, the endpoints of
// the protocol, and the core behind them. It runs as a program (cmd/nkv-server)
// or as a part of another one.
//
// It must not decide anything about state: it turns messages into requests to
// pkg/nkv and results into answers, and knows who is connected. It must not know
// the types of users.
//
// Who asks is told by where the answer goes. Every connection draws a secret
// instance, gives it as its token when it connects, and may hear only inboxes
// that begin with it; a request is taken as the connection's whose inbox it
// names. So nobody can ask in another's name or hear another's answers, and no
// header has to be believed.
//
// Start reading at Start, then endpoint.go, then sessions.go.
package server
