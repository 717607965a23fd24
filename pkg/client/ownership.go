package client

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/wire"
)

// hearMarks makes the publication notice when its table is taken by force, also
// while it publishes nothing. It returns how to end that.
//
// A mark that is lost on its way costs nothing but time: the next change is
// refused, and the table opened again.
func (p *Publication) hearMarks() (end func()) {
	sub, err := p.c.nc.Subscribe(wire.MarkSubject(p.table), p.marked)
	if err != nil {
		p.c.log.WithError(err).WithField("table", p.table).Warn("the table's marks are not heard; who takes it is noticed at the next change")
		return func() {}
	}
	return func() {
		if err := sub.Unsubscribe(); err != nil && p.c.nc.IsConnected() {
			p.c.log.WithError(err).WithField("subject", sub.Subject).Warn("the subscription did not end well")
		}
	}
}

// marked is NATS's callback.
func (p *Publication) marked(m *nats.Msg) {
	var c Change
	if err := readMark(m.Data, &c); err != nil {
		p.c.log.WithError(err).WithField("subject", m.Subject).Error("a mark can't be read")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.told = max(p.told, c.Info.Fence)
	switch {
	case p.fence == 0 && !c.Info.Open:
		signal(p.renewed) // it is free now
	case p.fence != 0 && p.told > p.fence, c.Info.Fence == p.fence && !c.Info.Open:
		p.lose(p.fence, fmt.Errorf("%w: fence %d of table %s; another opened it by force", ErrFence, p.fence, p.table))
	}
}
