package join

import (
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// Peer is the process behind a Unix socket, as it was when it connected. The zero
// value is of another kind of socket, or of a peer that the system does not tell.
type Peer struct {
	Known    bool
	PID      int32 // 0: it is in another namespace of processes
	UID, GID uint32
}

// nobody is what the system tells of a socket that is of another kind.
const nobody = ^uint32(0)

// PeerOf asks the system who is at the other end of a socket.
func PeerOf(raw syscall.RawConn) Peer {
	var found Peer
	_ = raw.Control(func(fd uintptr) { // with an error nobody is found
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil && cred.Uid != nobody {
			found = Peer{Known: true, PID: cred.Pid, UID: cred.Uid, GID: cred.Gid}
		}
	})
	return found
}

// peer names the process behind a Unix socket, for the log; it is empty for another
// kind of socket.
func peer(raw syscall.RawConn) logrus.Fields {
	found := PeerOf(raw)
	if !found.Known {
		return logrus.Fields{}
	}
	return logrus.Fields{"pid": found.PID, "uid": found.UID}
}
