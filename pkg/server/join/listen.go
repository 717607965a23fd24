package join

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// MaxPath is the longest path of a socket in bytes: sun_path of unix(7) has 108,
// one of them for the terminating zero.
const MaxPath = 107

// backlog is how many connections may wait to be accepted; the system lowers it
// to its own limit (net.core.somaxconn). All agents of a device come at once.
const backlog = 4096

// Listen makes a Unix socket at path with the given permission bits and listens
// on it. At no time is the socket more open than mode. A socket that a dead server
// left is replaced; a living server's is refused at once, told by a lock on the
// file path+".lock" and, for programs that know nothing of it, by connecting.
//
// Closing the listener removes the socket and the lock file.
//
// Errors: ErrInUse, ErrInvalidPath, ErrNoDirectory, ErrNotSocket, or the system's.
func Listen(path string, mode os.FileMode) (net.Listener, error) {
	if err := checkPath(path, mode); err != nil {
		return nil, err
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	l, err := listenLocked(path, mode)
	if err != nil {
		lock.release()
		return nil, err
	}
	l.lock = lock
	return l, nil
}

func checkPath(path string, mode os.FileMode) error {
	switch {
	case path == "":
		return fmt.Errorf("listen on a Unix socket: %w: it is empty", ErrInvalidPath)
	case path[0] == '@' || path[0] == 0:
		return fmt.Errorf("listen on Unix socket %q: %w: an abstract socket has no permission bits; give a file's path", path, ErrInvalidPath)
	case len(path) > MaxPath:
		return fmt.Errorf("listen on Unix socket %s: %w: it has %d bytes, the system takes %d; choose a shorter one", path, ErrInvalidPath, len(path), MaxPath)
	case mode&^os.ModePerm != 0:
		return fmt.Errorf("listen on Unix socket %s: %w: mode %s has more than permission bits", path, ErrInvalidPath, mode)
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("listen on Unix socket %s: %w: create %s, writable for this server, or choose another path", path, ErrNoDirectory, dir)
	case err != nil:
		return fmt.Errorf("listen on Unix socket %s: %w", path, err)
	case !info.IsDir():
		return fmt.Errorf("listen on Unix socket %s: %w: %s is a file; choose another path", path, ErrNoDirectory, dir)
	}
	return nil
}

// listenLocked needs the path's lock.
func listenLocked(path string, mode os.FileMode) (*listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	file, err := bind(path, mode)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("listen on Unix socket %s: %w by another program; choose another path", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on Unix socket %s: %w", path, err)
	}
	defer file.Close() // the listener has its own descriptor
	made, err := newListener(path, file)
	if err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("listen on Unix socket %s: %w", path, err)
	}
	return made, nil
}

// bind makes the socket, not listening yet.
func bind(path string, mode os.FileMode) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), path)
	// The socket's file gets the mode of the socket's own inode less the umask, so
	// it is born with no more than mode; then it gets the bits the umask took.
	if err = os.NewSyscallError("fchmod", unix.Fchmod(fd, uint32(mode))); err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		os.Remove(path)
		file.Close()
		return nil, err
	}
	return file, nil
}

func newListener(path string, file *os.File) (*listener, error) {
	made, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Listen(int(file.Fd()), backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	return &listener{UnixListener: l.(*net.UnixListener), path: path, made: made}, nil
}

// removeStale makes way at path if nobody listens there.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listen on Unix socket %s: %w", path, err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("listen on Unix socket %s: %w: it is no socket (%s); move it away or choose another path", path, ErrNotSocket, info.Mode())
	}
	probe, err := net.Dial("unix", path)
	switch {
	case err == nil:
		probe.Close()
		return fmt.Errorf("listen on Unix socket %s: %w by another program; stop that one or choose another path", path, ErrInUse)
	case errors.Is(err, unix.EAGAIN): // its backlog is full
		return fmt.Errorf("listen on Unix socket %s: %w by another program, which is busy; stop that one or choose another path", path, ErrInUse)
	case errors.Is(err, unix.EPROTOTYPE):
		return fmt.Errorf("listen on Unix socket %s: %w: it is no stream socket; choose another path", path, ErrNotSocket)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("listen on Unix socket %s: see whether somebody listens there: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listen on Unix socket %s: remove the one a dead server left: %w", path, err)
	}
	return nil
}

// listener is a Unix listener that holds its path's lock.
type listener struct {
	*net.UnixListener
	path string
	made os.FileInfo // the socket's file, to know it again
	lock *pathLock

	once sync.Once
	err  error // of closing
}

// Close stops listening and removes the socket and its lock file. It is
// idempotent.
func (l *listener) Close() error {
	l.once.Do(func() {
		// The file goes first, so that nobody finds a socket that refuses.
		l.err = errors.Join(l.remove(), l.UnixListener.Close())
		if l.lock != nil {
			l.lock.release()
		}
	})
	return l.err
}

// remove removes the socket's file unless somebody put another one there.
func (l *listener) remove() error {
	info, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !os.SameFile(info, l.made) {
		return nil
	}
	return os.Remove(l.path)
}
