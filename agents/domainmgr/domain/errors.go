package domain

import "errors"

var (
	// ErrInvalidOption: an option is missing or wrong; the message names it.
	ErrInvalidOption = errors.New("invalid option")
	// ErrUnsupported: the system lacks what is needed; the message says what.
	ErrUnsupported = errors.New("applications can't be run on this system")
	// ErrProgram: the program can't be started; the message says what to do.
	ErrProgram = errors.New("the program can't be started")
	// ErrBusy: the application's lock is held by a process that can't be found;
	// the message names the file.
	ErrBusy = errors.New("the application is locked")
	// ErrNoDomain: the environment is not that of an application's process.
	ErrNoDomain = errors.New("not started by domainmgr")
)
