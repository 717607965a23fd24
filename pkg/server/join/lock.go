package join

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockSuffix makes a lock file's name of a socket's path.
const lockSuffix = ".lock"

// pathLock is a flock(2) that stands for a socket's path. It is the kernel's, so
// it is gone with its holder, however that ends.
type pathLock struct{ file *os.File }

// takeLock takes the lock of path or says at once that another has it (ErrInUse).
func takeLock(path string) (*pathLock, error) {
	name := path + lockSuffix
	for {
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("listen on Unix socket %s: lock its path: %w", path, err)
		}
		if err := tryLock(file); err != nil {
			holder := lockHolder(file)
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("listen on Unix socket %s: %w by another server%s; stop that one or choose another path", path, ErrInUse, holder)
			}
			return nil, fmt.Errorf("listen on Unix socket %s: lock its path: %w", path, err)
		}
		// Its holder may have removed the file between the opening and the lock;
		// then the lock is of no file that anybody can find.
		if !sameFile(file, name) {
			file.Close()
			continue
		}
		// Only people read the id, so a full disk must not keep a server from starting.
		if err := file.Truncate(0); err == nil {
			_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		}
		return &pathLock{file}, nil
	}
}

func tryLock(file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func sameFile(file *os.File, name string) bool {
	mine, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(name)
	return err == nil && os.SameFile(mine, there)
}

// lockHolder says " (process N)" when the lock file holds a process id.
func lockHolder(file *os.File) string {
	buf := make([]byte, 32)
	n, _ := file.ReadAt(buf, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// release removes the lock file while it is held, and lets go.
func (l *pathLock) release() {
	_ = os.Remove(l.file.Name()) // one that stays can be locked again
	l.file.Close()
}
