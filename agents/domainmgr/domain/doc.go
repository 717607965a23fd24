// Package domain starts the process of an application, finds it again, waits for
// its end and ends it, for whoever comes next as well: what is known about a
// process lives with the process.
//
// Each application has a lock file in the directory. It is locked (flock(2)) and
// its record is written before the process is forked; the process inherits the
// lock's descriptor and so holds the lock from before its first instruction until
// its last descendant is gone. There is no instant at which a process could be
// there without the lock, so there are never two processes of an application,
// whoever is killed when. The process carries its application's name in its
// environment too, by which it is found, and which guards in the lock's stead
// when an application closes the descriptor.
//
// It is made for Linux 5.3 and newer: pidfd_open(2) is of 5.3,
// pidfd_send_signal(2) of 5.1, the lock lines of /proc/PID/fdinfo of 4.1.
//
// The package must not know why an application shall run.
//
// Start reading at Dir.Start (start_linux.go) and Process (process_linux.go);
// what an application finds in its environment is in environment.go.
package domain
