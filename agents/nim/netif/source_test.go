package netif_test

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/types"
)

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

func TestHostHasALoopbackInterface(t *testing.T) {
	host := netif.NewHost(quiet())
	defer host.Close()
	list, err := host.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.Loopback && i.MTU > 0 && i.Index > 0 {
			return
		}
	}
	t.Errorf("no loopback interface among %+v", list)
}

func TestFileListsInterfaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "interfaces.json")
	file, err := netif.Open(path, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if list, err := file.Interfaces(); err != nil || list != nil {
		t.Errorf("a missing file gives %v, %v", list, err)
	}
	text := `[{"Name":"eth1","Addrs":[]},{"Name":"eth0","MAC":"02:00:00:00:00:01","MTU":1500,"AdminUp":true,"Carrier":true,
		"Addrs":["fe80::1/64","192.0.2.10/24"],"Ports":["x"]}]`
	want := []types.HostInterface{
		{Name: "eth0", MAC: "02:00:00:00:00:01", MTU: 1500, AdminUp: true, Carrier: true,
			Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("fe80::1/64")}},
		{Name: "eth1"},
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	timeout := time.After(10 * time.Second)
	for {
		select {
		case <-file.Changes():
		case <-timeout:
			t.Fatal("not told of the file")
		}
		got, err := file.Interfaces()
		diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
		if err == nil && diff == "" {
			break
		}
	}
	for name, test := range map[string]struct{ text, want string }{
		"half written":  {`[{"Name":"eth0"`, "unexpected EOF"},
		"wrong key":     {`[{"Nam":"eth0"}]`, `unknown field "Nam"`},
		"no name":       {`[{"MTU":1}]`, "interface 0 has no name"},
		"name twice":    {`[{"Name":"a"},{"Name":"a"}]`, `"a" is given twice`},
		"malformed MAC": {`[{"Name":"a","MAC":"zz"}]`, `interface "a"`},
		"two values":    {`[] []`, "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := file.Interfaces()
			if !errors.Is(err, netif.ErrFormat) || !strings.Contains(err.Error(), test.want) ||
				!strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
}
