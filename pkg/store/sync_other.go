//go:build !linux

package store

import "os"

// SyncFile makes a file's content and length durable, with fsync(2) or what
// the system has in its place. It is what a FileCalls with a nil Sync does.
func SyncFile(f *os.File) error { return f.Sync() }
