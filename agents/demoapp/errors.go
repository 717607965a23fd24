package demoapp

import "errors"

var (
	// ErrFault: DEMOAPP_FAULT names no fault that is known; the message says which.
	ErrFault = errors.New("no such fault")
	// ErrVolume: a volume can't be opened; the message names its file.
	ErrVolume = errors.New("a volume is missing")
)
