// Package soak has others be slow, stuck, many and out of file descriptors, beside
// a steady load of puts and events, and checks that nobody else notices
// (guarantees G9 and G10): the load's p99 stays within a factor of two of what it
// is without them, in the same run; the server's memory stays bounded; everything
// recovers by itself. Then it has faults happen to a server and its clients for a
// long time, and checks that nothing grows.
//
// NKV_LONG=1 takes longer rounds, more of them, and 20 minutes for the last.
//
// Start reading at TestNobodyElseNotices, then steady_test.go: how it is measured.
// TestNothingGrows is the long one.
package soak
