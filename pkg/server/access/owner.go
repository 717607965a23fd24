package access

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and the group of another; where the process may
// not, it must have them already.
func keepOwner(made *os.File, before fs.FileInfo) error {
	if before == nil {
		return nil
	}
	stat, ok := before.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	err := made.Chown(int(stat.Uid), int(stat.Gid))
	if errors.Is(err, fs.ErrPermission) {
		return errors.New("it would not be its owner's any more; change it as that user, or as root")
	}
	return err
}
