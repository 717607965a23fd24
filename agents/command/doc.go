// Package command is what the agents' programs have in common: the flags, the
// logger, the connection to the server, the end on a signal, and the log of
// handler calls.
//
// The package must not know any agent.
//
// Start reading at Settings.
package command
