package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/access"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestReload changes the agents file, by hand and by the file alone: whose rights
// change is cut and comes back under the new rules; others notice nothing.
func TestReload(t *testing.T) {
	for name, reload := range map[string]func(g *guarded){
		"by hand": func(g *guarded) {
			if err := g.ReloadAgents(); err != nil {
				t.Error(err)
			}
		},
		"by itself": func(*guarded) {},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t)
			watchOver(t, g)
			address := "nats://" + g.Addr().String()
			reader := connect(t, address, client.Name("reader"), client.Password("reader", password))
			secret, err := reader.Subscribe("zedagent.Secret")
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				err = secret.Wait(within(t))
			}
			if !errors.Is(err, client.ErrForbidden) {
				t.Fatal(err)
			}
			root := g.as("root", "nkv")
			root.done("nkv.v1.put.zedagent.Secret.k", nil, "1")
			path := wire.Path{Table: wire.Table{Agent: "zedagent", Topic: "Secret"}, Key: "k"}

			g.write(strings.Replace(agents, `"*.Status"]`, `"*.Status", zedagent.Secret]`, 1))
			reload(g)
			testutil.Await(t, patience, "the grant is in force", func() bool {
				_, err := reader.Get(within(t), path)
				return err == nil
			})
			testutil.Await(t, patience, "the refused subscription is let in", func() bool {
				c, ok := secret.Next()
				return ok && c.Op == client.Put && c.Key == "k"
			})
			root.done("nkv.v1.put.zedagent.Secret.k", nil, "2")
			testutil.Await(t, patience, "events come, too", func() bool {
				c, ok := secret.Next()
				return ok && string(c.Value) == "2"
			})

			// Wrong files change nothing.
			for _, content := range []string{"", "identities: {", "identities:\n  a: {uids: [1], rights: all}\n"} {
				g.write(content)
				if name == "by hand" {
					if err := g.ReloadAgents(); !errors.Is(err, access.ErrFile) {
						t.Errorf("%q: %v", content, err)
					}
				} else {
					testutil.Await(t, patience, "it is in the log", func() bool { return strings.Contains(g.log.String(), "stay in force") })
				}
				if _, err := reader.Get(within(t), path); err != nil {
					t.Errorf("with a wrong file: %v", err)
				}
				root.done("nkv.v1.version", nil, "")
			}

			g.write(agents)
			reload(g)
			testutil.Await(t, patience, "the grant is taken back", func() bool {
				_, err := reader.Get(within(t), path)
				return errors.Is(err, client.ErrForbidden)
			})
			testutil.Await(t, patience, "and the subscription is refused", func() bool {
				return errors.Is(secret.Refused(), client.ErrForbidden)
			})
			root.done("nkv.v1.put.zedagent.Secret.k", nil, "3")
			for c, ok := secret.Next(); ok; c, ok = secret.Next() {
				if string(c.Value) == "3" {
					t.Error("what was put then came")
				}
			}

			g.write(strings.Replace(agents, `  reader: {agents: [reader], passwords: ["HASH"], reads: [zedagent.Config, "*.Status"]}`, "", 1))
			reload(g)
			testutil.Await(t, patience, "the identity is gone", func() bool { return errors.Is(reader.Connected(), client.ErrForbidden) })
			if said := g.log.String(); strings.Contains(said, hashed()) || strings.Contains(said, password) {
				t.Error("the log has a secret")
			}
		})
	}
}

