// Package access says who may connect to a server, and what each may read and
// write: the agents file, the identities in it, how they prove who they are, and
// the rules.
//
// It must not know NATS, nor how a connection gets its secrets here; pkg/server
// asks it and puts up the walls. The one thing that it borrows from there is the
// form of keys, nkeys.
//
// Start reading at Parse, then Rules and Access. Edit changes a file as a person
// would, for the command nkv auth; File keeps a server's rules current.
package access
