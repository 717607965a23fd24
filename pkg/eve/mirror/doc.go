// Package mirror keeps tables in the files where the pubsub library of EVE-OS has
// them, so that scripts go on reading those, and so that a fallback to the old
// software finds the present state. It wraps the core's two stores: a file is
// written, with rename, before the change is acknowledged.
//
// The store is the truth, and the files follow it. Beside the record of a value,
// in the same batch, the mirror puts a note into the store: what the file is about
// to hold, and what it held before. So at any instant, also after a power cut, the
// note tells a file that the mirror wrote from one that somebody else did. At the
// start, Import makes what others changed meanwhile, and that only, changes of the
// tables, and then makes all files agree with their tables. A file that is not there
// was deleted by somebody, unless all of its lane's are gone with their directory:
// then they are written again.
//
// It must not know NATS, clients or sockets. Start reading at Store.Commit, then
// note.go, decide.go and Mirror.Import.
package mirror
