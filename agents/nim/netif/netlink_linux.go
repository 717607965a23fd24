package netif

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// netlink hears of changes on the kernel's route socket (rtnetlink(7)).
type netlink struct {
	file *os.File
	buf  []byte
}

// listen opens the socket and joins the groups that tell of links and their
// addresses.
func listen() (listener, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR,
	})
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("join the netlink groups: %w", err)
	}
	// A non-blocking descriptor joins the runtime's poller, so that close ends
	// a read that waits.
	return &netlink{os.NewFile(uintptr(fd), "netlink"), make([]byte, os.Getpagesize())}, nil
}

// wait takes any message for a change, without looking inside: what changed is
// looked up anyway. Messages that the kernel had to drop are a change too.
func (n *netlink) wait() error {
	_, err := n.file.Read(n.buf)
	switch {
	case errors.Is(err, unix.ENOBUFS):
		return nil
	case errors.Is(err, os.ErrClosed):
		return net.ErrClosed
	}
	return err
}

func (n *netlink) close() error { return n.file.Close() }