// TestReloadUnderway changes an identity's rights over and over while connections
// of it come, listen and ask: none goes on under rules that were replaced.
func TestReloadUnderway(t *testing.T) {
	g := guard(t)
	watchOver(t, g)
	root := g.as("root", "nkv")
	root.done("nkv.v1.put.zedagent.Secret.k", nil, "1")
	granted := strings.Replace(agents, `"*.Status"]`, `"*.Status", zedagent.Secret]`, 1)
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	asked := 0
	wait.Go(func() {
		for ctx.Err() == nil {
			nc, _, err := g.try("reader", "reader", rand.Text())
			if err != nil {
				continue // the rules changed while it came
			}
			if _, err := nc.Request("nkv.v1.get.zedagent.Secret.k", nil, time.Second); err == nil {
				asked++
			}
			nc.Close()
		}
	})
	for range 50 {
		for _, content := range []string{granted, agents} {
			g.write(content)
			if err := g.ReloadAgents(); err != nil {
				t.Error(err)
			}
		}
	}
	nc, instance, err := g.try("reader", "reader", rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	reader := &peer{Conn: nc, t: t, instance: instance}
	events, err := nc.SubscribeSync("nkv.v1.event.zedagent.Secret.*")
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if m := reader.ask("nkv.v1.get.zedagent.Secret.k", nil, nil); outcome(m) != "403 denied" {
			t.Fatalf("without the grant: %s", outcome(m))
		}
		root.done("nkv.v1.put.zedagent.Secret.k", nil, rand.Text())
	}
	if m, err := events.NextMsg(10 * time.Millisecond); err == nil {
		t.Errorf("without the grant: %s", m.Subject)
	}
	stop()
	wait.Wait()
	t.Logf("100 rounds of new rules, %d requests meanwhile, 0 violations", asked)
}

// TestTLSWithIdentities: over TLS, the same identities.
func TestTLSWithIdentities(t *testing.T) {
	cert, key := certificate(t)
	g := guard(t, func(o *server.Options) {
		o.NATSConfig = natsConfig(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q }", cert, key))
	})
	address := "tls://" + g.Addr().String()
	for name, given := range map[string][]client.Option{
		"a password": {client.Name("zedagent"), client.Password("zedagent", password)}, "an nkey": {client.Name("nim"), client.NKey(g.seed)},
	} {
		c := connect(t, address, append(given, client.RootCAs(cert))...)
		if _, err := c.Version(within(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	connect(t, g.ClientURL(), client.Name("peer"))
	_, err := dialed(address, nats.RootCAs(cert), nats.Name("zedagent"), nats.Token(rand.Text()), nats.UserInfo("zedagent", "wrong"), nats.NoReconnect())
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a wrong password: %v", err)
	}
	conn, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a socket takes deadlines
	if _, err := conn.Write([]byte(connectLine("zedagent", "zedagent", rand.Text()) + "PING\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if strings.Contains(string(buf[:n]), "PONG") {
			t.Error("it takes who speaks without TLS")
		}
		if err != nil {
			return
		}
	}
}

// TestDoorsWithoutIdentities: what can't tell who comes stays shut.
func TestDoorsWithoutIdentities(t *testing.T) {
	agentsFile := guard(t).file
	for content, with := range map[string]server.Options{
		"http: \"127.0.0.1:-1\"":                 {Agents: agentsFile},
		"https_port: 4":                          {Agents: agentsFile},
		"prof_port: 1":                           {Agents: agentsFile},
		"leafnodes { listen: \"127.0.0.1:-1\" }": {Agents: agentsFile},
		"leafnodes { remotes: [{url: \"nats://127.0.0.1:1\"}] }": {Agents: agentsFile},
		"leafnodes { listen: \"127.0.0.1:-1\"}":                  {},
		"leafnodes { listen: \"0.0.0.0:-1\"}":                    {Insecure: true},
		"websocket { listen: \"127.0.0.1:-1\", no_tls: true }":   {},
		"websocket { listen: \"0.0.0.0:-1\", no_tls: true }":     {Insecure: true},
		"websocket { port: 1, no_tls: true }":                    {Insecure: true},
	} {
		with.NATSConfig = natsConfig(t, content)
		s, err := server.Start(t.Context(), with)
		if err == nil {
			s.Shutdown()
		}
		if !errors.Is(err, server.ErrNATSConfig) {
			t.Errorf("%s: %v", content, err)
		}
	}
	g := guard(t, func(o *server.Options) {
		o.NATSConfig = natsConfig(t, "websocket { listen: \"127.0.0.1:-1\", no_tls: true }")
	})
	address := g.NATS().WebsocketURL()
	if _, err := dialed(address, nats.Name("zedagent"), nats.Token(rand.Text()), nats.NoReconnect()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("by websocket without an identity: %v", err)
	}
	nc, err := dialed(address, nats.Name("zedagent"), nats.Token(rand.Text()), nats.UserInfo("zedagent", password), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}
