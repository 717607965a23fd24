package join_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkv/nkv/pkg/server/join"
	"golang.org/x/sys/unix"
)

func TestListenMode(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		for _, mode := range []os.FileMode{0o600, 0o660, 0o666, 0o777} {
			path := filepath.Join(t.TempDir(), "s")
			old := unix.Umask(umask)
			l, err := join.Listen(path, mode)
			unix.Umask(old)
			if err != nil {
				if umask == 0o777 && errors.Is(err, os.ErrPermission) {
					continue // the lock file can't be read; only root can go on
				}
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != os.ModeSocket|mode {
				t.Errorf("umask %03o: the socket has %s, want %s", umask, info.Mode(), os.ModeSocket|mode)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Error("second Close:", err)
			}
		}
	}
}

func TestListenLeavesNothing(t *testing.T) {
	noLeak(t)
	dir := t.TempDir()
	for range 3 {
		l, err := join.Listen(filepath.Join(dir, "s"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	}
}

func TestListenReplacesStale(t *testing.T) {
	noLeak(t)
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if err := os.WriteFile(path+".lock", []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := join.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestListenRefuses(t *testing.T) {
	noLeak(t)
	dir := t.TempDir()
	live := filepath.Join(dir, "live")
	l, err := join.Listen(live, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	foreign := filepath.Join(dir, "foreign")
	other, err := net.Listen("unix", foreign)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	datagram := filepath.Join(dir, "datagram")
	packets, err := net.ListenPacket("unixgram", datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	for name, test := range map[string]struct {
		path string
		mode os.FileMode
		want error
		says string
	}{
		"a living server":            {live, 0o600, join.ErrInUse, "process"},
		"another program":            {foreign, 0o600, join.ErrInUse, "another program"},
		"a file":                     {file, 0o600, join.ErrNotSocket, "move it away"},
		"a datagram socket":          {datagram, 0o600, join.ErrNotSocket, "no stream socket"},
		"no directory":               {filepath.Join(dir, "none", "s"), 0o600, join.ErrNoDirectory, "create " + filepath.Join(dir, "none")},
		"a file as directory":        {filepath.Join(file, "s"), 0o600, join.ErrNoDirectory, "is a file"},
		"too long":                   {"/" + strings.Repeat("x", join.MaxPath), 0o600, join.ErrInvalidPath, "107"},
		"empty":                      {"", 0o600, join.ErrInvalidPath, "empty"},
		"abstract":                   {"@nkv", 0o600, join.ErrInvalidPath, "abstract"},
		"more than permission bits":  {filepath.Join(dir, "s"), 0o600 | os.ModeSetuid, join.ErrInvalidPath, "permission bits"},
		"too long beyond any folder": {filepath.Join(dir, strings.Repeat("x", join.MaxPath)), 0o600, join.ErrInvalidPath, "107"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := join.Listen(test.path, test.mode)
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v; want %v, saying %q", err, test.want, test.says)
			}
		})
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "precious" {
		t.Errorf("the file holds %q, %v", content, err)
	}
	if _, err := net.Dial("unix", live); err != nil {
		t.Errorf("the refused server disturbed the living one: %v", err)
	}
}

func TestListenLongestPath(t *testing.T) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, strings.Repeat("x", join.MaxPath-len(dir)-1))
	l, err := join.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

// What somebody put in the socket's place is not the listener's to remove.
func TestCloseLeavesAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := join.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
