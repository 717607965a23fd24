package client_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// An owner that publishes nothing notices all the same that its table was taken,
// and has it again, with what it wants, when it is free.
func TestIdleOwnerOpensAgainWhatWasTakenByForce(t *testing.T) {
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := server.Start(ctx, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	connect := func(name string) *client.Client {
		c, err := client.Connect(ctx, "", client.InProcess(s), client.Name(name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	table := wire.Table{Agent: "a", Topic: "B"}
	p, err := connect("a").Open(ctx, table)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(ctx, "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	operator := connect("operator")
	fence, err := operator.Take(ctx, table, false)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the owner knows that it has no valid fence", func() bool { return p.Fence() == 0 })
	path := wire.Path{Table: table, Key: "k"}
	if _, err := operator.Delete(ctx, path, client.Fence(fence)); err != nil {
		t.Fatal(err)
	}
	if err := operator.Release(ctx, table, fence); err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the owner has the table again, under a newer fence", func() bool { return p.Fence() > fence })
	testutil.Await(t, patience, "the key is what its owner wants", func() bool {
		e, err := operator.Get(ctx, path)
		return err == nil && string(e.Value) == "1"
	})
}

// recordingDialer keeps the addresses that it was to dial.
type recordingDialer struct{ addresses chan string }

func (d recordingDialer) Dial(_, address string) (net.Conn, error) {
	select {
	case d.addresses <- address:
	default:
	}
	return nil, errors.New("no connection in this test")
}

// A Unix socket needs no name service: it may be slow, or not there at all.
func TestUnixSocketIsNotLookedUpByName(t *testing.T) {
	d := recordingDialer{make(chan string, 1)}
	c, err := client.Connect(t.Context(), "unix://"+filepath.Join(t.TempDir(), "s"), client.Dialer(d))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	host, _, err := net.SplitHostPort(<-d.addresses)
	if err != nil || net.ParseIP(host) == nil {
		t.Errorf("the address to dial has host %q, %v; wanted an IP address, which nobody looks up", host, err)
	}
}
