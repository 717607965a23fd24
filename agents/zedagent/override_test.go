package zedagent_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent"
)

func TestAnOverrideStandsInForEveryDatastore(t *testing.T) {
	for _, test := range []struct {
		name, base string
		ds, want   types.DatastoreConfig
	}{
		{
			"registry", "http://127.0.0.1:8080",
			types.DatastoreConfig{UUID: "a", Type: "DsContainerRegistry", FQDN: "docker://index.docker.io", APIKey: "user", Password: "secret"},
			types.DatastoreConfig{UUID: "a", Type: "DsHttp", FQDN: "http://127.0.0.1:8080", DPath: "index.docker.io/-"},
		},
		{
			"path", "https://cache.example/all/",
			types.DatastoreConfig{UUID: "a", Type: "DsHttps", FQDN: "https://images.plant.example/", DPath: "/edge/", CertPEM: []string{"x"}, Error: "odd"},
			types.DatastoreConfig{UUID: "a", Type: "DsHttps", FQDN: "https://cache.example/all", DPath: "images.plant.example/edge/-", Error: "odd"},
		},
		{
			"secrets in the address", "http://h",
			types.DatastoreConfig{UUID: "a", FQDN: "https://user:p@ss@blob.example/edge?sig=secret#x", DPath: "d"},
			types.DatastoreConfig{UUID: "a", Type: "DsHttp", FQDN: "http://h", DPath: "blob.example/edge/d/-"},
		},
		{
			"nothing", "http://h",
			types.DatastoreConfig{UUID: "a"},
			types.DatastoreConfig{UUID: "a", Type: "DsHttp", FQDN: "http://h", DPath: "-"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := zedagent.OverrideDatastores(map[string]types.DatastoreConfig{"a": test.ds}, test.base)
			if diff := cmp.Diff(map[string]types.DatastoreConfig{"a": test.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnOverrideMustBeAnHTTPAddress(t *testing.T) {
	for base, ok := range map[string]bool{
		"": true, "http://127.0.0.1:1": true, "https://h/p": true,
		"h": false, "ftp://h": false, "http://": false, "http://u:p@h": false, "http://h?q": false, "http://h#f": false, "http://h?": false, "http://h#": false, "http://:80": false, "http://h:x": false,
	} {
		if err := zedagent.CheckOverride(base); (err == nil) != ok || err != nil && !errors.Is(err, zedagent.ErrInvalidOption) {
			t.Errorf("%q: %v", base, err)
		}
	}
}
