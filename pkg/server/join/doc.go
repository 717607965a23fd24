// Package join joins the connections of a listener, a Unix socket, to in-process
// connections of an embedded NATS server, which has no Unix listener of its own.
//
// To both ends it behaves like TCP: a client that does not read makes the
// server's write deadline pass and is cut, a client that closes its writing half
// still gets the answers, and what the server wrote before it closed arrives
// before the end does. Nothing is buffered beyond one buffer per direction, and
// that one only while bytes are on their way, so that an idle connection costs
// two goroutines and no buffer.
//
// It must not know what the bytes mean, nor anything of nkv; of NATS it knows
// only that the in-process end is a net.Pipe. It needs Linux: how a socket gets
// its mode before it can be seen, and how a half-close is told from a close, is
// the kernel's way there.
//
// Start reading at Serve, then conn.go. Listen, which makes the socket, stands
// apart in listen.go.
package join
