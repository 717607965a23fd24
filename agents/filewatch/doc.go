// Package filewatch tells at once when a file changes, however it is
// changed: written in place, replaced by a rename, removed and made again, or
// reached over symbolic links of which one is swapped, as mounted
// configuration directories do it. Neither the file nor its directory needs to
// be there yet.
//
// The package must not know what the file holds. It tells that there is
// something to look at; the reader decides whether anything differs.
//
// Start reading at Open.
package filewatch
