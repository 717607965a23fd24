package server_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/server"
)

// TestClientsOfTheFirstProtocolLeaveNothing lets them come and go, with and without
// the server being told.
func TestClientsOfTheFirstProtocolLeaveNothing(t *testing.T) {
	s := start(t, server.Options{NKV0: true})
	own := s.Sides()
	visit := func() {
		var all []*nats.Conn
		for range 20 {
			nc, err := nats.Connect("", nats.InProcessServer(s))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Request("pubsub.get", []byte(`{"type":"Get","id":1,"key":"k"}`), patience); err != nil {
				t.Error(err)
			}
			all = append(all, nc)
		}
		if n := s.Sides(); n != own+len(all) {
			t.Errorf("%d connections are known; want %d", n, own+len(all))
		}
		if n, _ := s.Sessions(); n != 0 {
			t.Errorf("%d are taken for clients of today", n)
		}
		for _, nc := range all {
			nc.Close()
		}
	}
	visit()
	testutil.Await(t, patience, "they are forgotten", func() bool { return s.Sides() == own })
	s.Deafen()
	visit()
	testutil.Await(t, patience, "NATS has only the server's own", func() bool { return s.NATS().NumClients() < own })
	s.SweepSessions()
	if n := s.Sides(); n != own-1 { // the one that was deaf is gone, too
		t.Errorf("%d connections are known after the sweep; want %d", n, own-1)
	}
}

// TestNothingIsKeptWithoutTheFirstProtocol: its book-keeping costs nobody anything.
func TestNothingIsKeptWithoutTheFirstProtocol(t *testing.T) {
	s := start(t, server.Options{})
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if n := s.Sides(); n != 0 {
		t.Errorf("%d sides are kept", n)
	}
}
