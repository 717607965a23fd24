package downloader

import (
	"crypto/x509"
	"net/url"
	"reflect"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// plan is a request and where it can be fetched from.
type plan struct {
	request types.DownloaderConfig
	sources []source
}

func (p plan) equal(q plan) bool { return reflect.DeepEqual(p, q) }

// source is a place that the content can be fetched from. It holds secrets and
// is not to be logged.
type source struct {
	datastore string // its id
	url       string // without credentials
	user      string
	password  string
	certs     []string // PEM texts that the server may be trusted by as well
	problem   string   // why nothing can be fetched from it; empty: nothing is wrong
}

func newPlan(request types.DownloaderConfig, datastores map[string]types.DatastoreConfig) plan {
	p := plan{request: request}
	for _, id := range request.DatastoreIDs {
		ds, ok := datastores[id]
		if !ok {
			p.sources = append(p.sources, source{datastore: id, problem: "datastore " + id + " is not in the configuration"})
			continue
		}
		p.sources = append(p.sources, newSource(id, ds, request.RelativeURL))
	}
	return p
}

// newSource says where a datastore has a file.
func newSource(id string, ds types.DatastoreConfig, relative string) source {
	s := source{datastore: id, user: ds.APIKey, password: ds.Password, certs: ds.CertPEM}
	wrong := func(why string) source {
		return source{datastore: id, problem: "datastore " + display(id, ds) + ": " + why}
	}
	scheme := ""
	switch ds.Type {
	case "DsHttp":
		scheme = "http://"
	case "DsHttps":
		scheme = "https://"
	default:
		return wrong("type " + string(ds.Type) + " " + ErrSource.Error() + "; start zedagent with --datastore URL")
	}
	address := ds.FQDN
	if !strings.Contains(address, "://") {
		address = scheme + address
	}
	u, err := url.Parse(address) // its error may quote a password
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return wrong("its FQDN must be HOST, HOST:PORT or an http or https URL without a query")
	}
	if u.User != nil && s.user == "" && s.password == "" {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
	}
	for _, pem := range s.certs {
		if !x509.NewCertPool().AppendCertsFromPEM([]byte(pem)) {
			return wrong("a text of its CertPEM holds no certificate")
		}
	}
	u.User = nil
	u.Path, u.RawPath = join(u.Path, ds.DPath, relative), ""
	s.url = u.String()
	return s
}

// join puts paths together with one slash between them.
func join(paths ...string) string {
	var joined strings.Builder
	for _, path := range paths {
		if path = strings.Trim(path, "/"); path != "" {
			joined.WriteString("/" + path)
		}
	}
	return joined.String()
}

// display names a datastore for people, without credentials.
func display(id string, ds types.DatastoreConfig) string {
	if ds.FQDN == "" || strings.Contains(ds.FQDN, "@") {
		return id
	}
	return ds.FQDN
}

// where names what a problem concerns.
func where(key string, request types.DownloaderConfig) string {
	name := request.DisplayName
	if name == "" {
		name = key
	}
	return `content tree "` + name + `"`
}
