// Package netif tells which network interfaces there are, and at once when
// they change: those of the host, or those that a file lists.
//
// The package must not know what the interfaces are wanted for.
//
// Start reading at Source; Host and Open are its two implementations.
package netif
