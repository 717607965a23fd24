// Package bridge lets agents that still speak on the sockets of EVE's pubsub live
// with agents that are clients of nkv: what an old publisher tells on its socket
// becomes its table in the server, and a table that a client owns appears as a
// socket for old subscribers.
//
// Each table has a place, with one goroutine that either follows an old publisher
// or listens for old subscribers, and changes when the agent changes sides:
//
//   - A client owns the table: the place listens. Each connection is served from a
//     subscription of its own, so that one that does not read holds nobody up.
//   - The owner's connection is gone: the socket is removed at once, since the
//     original refuses to start where one answers. Connections that are served
//     stay: whoever comes next, their subscription tells them.
//   - An old publisher answers on the socket: the place opens the table under the
//     agent's name and puts what it hears. Its files are released to it.
//   - The old publisher is gone: the table is made what its files hold, which is
//     all that it had done, told or not; then the files are the server's again and
//     the table is given up.
//   - A client opens the table: it waits at the gate until the place has looked at
//     the files, as an old publisher may have come and gone unseen.
//
// Everything that comes from a socket is untrusted. The package must not know how
// the server stores or mirrors tables; it is a client of it, in its process, and
// asks it only who owns what.
//
// Tables of the agent "global" have no sockets, and a socket right in the
// directory run (a table without a topic) is not served: which topic its
// subscribers would ask for can't be known.
//
// Start reading at place.go, then follow.go, files.go and gate.go, then serve.go.
package bridge
