package domain

import "time"

// Fault has a function called at each step of a start.
func (d *Dir) Fault(at func(step string)) { d.fault = at }

// Impatient makes it say soon that nobody is found who holds a lock.
func (d *Dir) Impatient() { d.patience = 20 * time.Millisecond }

// LockPath is the lock file of an application.
func (d *Dir) LockPath(key string) string { return d.lockPath(Name(key)) }

// LogPath is the log of an application.
func (d *Dir) LogPath(key string) string { return d.logPath(Name(key)) }
