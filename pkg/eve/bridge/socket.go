package bridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/pkg/eve"
)

const (
	dialWithin = time.Second
	// youngFor is how long a socket on which nobody listens does not count as left
	// behind.
	youngFor = 50 * time.Millisecond
	// maxRequest is what a request may have, as in the original.
	maxRequest = 256
)

const network = "unixpacket"

// listener is a socket that the bridge made.
type listener struct {
	*net.UnixListener
	path string
	info os.FileInfo
}

// listen makes a socket at path. It takes the place of one that was left behind;
// errInUse: somebody listens there.
//
// The socket listens before it has its name: whoever finds it can connect, and no
// publisher that starts takes it for one that was left behind.
func listen(ctx context.Context, path string) (*listener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	nameless := filepath.Join(dir, "."+strings.TrimSuffix(filepath.Base(path), ".sock"))
	for _, left := range []string{nameless, nameless + "-"} { // by a bridge that was killed
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listen on %s: %w", path, err)
		}
	}
	made, err := net.ListenUnix(network, &net.UnixAddr{Name: nameless, Net: network})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	made.SetUnlinkOnClose(false)
	l := &listener{UnixListener: made, path: path}
	if l.info, err = os.Lstat(nameless); err == nil {
		err = take(ctx, nameless, path)
	}
	if gone := os.Remove(nameless); err == nil {
		err = gone
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, err), made.Close())
	}
	return l, nil
}

// take gives a socket its name, which it takes from one that was left behind.
func take(ctx context.Context, nameless, path string) error {
	for {
		err := os.Link(nameless, path)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := clear(ctx, path, nameless+"-"); err != nil {
			return err
		}
	}
}

// clear removes a socket on which nobody listens; errInUse when somebody does, or
// may be about to. It looks at the socket once more when nobody can find it any
// more: another may have come in its place meanwhile.
func clear(ctx context.Context, path, aside string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w: %s is %s; remove it", errOccupied, path, info.Mode())
	}
	if inUse(ctx, path) {
		return errInUse
	}
	if err := os.Rename(path, aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if !inUse(ctx, aside) {
		return os.Remove(aside)
	}
	back := os.Link(aside, path)
	return errors.Join(errInUse, back, os.Remove(aside))
}

// inUse reports whether somebody listens on a socket, or may be about to: it is
// young, and between making a socket and listening on it is a moment.
func inUse(ctx context.Context, path string) bool {
	if answers(ctx, path) {
		return true
	}
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) < youngFor
}

// there reports whether the socket still has its name.
func (l *listener) there() bool {
	info, err := os.Lstat(l.path)
	return err == nil && os.SameFile(info, l.info)
}

// remove takes the name away first, so that nobody finds a socket that is closed.
func (l *listener) remove() error {
	var err error
	if l.there() {
		err = os.Remove(l.path)
	}
	return errors.Join(err, l.Close())
}

func dial(ctx context.Context, path string) (*net.UnixConn, error) {
	d := net.Dialer{Timeout: dialWithin}
	conn, err := d.DialContext(ctx, network, path)
	if err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("connect to %s: not a Unix socket", path), conn.Close())
	}
	return unixConn, nil
}

// answers reports whether somebody listens on the socket at path.
func answers(ctx context.Context, path string) bool {
	conn, err := dial(ctx, path)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN) // there are too many who wait for it
	}
	conn.Close() //nolint:errcheck // nothing was sent
	return true
}

// greet connects to a publisher and asks for its topic; it waits for the answer as
// long as within says.
func greet(ctx context.Context, path, topic string, within time.Duration) (conn *net.UnixConn, hello eve.Message, err error) {
	made, err := dial(ctx, path)
	if err != nil {
		return nil, hello, err
	}
	// What ends the wait ends the connection; it may run when this has returned.
	unhook := context.AfterFunc(ctx, func() { made.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // closed already: the same
	defer unhook()
	hello, err = askHello(made, topic, within)
	if err != nil {
		return nil, hello, errors.Join(err, made.Close())
	}
	return made, hello, nil
}

func askHello(conn *net.UnixConn, topic string, within time.Duration) (eve.Message, error) {
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return eve.Message{}, err
	}
	if err := send(conn, eve.Message{Verb: eve.VerbRequest, Topic: topic}, nil); err != nil {
		return eve.Message{}, err
	}
	text, err := receive(conn)
	if err != nil {
		return eve.Message{}, fmt.Errorf("%w: %w", errSilent, err)
	}
	hello, err := eve.ParseMessage(text)
	if err != nil {
		return eve.Message{}, err
	}
	if hello.Verb != eve.VerbHello || hello.Topic != topic {
		return eve.Message{}, fmt.Errorf("%w: %s of topic %s came, asked for was %s", errSilent, hello.Verb, hello.Topic, topic)
	}
	return hello, conn.SetDeadline(time.Time{})
}

// send sends a message; buf may be used for it.
func send(conn *net.UnixConn, m eve.Message, buf []byte) error {
	text, err := m.Append(buf[:0])
	if err != nil {
		return err
	}
	if _, err = conn.Write(text); err != nil {
		return fmt.Errorf("send %s: %w", m.Verb, err)
	}
	return nil
}

// receive waits for a message and returns it in a buffer of its size: thousands of
// connections wait, and most have nothing to say. The end is errEnd.
func receive(conn *net.UnixConn) ([]byte, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var text []byte
	var failed error
	if err := raw.Read(func(fd uintptr) bool {
		text, failed = receiveNow(int(fd))
		return !errors.Is(failed, unix.EAGAIN)
	}); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	if len(text) == 0 {
		return nil, errEnd
	}
	return text, nil
}

func receiveNow(fd int) ([]byte, error) {
	var peek [1]byte
	for {
		size, _, err := unix.Recvfrom(fd, peek[:], unix.MSG_PEEK|unix.MSG_TRUNC|unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil || size == 0 {
			return nil, err
		}
		text := make([]byte, min(size, eve.MaxMessage))
		n, _, err := unix.Recvfrom(fd, text, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		return text[:max(n, 0)], err
	}
}
