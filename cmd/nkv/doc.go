// Command nkv looks at and changes the state of an nkv server from a terminal or
// a script: get, put, del, watch, ls, tree, tables, trace, health, version.
//
// It must not know anything about state that pkg/client does not tell it, nor the
// types of values: they are JSON or bytes here.
//
// Start reading at run, then open, then the file of a verb; exit.go has the exit
// codes.
package main
