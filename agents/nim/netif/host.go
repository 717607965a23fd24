package netif

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/types"
)

// pollInterval is the time between two looks when the system can't tell of
// changes. It only applies after the reason was logged.
const pollInterval = 2 * time.Second

// Host is the Source of the host's own interfaces.
type Host struct {
	log  logrus.FieldLogger
	bell bell
	stop chan struct{}
	once sync.Once
	done sync.WaitGroup
	link listener
}

// listener hears of changes from the system.
type listener interface {
	// wait returns when something changed; an error when it can't tell any
	// more, net.ErrClosed after close.
	wait() error
	close() error
}

// NewHost starts to watch the host's interfaces. When the system refuses to
// tell of changes, they are looked at every two seconds, and the log says why.
func NewHost(log logrus.FieldLogger) *Host {
	h := &Host{log: log, bell: newBell(), stop: make(chan struct{})}
	h.bell.ring()
	link, err := listen()
	if err == nil {
		h.link = link
	}
	h.done.Add(1)
	go h.run(err)
	return h
}

// Name implements Source.
func (h *Host) Name() string { return "host" }

// Changes implements Source.
func (h *Host) Changes() <-chan struct{} { return h.bell }

// Close implements Source.
func (h *Host) Close() error {
	var err error
	h.once.Do(func() {
		close(h.stop)
		if h.link != nil {
			err = h.link.close()
		}
	})
	h.done.Wait()
	return err
}

func (h *Host) run(err error) {
	defer h.done.Done()
	for err == nil {
		if err = h.link.wait(); err == nil {
			h.bell.ring()
		}
	}
	select {
	case <-h.stop:
		return
	default:
	}
	h.log.WithError(err).Warnf("the system does not tell of changed interfaces, looking every %s", pollInterval)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		h.bell.ring() // something may have been missed before the first tick
		select {
		case <-h.stop:
			return
		case <-ticker.C:
		}
	}
}

// Interfaces implements Source. Whether a link works is told by the interface's
// own flag, not by the files under /sys, which in a container may be those of
// another network namespace.
func (h *Host) Interfaces() ([]types.HostInterface, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the host's interfaces: %w", err)
	}
	list := make([]types.HostInterface, 0, len(found))
	for _, i := range found {
		addrs, err := i.Addrs()
		if err != nil {
			// It went away between the two looks: a change is told of.
			h.log.WithError(err).Debugf("no addresses of interface %s", i.Name)
			continue
		}
		list = append(list, types.HostInterface{
			Name:     i.Name,
			Index:    i.Index,
			MAC:      i.HardwareAddr.String(),
			MTU:      i.MTU,
			AdminUp:  i.Flags&net.FlagUp != 0,
			Carrier:  i.Flags&net.FlagRunning != 0,
			Loopback: i.Flags&net.FlagLoopback != 0,
			Addrs:    prefixes(addrs),
		})
	}
	return order(list), nil
}

func prefixes(addrs []net.Addr) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if !ok {
			continue
		}
		bits, _ := n.Mask.Size()
		list = append(list, netip.PrefixFrom(ip.Unmap(), bits))
	}
	return list
}
