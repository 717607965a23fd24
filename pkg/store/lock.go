package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockName is the file whose flock(2) stands for the directory. It holds the
// process id of its holder, for people; the lock is the kernel's, so it is gone
// with its holder, however that ends.
const lockName = "LOCK"

// lockDir takes the lock of dir, or says at once who has it (ErrLocked).
// Closing the file releases it.
func lockDir(calls FileCalls, dir string) (*os.File, error) {
	name := filepath.Join(dir, lockName)
	f, err := calls.open(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of store directory %s: %w", dir, err)
	}
	err = flock(f)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := lockHolder(f)
		f.Close()
		return nil, fmt.Errorf("store directory %s: %w%s; stop that one, or use another directory",
			dir, ErrLocked, holder)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock store directory %s: %w", dir, err)
	}
	// Only people read the id, so a full disk must not keep a server from starting.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

func flock(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			lockErr = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
			if !errors.Is(lockErr, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return lockErr
}

// lockHolder says " (process N)" when the lock file holds a process id.
func lockHolder(f *os.File) string {
	buf := make([]byte, 32)
	n, _ := f.ReadAt(buf, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
