package domain

import "fmt"

// Exit says how a process ended.
type Exit struct {
	// Known says that the fields below are; they are not when the process was the
	// child of another domainmgr.
	Known bool
	// Code is what it exited with, when Signal is 0.
	Code int
	// Signal is what it was killed by; 0: it exited by itself.
	Signal int
}

// String says it in words.
func (e Exit) String() string {
	switch {
	case !e.Known:
		return "ended; how is not known, since an earlier domainmgr had started it"
	case e.Signal != 0:
		return fmt.Sprintf("killed by signal %d", e.Signal)
	}
	return fmt.Sprintf("exited with status %d", e.Code)
}
