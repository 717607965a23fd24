// Command nkv-server is the nkv server as a program: pkg/server with flags, a
// configuration file, signals and word to systemd.
//
// It must not decide anything that a server inside another program would need too;
// that is pkg/server's. What it can be told is in package config.
//
// It exits with 0 when it was told to stop and did, with 2 when it was called or
// configured wrongly, and with 1 for everything else.
//
// Start reading at run, then serve.
package main
