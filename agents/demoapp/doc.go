// Package demoapp is the application that the demo runs: it opens its volumes,
// says what it found, and runs until it is told to end.
//
// Domainmgr tells it by environment who it is; see package domain for the names.
// Its faults, for tests and for people who want to see what happens then, come in
// the environment variable DEMOAPP_FAULT, separated by commas:
//
//	crash-after=DURATION  it kills itself after that time
//	exit=CODE             it exits at once with that code
//	ignore-term           it does not end on SIGTERM
//
// The package must not know the server.
//
// Start reading at Run.
package demoapp
