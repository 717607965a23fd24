package nkv0

import (
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// Notify tells what became of a key of the table, whoever changed it. It is an
// nkv.Notifier, called from the core's goroutine.
func (s *Service) Notify(e nkv.Event) {
	if e.Table != Table {
		return
	}
	switch e.Op {
	case nkv.EventPut:
		s.tell(e.Key, e.Value)
	case nkv.EventDelete:
		if key, err := wire.DecodeToken(e.Key); err == nil {
			s.publish(subjectOf(key), []byte(gone), key)
		}
	case nkv.EventMark:
		if e.Previous == e.Revision {
			s.Beside(s.tellAll)
		}
	}
}

// tell tells a key's value. The key is encoded.
func (s *Service) tell(token string, value []byte) {
	key, err := wire.DecodeToken(token)
	if err != nil {
		return // no key of the protocol
	}
	if around+bytesLength(value) > s.MaxMessage {
		s.Logger.WithField("key", key).WithField("bytes", len(value)).
			Warn("a value is too large for a message of nkv's first protocol; who listens to it by that is not told")
		return
	}
	s.publish(subjectOf(key), update(value), key)
}

// tellAll tells every value again: the table was found changed in the store. A key
// that is gone can't be told.
func (s *Service) tellAll() {
	s.Core.Submit(nkv.Request{Op: nkv.OpSnapshot, Table: Table, Done: func(result nkv.Result) {
		if result.Err != nil {
			return // the core stops
		}
		for _, e := range result.View.Entries() {
			s.tell(e.Key, e.Value)
		}
	}})
}
