// Command demo is `make demo`: it starts the real server and the real agents as
// processes, gives them a device configuration, changes it, kills them, and
// checks at every step that the tables agree with the configuration, and at the
// end that no handler call was lost or invented.
//
// What it checks against: every agent writes each handler call to a file, and the
// server writes each accepted change to another. The calls are replayed against
// the changes (replay.go).
//
// Start reading at script.go.
package main
