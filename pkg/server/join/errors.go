package join

import "errors"

// Errors of Listen. They come wrapped with the path and with what to do.
var (
	// ErrInUse: another server listens on the socket.
	ErrInUse = errors.New("socket is in use")
	// ErrInvalidPath: the path can't be a Unix socket's: it is empty, too long or
	// the name of an abstract socket, which has no permission bits.
	ErrInvalidPath = errors.New("invalid socket path")
	// ErrNoDirectory: the directory the socket shall lie in does not exist.
	ErrNoDirectory = errors.New("no directory for the socket")
	// ErrNotSocket: something that is not a stream socket has the path; it is left
	// alone.
	ErrNotSocket = errors.New("path is taken by something else")
)

// errNotStream: the listener accepts something that has no halves to close.
var errNotStream = errors.New("is not a stream socket")
