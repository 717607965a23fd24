// Package migration tests how agents move between EVE's pubsub and nkv, one by
// one and both ways, with the server as a program of its own.
//
// Start reading at TestLiveBridge. What an agent of the original does is in
// package original.
package migration
