package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// natsConfig writes a NATS configuration file.
func natsConfig(t testing.TB, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// certificate makes a certificate that vouches for itself, of 127.0.0.1.
func certificate(t testing.TB) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nkv"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: encoded},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLSFromNATSConfig(t *testing.T) {
	cert, key := certificate(t)
	opts := lives(t)
	opts.Listen, opts.Insecure = "127.0.0.1:0", true
	opts.NATSConfig = natsConfig(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q }", cert, key))
	s := start(t, opts)
	address := s.Addr().String()
	path := wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k"}
	overTLS := connect(t, "tls://"+address, client.RootCAs(cert))
	if _, err := overTLS.Put(within(t), path, []byte("v")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*client.Client{
		"the socket":          connect(t, s.ClientURL()),
		"the process":         connect(t, "", client.InProcess(s)),
		"TLS, asked for by s": connect(t, "nats://"+address, client.RootCAs(cert)),
	} {
		if e, err := c.Get(within(t), path); err != nil || string(e.Value) != "v" {
			t.Errorf("over %s: %q, %v", name, e.Value, err)
		}
	}
	if _, err := nats.Connect("tls://"+address, nats.Token(rand.Text()), nats.NoReconnect()); err == nil {
		t.Error("a client that does not trust the certificate connected")
	} else if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

func TestMonitoringFromNATSConfig(t *testing.T) {
	s := start(t, server.Options{NATSConfig: natsConfig(t, "http: 127.0.0.1:-1\nserver_name: here")})
	meet(t, s, "seen")
	answer, err := http.Get("http://" + s.NATS().MonitorAddr().String() + "/connz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var body natsserver.Connz
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	for _, c := range body.Conns {
		if c.Name == "seen" {
			return
		}
	}
	t.Errorf("the connection is not shown: %+v", body)
}

// TestLeafNode joins another NATS server: events go there, and nothing that it
// sends is taken for an event or a request.
func TestLeafNode(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, server.Options{Insecure: true, NATSConfig: natsConfig(t, "leafnodes { listen: \"127.0.0.1:-1\" }")})
	varz, err := s.NATS().Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	conf := natsConfig(t, fmt.Sprintf("listen: \"127.0.0.1:-1\"\nserver_name: leaf\nleafnodes { remotes: [{ url: \"nats://127.0.0.1:%d\" }] }", varz.LeafNode.Port))
	leafOpts, err := natsserver.ProcessConfigFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	leafOpts.NoLog, leafOpts.NoSigs = true, true
	leaf, err := natsserver.NewServer(leafOpts)
	if err != nil {
		t.Fatal(err)
	}
	leaf.Start()
	t.Cleanup(func() { leaf.Shutdown(); leaf.WaitForShutdown() })
	if !leaf.ReadyForConnections(patience) {
		t.Fatal("the leaf is not ready")
	}
	far, err := nats.Connect(leaf.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.Close)
	heard, err := far.SubscribeSync("nkv.v1.event.>")
	if err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the leaf is joined", func() bool { return s.NATS().NumLeafNodes() == 1 })
	near := meet(t, s, "a")
	forged, err := near.SubscribeSync("nkv.v1.event.>")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	testutil.Await(t, patience, "an event crosses", func() bool {
		n++
		near.done("nkv.v1.put.a.T.k", nil, fmt.Sprint(n))
		m, err := heard.NextMsg(50 * time.Millisecond)
		return err == nil && m.Subject == "nkv.v1.event.a.T.k"
	})
	for _, subject := range []string{"nkv.v1.event.a.T.forged", "nkv.v1.put.a.T.forged"} {
		if err := far.PublishRequest(subject, wire.InboxPrefix(near.instance)+".x", []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	if err := far.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	for m, err := forged.NextMsg(300 * time.Millisecond); err == nil; m, err = forged.NextMsg(300 * time.Millisecond) {
		if strings.Contains(m.Subject, "forged") {
			t.Errorf("the leaf's %s is heard", m.Subject)
		}
	}
	if m := near.ask("nkv.v1.get.a.T.forged", nil, nil); outcome(m) != "404 not-found" {
		t.Errorf("the leaf's put happened: %s", outcome(m))
	}
}

func TestNATSConfigIsRefused(t *testing.T) {
	cert, key := certificate(t)
	for content, says := range map[string]string{
		"port: 4333":                        "port",
		"host: 127.0.0.1":                   "host",
		"listen: 127.0.0.1:4333":            "listen",
		"max_payload: 1024":                 "max_payload",
		"max_pending: 1MB":                  "max_pending",
		"write_deadline: \"1s\"":            "write_deadline",
		"write_timeout: retry":              "write_timeout",
		"ping_interval: \"1s\"":             "ping_interval",
		"ping_max: 7":                       "ping_max",
		"authorization { token: secret }":   "authorization",
		"authorization { user: u, pass: p}": "authorization",
		"authorization { users: [ { user: u, password: p } ] }":  "users",
		"accounts { A { users: [ { user: u, password: p } ] } }": "accounts",
		"mappings { \"nkv.v1.put.>\": \"nkv.v1.event.>\" }":      "mappings",
		"no_auth_user: u":                               "no_auth_user",
		"jetstream: true":                               "jetstream",
		"jetstream { store_dir: /nowhere }":             "jetstream",
		"system_account: SYS":                           "system_account",
		"no_system_account: true":                       "no_system_account",
		"no_header_support: true":                       "no_header_support",
		"proxy_protocol: true":                          "proxy_protocol",
		"cluster { listen: 127.0.0.1:-1 }":              "cluster",
		"gateway { name: g, listen: \"127.0.0.1:-1\" }": "gateway",
		"trusted_keys: [ OAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ]":     "trust",
		"mqtt { listen: \"127.0.0.1:-1\" }":                                              "mqtt",
		"leafnodes { listen: \"127.0.0.1:-1\", authorization { user: u, password: p } }": "leafnodes",
		"no_such_setting: 1":                                             "no_such_setting",
		"tls { cert_file: /nowhere, key_file: /nowhere }":                "/nowhere",
		"tls { cert_file: \"" + key + "\", key_file: \"" + cert + "\" }": "tls",
		"port: {":  "",
		"port: no": "",
	} {
		t.Run(content, func(t *testing.T) {
			file := natsConfig(t, content)
			s, err := server.Start(context.Background(), server.Options{NATSConfig: file})
			if err == nil {
				s.Shutdown()
			}
			if !errors.Is(err, server.ErrNATSConfig) || !strings.Contains(err.Error(), file) {
				t.Fatalf("got %v; want ErrNATSConfig naming the file", err)
			}
			if said := strings.ReplaceAll(err.Error(), file, ""); !strings.Contains(said, says) {
				t.Errorf("%q does not name %s", said, says)
			}
		})
	}
	for name, file := range map[string]string{"missing": filepath.Join(t.TempDir(), "none"), "a folder": t.TempDir()} {
		s, err := server.Start(context.Background(), server.Options{NATSConfig: file})
		if err == nil {
			s.Shutdown()
		}
		if !errors.Is(err, server.ErrNATSConfig) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v; want ErrNATSConfig naming the file", name, err)
		}
	}
}

func TestNATSConfigIsTaken(t *testing.T) {
	for _, content := range []string{
		"", "# nothing", "jetstream: false", "max_connections: 100", "lame_duck_duration: \"30s\"",
		"authorization { timeout: 3 }", "websocket { listen: \"127.0.0.1:-1\", no_tls: true }",
	} {
		s := start(t, server.Options{Insecure: true, NATSConfig: natsConfig(t, content)})
		meet(t, s, "a").done("nkv.v1.put.a.T.k", nil, "v")
		s.Shutdown()
	}
}
