// Command load measures what a server costs and how it behaves when many are
// connected: `make load`. It builds and starts the real server, plays clients in
// processes of their own, prints what it saw beside its bound, and exits 1 when a
// bound is broken.
//
// Start reading at main, then the file of a measurement: connections.go,
// fanout.go, stopped.go. What the other processes do is in child.go.
package main
