package netif_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/types"
)

// patience is how long a change may take to be told before a test fails.
const patience = 10 * time.Second

// inNamespace is set in the environment of the process that runs a test again
// in a network of its own.
const inNamespace = "NETIF_TEST_NAMESPACE"

// TestHostTellsOfChanges runs itself once more in a new network namespace,
// where it may change the loopback interface without touching the host.
func TestHostTellsOfChanges(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		changeLoopback(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestHostTellsOfChanges$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Skipf("no network namespace to be had: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestHostTellsOfChanges") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func changeLoopback(t *testing.T) {
	log := logrus.New()
	log.SetOutput(failOnWarning{t})
	log.SetLevel(logrus.WarnLevel)
	host := netif.NewHost(log)
	defer func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}()
	becomes(t, host, "switched off", func(i types.HostInterface) bool { return !i.AdminUp && i.Loopback })
	loopback(t, "127.0.0.1", true)
	becomes(t, host, "switched on with its address", func(i types.HostInterface) bool {
		return i.AdminUp && i.Carrier && slices.Contains(i.Addrs, netip.MustParsePrefix("127.0.0.1/8"))
	})
	loopback(t, "127.0.0.9", true)
	becomes(t, host, "another address", func(i types.HostInterface) bool {
		return slices.Contains(i.Addrs, netip.MustParsePrefix("127.0.0.9/8")) &&
			!slices.Contains(i.Addrs, netip.MustParsePrefix("127.0.0.1/8"))
	})
	loopback(t, "127.0.0.9", false)
	becomes(t, host, "switched off again", func(i types.HostInterface) bool { return !i.AdminUp })
}

// failOnWarning makes the fallback to looking now and then a failure: it would
// hide that nothing was told.
type failOnWarning struct{ t *testing.T }

func (w failOnWarning) Write(line []byte) (int, error) {
	w.t.Errorf("logged: %s", line)
	return len(line), nil
}

// becomes waits until the loopback interface is as wanted, looking only when
// told to.
func becomes(t *testing.T, s netif.Source, what string, ok func(types.HostInterface) bool) {
	t.Helper()
	timeout := time.After(patience)
	var last []types.HostInterface
	for {
		select {
		case <-s.Changes():
		case <-timeout:
			t.Fatalf("not told: %s; interfaces: %+v", what, last)
		}
		list, err := s.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		last = list
		for _, i := range list {
			if i.Name == "lo" && ok(i) {
				return
			}
		}
	}
}

// loopback sets address and state of the loopback interface.
func loopback(t *testing.T, addr string, up bool) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	set := func(what string, request uint, fill func(*unix.Ifreq) error) {
		ifr, err := unix.NewIfreq("lo")
		if err == nil {
			err = fill(ifr)
		}
		if err == nil {
			err = unix.IoctlIfreq(fd, request, ifr)
		}
		if err != nil {
			t.Fatal(fmt.Errorf("set %s of lo: %w", what, err))
		}
	}
	if up {
		set("address", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(net.ParseIP(addr).To4()) })
	}
	flags := uint16(unix.IFF_LOOPBACK)
	if up {
		flags |= unix.IFF_UP
	}
	set("flags", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(flags); return nil })
}
