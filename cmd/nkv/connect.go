package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/evenkv/nkv/pkg/client"
)

// dialer makes the connections, within a time, and remembers why the last one
// failed. Safe for concurrent use.
type dialer struct {
	socket  string // empty: the address that is dialed counts
	timeout time.Duration

	mu   sync.Mutex // guards last
	last error
}

// Dial connects to the server.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	if d.socket != "" {
		network, address = "unix", d.socket
	}
	conn, err := net.DialTimeout(network, address, d.timeout)
	d.mu.Lock()
	d.last = err
	d.mu.Unlock()
	return conn, err
}

func (d *dialer) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// place returns where the server is looked for, and who said so.
func (p *program) place() (url, because string) {
	if p.server != "" {
		return p.server, "--server says so"
	}
	url = client.DefaultURL()
	if os.Getenv(client.EnvURL) != "" {
		return url, "$" + client.EnvURL + " says so"
	}
	return url, "the usual place"
}

// open connects to the server, or says why it can't be reached.
func (p *program) open(ctx context.Context, more ...client.Option) (*client.Client, error) {
	return p.openWithin(ctx, p.timeout, more...)
}

func (p *program) openWithin(ctx context.Context, timeout time.Duration, more ...client.Option) (*client.Client, error) {
	url, because := p.place()
	d := &dialer{timeout: timeout}
	if path, ok := strings.CutPrefix(url, "unix://"); ok {
		d.socket = path
	}
	given := append([]client.Option{client.Name(p.name), client.Timeout(timeout), client.Dialer(d)}, more...)
	c, err := client.Connect(ctx, url, given...)
	if errors.Is(err, client.ErrInvalidOption) {
		return nil, &usageError{err, ""}
	}
	if err != nil {
		return nil, err
	}
	if err := c.Connected(); err != nil && (d.failure() != nil || answered(ctx, c, &err)) {
		c.Close()
		if errors.Is(err, client.ErrForbidden) {
			return nil, err
		}
		away := &unreachableError{url: url, because: because, socket: d.socket, err: d.failure()}
		if away.err == nil {
			away.err, away.silent = err, true
		}
		return nil, away
	}
	return c, nil
}

// refusalWait is how long a server that let itself be connected to is given to say
// what it has against that.
const refusalWait = 500 * time.Millisecond

// answered waits for what a server says to a client that it did not take at first,
// and puts that into err; false: it has taken it meanwhile. NATS tells nobody, so it
// is looked for.
func answered(ctx context.Context, c *client.Client, err *error) bool {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	end := time.NewTimer(refusalWait)
	defer end.Stop()
	for {
		select {
		case <-look.C:
		case <-end.C:
			return true
		case <-ctx.Done():
			return true
		}
		if *err = c.Connected(); *err == nil {
			return false
		}
		if errors.Is(*err, client.ErrForbidden) {
			return true
		}
	}
}

// unreachableError is a server that can't be reached.
type unreachableError struct {
	url     string
	because string // why it was looked for there
	socket  string // the Unix socket; empty: none
	err     error
	silent  bool // somebody listens there, who did not greet in time as a server does
}

// Error says what was tried and what came of it.
func (e *unreachableError) Error() string {
	return fmt.Sprintf("no server at %s (%s): %s", e.url, e.because, e.why())
}

func (e *unreachableError) Unwrap() error { return e.err }

func (e *unreachableError) why() string {
	var timeout net.Error
	switch {
	case e.silent:
		return "somebody listens there, but does not answer as an nkv server does"
	case errors.Is(e.err, fs.ErrPermission) && e.socket != "":
		return "permission denied on the socket" + owner(e.socket)
	case errors.Is(e.err, fs.ErrNotExist) && e.socket != "":
		return "the socket is not there"
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "nobody listens there"
	case errors.Is(e.err, syscall.ENOTSOCK):
		return "it is no socket"
	case errors.As(e.err, &timeout) && timeout.Timeout():
		return "it does not answer"
	}
	return e.err.Error()
}

// hint says what to do.
func (e *unreachableError) hint() string {
	if errors.Is(e.err, fs.ErrPermission) && e.socket != "" {
		return fmt.Sprintf("you are %s; become a member of the socket's group, or start nkv-server with another socket mode", whoami())
	}
	if e.silent {
		return "is the server stopped or overloaded, or is that another program? the server's log tells"
	}
	return "start nkv-server, or say where it is: --server unix:///path/nkv.sock or " + client.EnvURL + "=unix:///path/nkv.sock"
}

// owner tells whose a file is and what its mode is; empty when that can't be
// seen.
func owner(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ": a directory on its way is closed to you"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprintf(" (mode %04o)", info.Mode().Perm())
	}
	return fmt.Sprintf(" (owner %s, group %s, mode %04o)", userName(stat.Uid), groupName(stat.Gid), info.Mode().Perm())
}

func whoami() string {
	groups, err := os.Getgroups()
	if err != nil || len(groups) == 0 {
		groups = []int{os.Getegid()}
	}
	names := make([]string, 0, len(groups))
	for _, id := range groups {
		names = append(names, groupName(uint32(id)))
	}
	return fmt.Sprintf("user %s, in %s", userName(uint32(os.Geteuid())), strings.Join(names, ", "))
}

func userName(id uint32) string {
	number := strconv.FormatUint(uint64(id), 10)
	if found, err := user.LookupId(number); err == nil {
		return found.Username
	}
	return number
}

func groupName(id uint32) string {
	number := strconv.FormatUint(uint64(id), 10)
	if found, err := user.LookupGroupId(number); err == nil {
		return found.Name
	}
	return number
}
