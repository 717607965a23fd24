package server

import (
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// notifier publishes the core's events.
type notifier struct{ server *Server }

// Notify publishes one event. It is called from the core's goroutine; a publish
// fills the connection's buffer, which the embedded NATS server empties without
// waiting for anybody.
func (n notifier) Notify(e nkv.Event) {
	select {
	case <-n.server.telling:
	default:
		return // the server starts: whoever comes reads the tables first
	}
	header := revision(e.Revision)
	header.SetUint(wire.HeaderPrevious, e.Previous)
	header.Set(wire.HeaderStore, n.server.core.StoreID())
	m := &nats.Msg{Header: nats.Header(header)}
	switch e.Op {
	case nkv.EventPut:
		header.Set(wire.HeaderOp, string(wire.OpPut))
		m.Subject, m.Data = wire.EventSubject(e.Table+"."+e.Key), e.Value
	case nkv.EventDelete:
		header.Set(wire.HeaderOp, string(wire.OpDelete))
		m.Subject = wire.EventSubject(e.Table + "." + e.Key)
	case nkv.EventMark:
		header.Set(wire.HeaderOp, string(wire.OpMark))
		m.Subject, m.Data = wire.MarkSubject(e.Table), encodeInfo(e.Info)
	}
	if err := n.server.nc.PublishMsg(m); err != nil {
		n.server.log.WithError(err).WithField("subject", m.Subject).Warn("an event could not be sent; subscriptions will notice the gap")
	}
}
