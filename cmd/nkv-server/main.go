package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
)

// version is the program's version; the build sets it with -X main.version.
var version string

func main() {
	// A log that nobody reads any more would end the process.
	signal.Ignore(syscall.SIGPIPE)
	// The second signal must find room while the first is being heeded.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	hangups := make(chan os.Signal, 1) // one that waits stands for all that come meanwhile
	signal.Notify(hangups, syscall.SIGHUP)
	p := &program{stdout: os.Stdout, stderr: os.Stderr, env: config.System(), signals: signals, hangups: hangups}
	os.Exit(p.run(context.Background(), os.Args[1:]))
}
