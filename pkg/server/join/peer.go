package join

import (
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// peer names the process behind a Unix socket, as it was when it connected; it is
// empty for another kind of socket.
func peer(raw syscall.RawConn) logrus.Fields {
	fields := logrus.Fields{}
	_ = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil && cred.Pid != 0 {
			fields["pid"], fields["uid"] = cred.Pid, cred.Uid
		}
	})
	return fields
}
