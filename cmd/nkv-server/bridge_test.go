package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
	"github.com/evenkv/nkv/tests/migration/original"
)

// An old publisher becomes a table, and a client's table appears on its socket.
func checkEveBridge(t *testing.T, i *instance) {
	i.ready()
	name := original.Name{Agent: "tester", Topic: "Old"}
	p, err := original.Publish(i.dir, name, true)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if err := p.Publish("k", "1"); err != nil {
		t.Fatal(err)
	}
	c := i.connect(client.Name("tester"))
	testutil.Await(t, patience, "the old publisher's value comes", func() bool {
		e, err := c.Get(t.Context(), keyPath("Old", "k"))
		return err == nil && string(e.Value) == "1"
	})
	pub, err := c.Open(t.Context(), wire.Table{Agent: "tester", Topic: "New"})
	if err != nil {
		t.Fatal(err)
	}
	if err := pub.Put(t.Context(), "k", []byte("2")); err != nil {
		t.Fatal(err)
	}
	s := original.Subscribe(i.dir, original.Name{Agent: "tester", Topic: "New"}, nil)
	defer s.Close()
	testutil.Await(t, patience, "the old subscriber sees the value", func() bool {
		return cmp.Equal(s.Values(), map[string]string{"k": "2"})
	})
	i.says("eve-bridge=true")
	i.stop()
	if strings.Contains(i.stderr.String(), "level=error") {
		t.Errorf("it complains:\n%s", i.stderr.String())
	}
}

func TestEveBridgeNeedsEveRoot(t *testing.T) {
	dir := newDir(t)
	code, says := refused(t, dir, append(places(dir), "--eve-bridge")...)
	if code != exitUsage || !strings.Contains(says, "--eve-bridge: eve-bridge needs eve-root") {
		t.Errorf("exit code %d: %s", code, says)
	}
}
