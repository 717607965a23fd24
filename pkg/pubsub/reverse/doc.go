// Package reverse carries values from short-lived programs to one agent: the
// agent listens on a socket, /run/<agent>/<Topic>.sock, and the program connects
// and writes. It is package reverse of EVE's pubsub library, and either end may
// still be that one.
//
// Nothing is kept: it is no table, and nkv's server has no part in it.
//
// Start reading at NewSubscriber.
package reverse
