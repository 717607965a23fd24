package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// limit is how long the demo may take, once everything is built.
const limit = 3 * time.Minute

func main() {
	bin := flag.String("bin", "bin", "the directory with the programs")
	config := flag.String("config", "agents/zedagent/device.json", "the device configuration to begin with")
	keep := flag.Bool("keep", false, "leave everything running at the end, for a look with nkv")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := 0
	if err := demo(ctx, *bin, *config, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo FAILED:", err)
		code = 1
	}
	stop()
	os.Exit(code)
}

func demo(ctx context.Context, bin, config string, keep bool) (err error) {
	start := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took longer than %s", limit))
	defer cancel()
	d, err := newDevice(bin, config, os.Stdout)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			fmt.Fprintf(os.Stderr, "logs: %s\n", d.dir)
		}
		d.end(keep, err == nil)
	}()
	summary, err := d.play(limited)
	if err != nil {
		if cause := context.Cause(limited); cause != nil && !errors.Is(err, cause) {
			return fmt.Errorf("%w: %w", cause, err)
		}
		return err
	}
	summary.took = time.Since(start)
	summary.print(os.Stdout)
	if !keep {
		return nil
	}
	d.invite(os.Stdout)
	<-ctx.Done()
	return nil
}
