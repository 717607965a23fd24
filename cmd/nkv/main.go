package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is the program's version; the build sets it with -X main.version.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
