package zedagent

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// OverrideMark ends the part of a path that names the datastore which an
// override stands in for; what follows is the content's name.
const OverrideMark = "-"

// OverrideDatastores returns the datastores as they are when one HTTP server
// stands in for all of them, without their credentials: the content "c" of
// "docker://registry.example" is then at <base>/registry.example/-/c. The base
// is that of CheckOverride.
func OverrideDatastores(datastores map[string]types.DatastoreConfig, base string) map[string]types.DatastoreConfig {
	base = strings.TrimRight(base, "/")
	kind := types.DatastoreType("DsHttp")
	if strings.HasPrefix(base, "https:") {
		kind = "DsHttps"
	}
	replaced := make(map[string]types.DatastoreConfig, len(datastores))
	for key, ds := range datastores {
		var path []string
		for _, part := range []string{place(ds.FQDN), ds.DPath, OverrideMark} {
			if part = strings.Trim(part, "/"); part != "" {
				path = append(path, part)
			}
		}
		replaced[key] = types.DatastoreConfig{
			UUID: ds.UUID, Type: kind, FQDN: base, DPath: strings.Join(path, "/"), Error: ds.Error,
		}
	}
	return replaced
}

// place is a datastore's host with its path, without the scheme and without
// what may be secret: user and password, query, fragment.
func place(fqdn string) string {
	if _, rest, ok := strings.Cut(fqdn, "://"); ok {
		fqdn = rest
	}
	if end := strings.IndexAny(fqdn, "?#"); end >= 0 {
		fqdn = fqdn[:end]
	}
	host, path, _ := strings.Cut(fqdn, "/")
	return host[strings.LastIndexByte(host, '@')+1:] + "/" + path
}

// CheckOverride refuses what is not an absolute HTTP or HTTPS URL without a
// query, a fragment or credentials; empty is no override.
func CheckOverride(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		strings.ContainsAny(base, "?#") || u.User != nil {
		return fmt.Errorf("%w: DatastoreOverride is not of the form http://HOST:PORT/PATH", ErrInvalidOption)
	}
	return nil
}
