//go:build !linux

package zedmanager

import "time"

// BootTime returns the zero time: this system does not tell.
func BootTime() (time.Time, error) { return time.Time{}, nil }
