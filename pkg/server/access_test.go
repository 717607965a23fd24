package server_test

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// guarded is a server with access control, with what its identities prove
// themselves with.
type guarded struct {
	*server.Server
	t    testing.TB
	opts server.Options
	file string
	key  nkeys.KeyPair
	seed string // file
	log  *lines
}

// password is everybody's.
const password = "open sesame"

// hashed is its hash, at the cost that nkv auth gives it, where there is time for that.
var hashed = sync.OnceValue(func() string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
	if err != nil {
		panic(err)
	}
	return string(hash)
})

// agents is a file with everything in it. KEY and HASH and UID are replaced.
const agents = `
identities:
  zedagent: {agents: [zedagent], passwords: ["HASH"]}
  nim: {agents: [nim, nimbus], nkeys: [KEY]}
  other: {agents: [zedagent], passwords: ["HASH"]}
  reader: {agents: [reader], passwords: ["HASH"], reads: [zedagent.Config, "*.Status"]}
  root: {role: operator, passwords: ["HASH"]}
  viewer: {role: observer, passwords: ["HASH"]}
  peer: {agents: [peer], uids: [UID]}
secret: [zedagent.Secret, vault.>]
`

// guard starts a server with access control on all doors.
func guard(t testing.TB, change ...func(*server.Options)) *guarded {
	t.Helper()
	dir := t.TempDir()
	g := &guarded{t: t, opts: lives(t), file: filepath.Join(dir, "agents.yaml"), seed: filepath.Join(dir, "nim.nk"), log: &lines{}}
	var err error
	if g.key, err = nkeys.CreateUser(); err != nil {
		t.Fatal(err)
	}
	seed, err := g.key.Seed()
	if err == nil {
		err = os.WriteFile(g.seed, seed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.write(agents)
	g.opts.Listen, g.opts.Agents, g.opts.Logger = "127.0.0.1:0", g.file, g.log.logger()
	g.opts.OwnerGrace = 300 * time.Millisecond
	for _, c := range change {
		c(&g.opts)
	}
	g.Server = start(t, g.opts)
	return g
}

// write replaces the agents file.
func (g *guarded) write(content string) {
	g.t.Helper()
	public, err := g.key.PublicKey()
	if err != nil {
		g.t.Fatal(err)
	}
	content = strings.NewReplacer("KEY", public, "HASH", hashed(), "UID", fmt.Sprint(os.Getuid())).Replace(content)
	if err := os.WriteFile(g.file+".new", []byte(content), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(g.file+".new", g.file); err != nil {
		g.t.Fatal(err)
	}
}

// as connects over TCP as an identity with a password, or as nim with its key.
func (g *guarded) as(identity, agent string, more ...nats.Option) *peer {
	g.t.Helper()
	nc, instance, err := g.try(identity, agent, rand.Text(), more...)
	if err != nil {
		g.t.Fatalf("%s as %s: %v", identity, agent, err)
	}
	return &peer{Conn: nc, t: g.t, instance: instance}
}

// try is as, with an instance, when it may fail.
func (g *guarded) try(identity, agent, instance string, more ...nats.Option) (*nats.Conn, string, error) {
	g.t.Helper()
	opts := []nats.Option{
		nats.Name(agent), nats.Token(instance), nats.CustomInboxPrefix(wire.InboxPrefix(instance)), nats.NoReconnect(), nats.Timeout(patience),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	switch identity {
	case "nim":
		option, err := nats.NkeyOptionFromSeed(g.seed)
		if err != nil {
			g.t.Fatal(err)
		}
		opts = append(opts, option)
	case "":
	default:
		opts = append(opts, nats.UserInfo(identity, password))
	}
	nc, err := dialed("nats://"+g.Addr().String(), append(opts, more...)...)
	if err == nil {
		g.t.Cleanup(nc.Close)
	}
	return nc, instance, err
}

// dialed connects, again where a connection broke before the client was told why.
func dialed(address string, opts ...nats.Option) (nc *nats.Conn, err error) {
	for range 10 {
		nc, err = nats.Connect(address, opts...)
		if err == nil || errors.Is(err, nats.ErrAuthorization) {
			break
		}
	}
	return nc, err
}

// lines are what a server logs, as JSON.
type lines struct{ testutil.Text }

func (l *lines) logger() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(l)
	log.SetFormatter(&logrus.JSONFormatter{})
	return log
}

// audits returns the refusals that were written down.
func (l *lines) audits(t testing.TB) (all []map[string]any) {
	t.Helper()
	for _, text := range strings.Split(strings.TrimSpace(l.String()), "\n") {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil && text != "" {
			t.Fatalf("%q: %v", text, err)
		}
		if line["audit"] == "refused" {
			all = append(all, line)
		}
	}
	return all
}

// TestLogins: who can prove to be somebody comes in, by every way, and who can't
// does not, and is not told why.
func TestLogins(t *testing.T) {
	g := guard(t)
	other, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := g.key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key nkeys.KeyPair) nats.SignatureHandler {
		return func(nonce []byte) ([]byte, error) { return key.Sign(nonce) }
	}
	stale := func([]byte) ([]byte, error) { return g.key.Sign([]byte("another nonce")) }
	over := nats.SetCustomDialer(socketDialer(g.opts.Socket))
	for name, test := range map[string]struct {
		identity, agent string
		more            []nats.Option
		in              bool
	}{
		"password":                   {"zedagent", "zedagent", nil, true},
		"nkey":                       {"nim", "nim", nil, true},
		"nkey, second agent":         {"nim", "nimbus", nil, true},
		"operator":                   {"root", "nkv", nil, true},
		"observer":                   {"viewer", "nkv", nil, true},
		"peer":                       {"", "peer", []nats.Option{over}, true},
		"password on the socket":     {"zedagent", "zedagent", []nats.Option{over}, true},
		"nkey on the socket":         {"nim", "nim", []nats.Option{over}, true},
		"nothing":                    {"", "peer", nil, false},
		"another's agent":            {"zedagent", "nim", nil, false},
		"no agent":                   {"zedagent", "", nil, false},
		"peer, another's agent":      {"", "zedagent", []nats.Option{over}, false},
		"peer, unknown agent":        {"", "nkv", []nats.Option{over}, false},
		"wrong password":             {"", "zedagent", []nats.Option{nats.UserInfo("zedagent", "wrong")}, false},
		"no password":                {"", "zedagent", []nats.Option{nats.UserInfo("zedagent", "")}, false},
		"its hash":                   {"", "zedagent", []nats.Option{nats.UserInfo("zedagent", hashed())}, false},
		"long password":              {"", "zedagent", []nats.Option{nats.UserInfo("zedagent", strings.Repeat("p", 2000))}, false},
		"unknown user":               {"", "zedagent", []nats.Option{nats.UserInfo("nobody", password)}, false},
		"user without password":      {"", "nim", []nats.Option{nats.UserInfo("nim", password)}, false},
		"wrong on the socket":        {"", "peer", []nats.Option{over, nats.UserInfo("peer", "wrong")}, false},
		"foreign key":                {"", "nim", []nats.Option{nats.Nkey(foreign, sign(other))}, false},
		"foreign signature":          {"", "nim", []nats.Option{nats.Nkey(public, sign(other))}, false},
		"stale signature":            {"", "nim", []nats.Option{nats.Nkey(public, stale)}, false},
		"empty signature":            {"", "nim", []nats.Option{nats.Nkey(public, func([]byte) ([]byte, error) { return nil, nil })}, false},
		"short instance":             {"zedagent", "zedagent", []nats.Option{nats.Token("short")}, false},
		"no instance":                {"zedagent", "zedagent", []nats.Option{nats.Token("")}, false},
		"a wrong key and a password": {"zedagent", "zedagent", []nats.Option{nats.Nkey(public, sign(other))}, false},
	} {
		nc, _, err := g.try(test.identity, test.agent, rand.Text(), test.more...)
		if test.in != (err == nil) || !test.in && !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			nc.Close()
		}
	}
	if said := g.log.String(); strings.Contains(said, password) || strings.Contains(said, "wrong\"") || strings.Contains(said, "nobody") {
		t.Errorf("the log has a secret: %s", said)
	}
	for _, line := range g.log.audits(t) {
		if line["from"] == nil || !strings.HasPrefix(fmt.Sprint(line["msg"]), "a login: ") {
			t.Errorf("%v", line)
		}
	}
}

// TestWalls asks for everything, as everybody.
func TestWalls(t *testing.T) {
	g := guard(t)
	owner := g.as("zedagent", "zedagent")
	fences := map[string]string{}
	for _, table := range []string{"zedagent.Config", "zedagent.Secret", "zedagent.Status"} {
		fences[table] = owner.open(table)
		owner.done("nkv.v1.put."+table+".k", headers(wire.HeaderFence, fences[table]), "1")
	}
	root := g.as("root", "nkv")
	root.done("nkv.v1.put.vault.Key.k", nil, "1")
	root.done("nkv.v1.put.nim.Status.k", nil, "1")
	for _, test := range []struct {
		who    *peer
		reads  string // tables that it reads, of these five
		writes string // that it may put a new key to, open or not
	}{
		{root, "nim.Status vault.Key zedagent.Config zedagent.Secret zedagent.Status", "nim.Status vault.Key"},
		{g.as("viewer", "nkv"), "nim.Status vault.Key zedagent.Config zedagent.Secret zedagent.Status", ""},
		{owner, "nim.Status zedagent.Config zedagent.Secret zedagent.Status", "zedagent.Config zedagent.Secret zedagent.Status"},
		{g.as("nim", "nim"), "nim.Status zedagent.Config zedagent.Status", "nim.Status"},
		{g.as("nim", "nimbus"), "nim.Status zedagent.Config zedagent.Status", ""},
		{g.as("reader", "reader"), "nim.Status zedagent.Config zedagent.Status", ""},
	} {
		name, err := test.who.Opts.Name, error(nil)
		for _, table := range []string{"nim.Status", "vault.Key", "zedagent.Config", "zedagent.Secret", "zedagent.Status"} {
			read, write := strings.Contains(test.reads, table), strings.Contains(test.writes, table)
			for _, subject := range []string{"get." + table + ".k", "snapshot." + table, "trace." + table} {
				m := test.who.ask("nkv.v1."+subject, nil, nil)
				if got := outcome(m); read && got != "200" || !read && got != "403 denied" {
					t.Errorf("%s: %s: %s (%s)", name, subject, got, header(m, wire.HeaderMessage))
				}
				if !read && (!strings.Contains(header(m, wire.HeaderMessage), "agents.yaml:") || len(m.Data) > 0) {
					t.Errorf("%s: %s: %q, %q", name, subject, header(m, wire.HeaderMessage), m.Data)
				}
			}
			for _, subject := range []string{"put." + table + ".n", "delete." + table + ".n", "open." + table, "close." + table, "mark." + table} {
				for _, h := range []nats.Header{nil, headers(wire.HeaderFence, cmp.Or(fences[table], "1")), headers(wire.HeaderForce, "true")} {
					if write {
						continue // that it may is tested elsewhere, and would change what is tested here
					}
					if fences[table] != "" && test.who == root {
						continue // it may, but the table is owned
					}
					if m := test.who.ask("nkv.v1."+subject, h, []byte("{}")); outcome(m) != "403 denied" {
						t.Errorf("%s: %s: %s", name, subject, outcome(m))
					}
				}
			}
			if m := test.who.ask("nkv.v1.delete."+table, headers(wire.HeaderPattern, table+".none"), nil); !write && test.who != root && outcome(m) != "403 denied" {
				t.Errorf("%s: delete of a pattern of %s: %s", name, table, outcome(m))
			}
		}
		var tables wire.TablesAnswer
		decode(t, test.who.done("nkv.v1.tables", nil, ""), &tables)
		var seen []string
		for _, info := range tables.Tables {
			seen = append(seen, info.Table)
		}
		if got := strings.Join(seen, " "); got != test.reads {
			t.Errorf("%s sees the tables %s; want %s", name, got, test.reads)
		}
		var heads wire.HeadsAnswer
		body, err := json.Marshal(wire.HeadsRequest{Tables: []string{">", "vault.Key", "zedagent.Secret", "nim.Status"}})
		if err != nil {
			t.Fatal(err)
		}
		decode(t, test.who.done("nkv.v1.heads", nil, string(body)), &heads)
		for _, table := range []string{"vault.Key", "zedagent.Secret", "nim.Status"} {
			if _, there := heads.Heads[table]; there != strings.Contains(test.reads, table) {
				t.Errorf("%s: head of %s: %v", name, table, there)
			}
		}
		if len(heads.Heads) != len(seen) {
			t.Errorf("%s: heads %v", name, heads.Heads)
		}
	}
	for who, want := range map[*peer]string{owner: "403 denied", g.as("viewer", "nkv"): "200", root: "200"} {
		if m := who.ask("nkv.v1.backup", nil, nil); outcome(m) != want {
			t.Errorf("%s: a backup: %s", who.Opts.Name, outcome(m))
		}
		for _, step := range []string{"begin", "add", "commit"} {
			if m := who.ask("nkv.v1.restore."+step, nil, []byte("{}")); who != root && outcome(m) != "403 denied" {
				t.Errorf("%s: restore: %s", who.Opts.Name, outcome(m))
			}
		}
	}
	var health wire.HealthAnswer
	decode(t, root.done("nkv.v1.health", nil, ""), &health)
	if health.Refused < 100 {
		t.Errorf("%d refusals are counted", health.Refused)
	}
	audits := g.log.audits(t)
	if len(audits) == 0 || len(audits) > 60 { // 50 at once, and 1 each second
		t.Errorf("%d refusals are written down", len(audits))
	}
	for _, line := range audits {
		if line["identity"] == nil || line["agent"] == nil || line["subject"] == nil || !strings.Contains(fmt.Sprint(line["msg"]), "agents.yaml:") {
			t.Errorf("%v", line)
		}
	}
}

// TestEventsOfGrantedTables subscribes to everything in every way: events of
// tables that may not be read never come.
func TestEventsOfGrantedTables(t *testing.T) {
	g := guard(t)
	root := g.as("root", "nkv")
	tables := []string{"nim.Status", "vault.Key", "zedagent.Config", "zedagent.Secret", "zedagent.Secret@scope", "zedagent.Other"}
	for _, test := range []struct {
		who    *peer
		reads  string
		refuse string // of the subjects below
	}{
		{root, strings.Join(tables, " "), ""},
		{g.as("viewer", "nkv"), strings.Join(tables, " "), ""},
		{g.as("zedagent", "zedagent"), "nim.Status zedagent.Config zedagent.Secret zedagent.Secret@scope zedagent.Other", "vault.*.* vault.> vault.Key.* vault.Key.k vault.Key.$mark"},
		{g.as("nim", "nim"), "nim.Status zedagent.Config zedagent.Secret@scope zedagent.Other", "vault.*.* vault.> vault.Key.* vault.Key.k vault.Key.$mark zedagent.Secret.*"},
		{g.as("reader", "reader"), "nim.Status zedagent.Config", "> *.*.* *.> vault.*.* vault.> vault.Key.* vault.Key.k vault.Key.$mark zedagent.Secret.* zedagent.*.* *.Config.* zedagent.Other.*"},
	} {
		for _, subject := range []string{
			">", "*.*.*", "*.>", "*.Config.*", "*.Status.*", "vault.*.*", "vault.>", "vault.Key.*", "vault.Key.k", "vault.Key.$mark",
			"zedagent.Secret.*", "zedagent.*.*", "zedagent.Other.*", "zedagent.Config.*",
		} {
			for _, queue := range []string{"", "q"} {
				sub, err := test.who.QueueSubscribeSync(wire.EventPrefix+subject, queue)
				if err != nil {
					t.Fatal(err)
				}
				if err := test.who.FlushTimeout(patience); err != nil {
					t.Fatal(err)
				}
				refused := strings.Contains(test.who.LastError2(), `"`+wire.EventPrefix+subject+`"`)
				if want := strings.Contains(" "+test.refuse+" ", " "+subject+" "); refused != want {
					t.Errorf("%s: subscription to %s: refused is %v", test.who.Opts.Name, subject, refused)
				}
				value := rand.Text()
				for _, table := range tables {
					root.done("nkv.v1.put."+table+".k", nil, value)
				}
				root.done("nkv.v1.version", nil, "")
				if err := test.who.FlushTimeout(patience); err != nil {
					t.Fatal(err)
				}
				for m, err := sub.NextMsg(time.Millisecond); err == nil; m, err = sub.NextMsg(time.Millisecond) {
					table, _, err := wire.ParseEventSubject(m.Subject)
					if err != nil || !strings.Contains(" "+test.reads+" ", " "+table+" ") {
						t.Errorf("%s: %s brought %s: %v", test.who.Opts.Name, subject, m.Subject, err)
					}
				}
				if err := sub.Unsubscribe(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// LastError2 returns what NATS said last, empty for nothing.
func (p *peer) LastError2() string {
	if err := p.LastError(); err != nil {
		return err.Error()
	}
	return ""
}

// TestClientsWithIdentities: the client library proves who it is in each way, and
// tells its callers when it may not.
func TestClientsWithIdentities(t *testing.T) {
	g := guard(t)
	address := "nats://" + g.Addr().String()
	nim := connect(t, address, client.Name("nim"), client.NKey(g.seed))
	p, err := nim.Open(within(t), wire.Table{Agent: "nim", Topic: "Status"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Put(within(t), "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	connect(t, g.ClientURL(), client.Name("peer"))
	inside := connect(t, "", client.InProcess(g.Server), client.Name("zedagent"))
	own, err := inside.Open(within(t), wire.Table{Agent: "zedagent", Topic: "Inside"})
	if err != nil {
		t.Fatal(err)
	}
	owners := make(chan string, 10)
	g.WatchOwners(func(info nkv.Info) {
		if info.Table == "zedagent.Inside" && info.Owner != nil {
			owners <- info.Owner.Instance.ID
		}
	})
	if id := <-owners; id != g.InstanceID(inside.Instance()) {
		t.Errorf("the client in this process is known as %s", id)
	}
	if err := own.Close(within(t)); err != nil {
		t.Error(err)
	}
	if _, err := inside.Get(within(t), wire.Path{Table: wire.Table{Agent: "vault", Topic: "Key"}, Key: "k"}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the client in this process: %v", err)
	}
	zedagent := connect(t, address, client.Name("zedagent"), client.Password("zedagent", password))

	forbidden := func(what string, err error) {
		t.Helper()
		var refused *client.Error
		if !errors.Is(err, client.ErrForbidden) || !errors.As(err, &refused) || refused.Status != wire.StatusForbidden || refused.Reason != wire.ReasonDenied {
			t.Errorf("%s: %v", what, err)
		}
	}
	secret := wire.Table{Agent: "vault", Topic: "Key"}
	_, err = zedagent.Get(within(t), wire.Path{Table: secret, Key: "k"})
	forbidden("get", err)
	_, _, err = zedagent.Snapshot(within(t), secret)
	forbidden("snapshot", err)
	_, err = zedagent.Put(within(t), wire.Path{Table: wire.Table{Agent: "nim", Topic: "Status"}, Key: "k"}, nil)
	forbidden("put", err)
	_, err = zedagent.Open(within(t), wire.Table{Agent: "nim", Topic: "Status"})
	forbidden("open", err)
	_, err = zedagent.Take(within(t), wire.Table{Agent: "nim", Topic: "Status"}, false)
	forbidden("open by force", err)
	_, err = zedagent.Trace(within(t), secret)
	forbidden("trace", err)
	reader := connect(t, address, client.Name("reader"), client.Password("reader", password))
	for pattern, c := range map[string]*client.Client{"vault.Key": zedagent, "vault.>": zedagent, ">": reader, "nim.>": reader, "nim.Other": reader} {
		s, err := c.Subscribe(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = s.Wait(within(t))
		}
		if !errors.Is(err, client.ErrForbidden) || !errors.Is(s.Refused(), client.ErrForbidden) {
			t.Errorf("a subscription to %s: %v", pattern, err)
		}
		s.Close()
	}
	s, err := reader.Subscribe("*.Status")
	if err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "what is granted comes", func() bool {
		c, ok := s.Next()
		return ok && c.Op == client.Put && c.Table == "nim.Status" && string(c.Value) == "1"
	})
	if err := s.Refused(); err != nil {
		t.Error(err)
	}

	for name, given := range map[string][]client.Option{
		"nothing":        {client.Name("nim")},
		"wrong password": {client.Name("zedagent"), client.Password("zedagent", "wrong")},
		"another agent":  {client.Name("nim"), client.Password("zedagent", password)},
	} {
		c, err := client.Connect(within(t), address, given...)
		if err != nil {
			t.Fatal(err)
		}
		testutil.Await(t, patience, name+" is refused", func() bool {
			err := c.Connected()
			return errors.Is(err, client.ErrForbidden) && errors.Is(err, client.ErrDisconnected)
		})
		c.Close()
	}
}
