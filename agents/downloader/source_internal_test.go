package downloader

import (
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

func TestWhereADatastoreHasAFile(t *testing.T) {
	for _, c := range []struct {
		ds       types.DatastoreConfig
		relative string
		want     string
	}{
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "images.example"}, "a", "http://images.example/a"},
		{types.DatastoreConfig{Type: "DsHttps", FQDN: "images.example"}, "a", "https://images.example/a"},
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "https://images.example:8443/", DPath: "/edge/"}, "/x/a", "https://images.example:8443/edge/x/a"},
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "h/base", DPath: "d"}, "a", "http://h/base/d/a"},
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "http://127.0.0.1:1", DPath: "registry.example/-"}, "plant/collector:1.9.0", "http://127.0.0.1:1/registry.example/-/plant/collector:1.9.0"},
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "h"}, "a b?c#d%20e", "http://h/a%20b%3Fc%23d%2520e"},
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "h"}, "../up//x", "http://h/../up//x"},
		{types.DatastoreConfig{Type: "DsHttp", FQDN: "[::1]:80"}, "a", "http://[::1]:80/a"},
	} {
		if got := newSource("id", c.ds, c.relative); got.url != c.want || got.problem != "" {
			t.Errorf("%s, %s, %s: %s %s instead of %s", c.ds.FQDN, c.ds.DPath, c.relative, got.url, got.problem, c.want)
		}
	}
	for _, fqdn := range []string{"", "docker://h", "http://", "http://h/?q", "http://h#f", "http://h:x", "%zz"} {
		if got := newSource("id", types.DatastoreConfig{Type: "DsHttp", FQDN: fqdn}, "a"); got.problem == "" {
			t.Errorf("%q makes %s", fqdn, got.url)
		}
	}
}

func TestPause(t *testing.T) {
	for _, c := range []struct {
		failures    int
		first, most time.Duration
		want        time.Duration
	}{
		{0, time.Second, time.Minute, time.Second},
		{1, time.Second, time.Minute, 2 * time.Second},
		{5, time.Second, time.Minute, 32 * time.Second},
		{6, time.Second, time.Minute, time.Minute},
		{1 << 40, time.Second, 1<<32*time.Second - 1, 1<<32*time.Second - 1},
		{0, time.Minute, time.Second, time.Second},
	} {
		if got := pause(c.first, c.most, c.failures); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
