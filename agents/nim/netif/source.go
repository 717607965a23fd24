package netif

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/evenkv/nkv/agents/types"
)

// Source tells which interfaces there are.
type Source interface {
	// Name says where the interfaces are looked up, for people.
	Name() string
	// Interfaces returns the interfaces in the order of their names. The
	// field Ports is not set.
	Interfaces() ([]types.HostInterface, error)
	// Changes tells that the interfaces may have changed since they were last
	// looked up; the first time at once. Changes that come while one is
	// waiting to be received are one. The channel is never closed.
	Changes() <-chan struct{}
	// Close stops the telling. It returns when everything stopped and may be
	// called again.
	Close() error
}

// order puts interfaces and their addresses in order, so that equal ones look
// equal.
func order(list []types.HostInterface) []types.HostInterface {
	slices.SortFunc(list, func(a, b types.HostInterface) int { return cmp.Compare(a.Name, b.Name) })
	for _, i := range list {
		slices.SortFunc(i.Addrs, func(a, b netip.Prefix) int {
			return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
		})
	}
	return list
}

// bell tells of changes; rings that nobody heard yet are one.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}
