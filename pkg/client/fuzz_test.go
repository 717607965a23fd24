package client

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/wire"
)

// FuzzEvent reads what may come on a subscription.
func FuzzEvent(f *testing.F) {
	f.Add("nkv.v1.event.a.T.k", "put", "7", "6", []byte(`1`))
	f.Add("nkv.v1.event.a.T.$mark", "mark", "7", "", []byte(`{"table":"a.T","open":true,"fence":7}`))
	f.Add("nkv.v1.event.a.T.%", "delete", "-", "18446744073709551616", []byte(nil))
	pattern, err := wire.ParsePattern("a.T.>")
	if err != nil {
		f.Fatal(err)
	}
	s := &Subscription{pattern: pattern}
	f.Fuzz(func(t *testing.T, subject, op, revision, previous string, body []byte) {
		e, err := s.readEvent(&nats.Msg{
			Subject: subject, Data: body,
			Header: nats.Header{wire.HeaderOp: {op}, wire.HeaderRevision: {revision}, wire.HeaderPrevious: {previous}, wire.HeaderStore: {"s"}},
		})
		if err != nil {
			for _, known := range []error{wire.ErrInvalidSubject, wire.ErrInvalidHeader, wire.ErrInvalidPath, ErrInvalid} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("not a typed error: %v", err)
		}
		if !e.change.isMark() && wire.EventSubject(e.change.Table+"."+wire.EncodeToken(e.change.Key)) != subject {
			t.Errorf("the event of %q is about %q of %q", subject, e.change.Key, e.change.Table)
		}
	})
}

// FuzzAnswer reads what may come as an answer: its headers, and a first page.
func FuzzAnswer(f *testing.F) {
	f.Add("200", "", "7", "", `{"table":"a.T","head":7}`, []byte("1 k 1\nv\n"))
	f.Add("503", "unavailable", "", "100", "", []byte(nil))
	f.Add("", "", "-1", "99999999999999999999", "{", []byte("1 k 9\n"))
	f.Fuzz(func(t *testing.T, status, reason, revision, after, table string, body []byte) {
		a := readAnswer(&nats.Msg{Data: body, Header: nats.Header{
			wire.HeaderStatus: {status}, wire.HeaderReason: {reason}, wire.HeaderRevision: {revision},
			wire.HeaderRetryAfter: {after}, wire.HeaderTable: {table},
		}})
		var refused *Error
		if a.err != nil && !errors.As(a.err, &refused) && !errors.Is(a.err, ErrInvalid) {
			t.Fatalf("not a typed error: %v", a.err)
		}
		if a.err == nil && status == "" {
			t.Fatal("an answer without a status")
		}
		var found snapshot
		if err := found.begin(a.header); err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, wire.ErrInvalidHeader) {
			t.Fatalf("not a typed error: %v", err)
		}
	})
}
