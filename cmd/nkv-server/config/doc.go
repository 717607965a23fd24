// Package config is what the server program can be told: by flags, by a file, by
// where it runs. A flag wins over the file, the file over the default.
//
// Every setting stands once, in settings.go, with its name, its text and how it is
// read; flags and file keys both come from there, so that they can't differ. The
// package must not know cobra, nor start anything.
//
// Start reading at Load, then settings.go.
package config
