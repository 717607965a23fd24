// Package original is a publisher and a subscriber as EVE's pubsub has them, for
// tests: sockets, files, fields in files of their own, and its ways of starting
// and of ending. It is written from that library's documentation and behaviour,
// and shares no code with what it tests.
//
// A subscriber here connects again after a moment, not after 10 s.
//
// Start reading at Publisher and Subscriber.
package original
