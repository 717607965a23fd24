package zedmanager

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// BootTime returns when the system was started.
func BootTime() (time.Time, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}, fmt.Errorf("when the system was started: %w", err)
	}
	return time.Now().Add(-time.Duration(up.Nano())), nil
}
