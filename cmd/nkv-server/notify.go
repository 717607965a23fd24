package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/client"
)

const (
	// notifyWithin bounds how long systemd may take to take a datagram.
	notifyWithin = time.Second
	// pingsPerInterval is how often in each of its intervals systemd is told that
	// the server is alive. A ping may take as long as the time between two, so
	// with three of them one that is slow still comes in time.
	pingsPerInterval = 3
)

// notifier tells systemd how the server is, by the protocol of sd_notify(3): lines
// NAME=VALUE in a datagram to the socket that NOTIFY_SOCKET names, a path or, with
// a leading @, an abstract name. Without that variable it tells nobody. It is safe
// for concurrent use.
type notifier struct {
	socket   string        // empty: nobody wants to know
	watchdog time.Duration // how often systemd wants to hear; 0: not at all
	log      logrus.FieldLogger
}

func newNotifier(getenv func(string) string, log logrus.FieldLogger) *notifier {
	return &notifier{socket: getenv("NOTIFY_SOCKET"), watchdog: watchdogInterval(getenv), log: log}
}

// watchdogInterval reads WATCHDOG_USEC, which counts for the process that
// WATCHDOG_PID names, or for any when that isn't set; sd_watchdog_enabled(3).
func watchdogInterval(getenv func(string) string) time.Duration {
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	const most = 1 << 50 // microseconds, some 35 years; more overflows a Duration
	micros, err := strconv.ParseUint(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || micros > most {
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// tell tells systemd; when that fails the server does its work all the same.
func (n *notifier) tell(state string) {
	if err := n.send(state); err != nil {
		n.log.WithError(err).Warn("systemd was not told how the server is")
	}
}

func (n *notifier) send(state string) error {
	if n.socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: n.socket})
	if err != nil {
		return fmt.Errorf("tell systemd %s by NOTIFY_SOCKET: %w", state, err)
	}
	defer conn.Close() //nolint:errcheck // the datagram is sent or not
	if err := conn.SetWriteDeadline(time.Now().Add(notifyWithin)); err != nil {
		return fmt.Errorf("tell systemd %s: %w", state, err)
	}
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell systemd %s: %w", state, err)
	}
	return nil
}

// watch tells systemd that the server is alive, each time only after the server
// has answered a request that went through its core. It ends with ctx.
func (n *notifier) watch(ctx context.Context, s nats.InProcessConnProvider) {
	if n.socket == "" || n.watchdog <= 0 {
		return
	}
	c, err := client.Connect(ctx, "", client.InProcess(s), client.Name("nkv-server"), client.Logger(n.log))
	if err != nil {
		n.log.WithError(err).Error("the watchdog can't reach the server; systemd will end it")
		return
	}
	defer c.Close()
	n.ping(ctx, func(ctx context.Context) error {
		_, err := c.Health(ctx)
		return err
	})
}

// ping tells systemd of each time that ask succeeds.
func (n *notifier) ping(ctx context.Context, ask func(context.Context) error) {
	every := n.watchdog / pingsPerInterval
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		asking, done := context.WithTimeout(ctx, every)
		err := ask(asking)
		done()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.log.WithError(err).Error("the server does not answer, so systemd is not told that it is alive")
		default:
			n.tell("WATCHDOG=1")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
