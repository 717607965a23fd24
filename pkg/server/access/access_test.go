package access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/server/access"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// hash is that of "right", at the least cost.
const hash = "$2a$04$UtU13iqObPEszvJjWhNLxe/LWcdIk.GeRO0yGGIX81Ey75hEyARi2"

const device = `
identities:
  zedagent:
    agents: [zedagent]
    passwords: [HASH]
  pillar:
    agents: [nim, ledmanager]
    uids: [1000]
    gids: [2000]
  downloader:
    agents: [downloader]
    reads: [volumemgr.DownloaderConfig, "*.ConfigItem", zedagent.DatastoreConfig]
    uids: [1001]
  vaultmgr:
    agents: [vaultmgr]
    uids: [1002]
  alice:
    role: operator
    uids: [0]
  eve:
    role: observer
    gids: [3000]
  guest:
    uids: [1003]
secret:
  - zedagent.DatastoreConfig
  - vaultmgr.>
`

func parse(t testing.TB, content string) *access.Rules {
	t.Helper()
	rules, err := access.Parse("/etc/nkv/agents.yaml", []byte(strings.ReplaceAll(content, "HASH", hash)))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func acting(t testing.TB, rules *access.Rules, name, agent string) *access.Access {
	t.Helper()
	id, err := rules.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := rules.As(id, agent)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRules asks for each kind of rule what it allows, and which line says so.
func TestRules(t *testing.T) {
	rules := parse(t, device)
	for _, test := range []struct {
		who, agent, table string
		read, write       bool
		rule              string // of reading, or of writing where reading is allowed to all
	}{
		{"zedagent", "zedagent", "zedagent.ConfigItem", true, true, "agents.yaml:3"},
		{"zedagent", "zedagent", "zedagent.DatastoreConfig", true, true, "owns"},
		{"zedagent", "zedagent", "nim.DeviceNetworkStatus", true, false, "all but secret"},
		{"zedagent", "zedagent", "zedagentx.ConfigItem", true, false, "all but secret"},
		{"zedagent", "zedagent", "vaultmgr.Key", false, false, "agents.yaml:27: vaultmgr.> is secret"},
		{"pillar", "nim", "nim.X@scope", true, true, "owns"},
		{"pillar", "nim", "ledmanager.X", true, false, "all but secret"},
		{"pillar", "nim", "zedagent.DatastoreConfig", false, false, "agents.yaml:26: zedagent.DatastoreConfig is secret"},
		{"pillar", "nim", "zedagent.DatastoreConfig@other", true, false, "all but secret"},
		{"downloader", "downloader", "downloader.DownloaderStatus", true, true, "owns"},
		{"downloader", "downloader", "volumemgr.DownloaderConfig", true, false, "volumemgr.DownloaderConfig"},
		{"downloader", "downloader", "zedagent.ConfigItem", true, false, "*.ConfigItem"},
		{"downloader", "downloader", "vaultmgr.ConfigItem", false, false, "secret"},
		{"downloader", "downloader", "zedagent.DatastoreConfig", true, false, "reads of identity downloader: zedagent.DatastoreConfig"},
		{"downloader", "downloader", "zedagent.AppInstanceConfig", false, false, "are only"},
		{"vaultmgr", "vaultmgr", "vaultmgr.Key", true, true, "owns"},
		{"alice", "nkv", "vaultmgr.Key", true, true, "operator"},
		{"alice", "zedagent", "nim.X", true, true, "operator"},
		{"eve", "nkv", "vaultmgr.Key", true, false, "observer"},
		{"guest", "client", "nim.X", true, false, "all but secret"},
		{"guest", "client", "client.X", true, false, "all but secret"},
		{"guest", "client", "vaultmgr.Key", false, false, "secret"},
	} {
		a := acting(t, rules, test.who, test.agent)
		read, write := a.Read(test.table), a.Write(test.table)
		if read.Allowed != test.read || write.Allowed != test.write || !strings.Contains(read.Rule, test.rule) {
			t.Errorf("%s as %s, %s: read %v (%s), write %v (%s)", test.who, test.agent, test.table, read.Allowed, read.Rule, write.Allowed, write.Rule)
		}
		if a.Reads(test.table) != test.read || a.Writes(test.table) != test.write {
			t.Errorf("%s, %s: the short answers differ", test.who, test.table)
		}
		var denied *access.Denied
		if err := a.CheckRead(test.table); (err == nil) != test.read || err != nil && (!errors.As(err, &denied) || denied.Rule != read.Rule) {
			t.Errorf("%s, %s: %v", test.who, test.table, err)
		}
		if err := a.CheckWrite(test.table); (err == nil) != test.write || err != nil && !errors.Is(err, access.ErrDenied) {
			t.Errorf("%s, %s: %v", test.who, test.table, err)
		}
	}
	if a := (*access.Access)(nil); !a.Reads("vaultmgr.Key") || !a.Writes("a.T") || a.CheckRead("a.T") != nil || a.Identity() != "" {
		t.Error("without access control something is refused")
	}
}

// TestListen says which events each may hear; what is not granted is no part of
// what is allowed, or is denied.
func TestListen(t *testing.T) {
	rules := parse(t, device)
	secret := []string{"zedagent.DatastoreConfig", "vaultmgr.>"}
	for _, test := range []struct {
		who, agent  string
		allow, deny []string
	}{
		{"zedagent", "zedagent", []string{">"}, []string{"vaultmgr.>"}},
		{"pillar", "nim", []string{">"}, secret},
		{"downloader", "downloader", []string{"*.ConfigItem", "downloader.>", "volumemgr.DownloaderConfig", "zedagent.DatastoreConfig"}, []string{"vaultmgr.>"}},
		{"vaultmgr", "vaultmgr", []string{">"}, []string{"zedagent.DatastoreConfig"}},
		{"alice", "nkv", []string{">"}, nil},
		{"eve", "nkv", []string{">"}, nil},
		{"guest", "client", []string{">"}, secret},
	} {
		allow, deny := acting(t, rules, test.who, test.agent).Listen()
		if diff := cmp.Diff([][]string{test.allow, test.deny}, [][]string{allow, deny}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.who, diff)
		}
	}
}

// TestNames: under which names one may connect.
func TestNames(t *testing.T) {
	rules := parse(t, device)
	for _, test := range []struct {
		who, agent string
		may        bool
	}{
		{"zedagent", "zedagent", true}, {"zedagent", "nim", false}, {"zedagent", "", false}, {"zedagent", "nkv", false},
		{"pillar", "nim", true}, {"pillar", "ledmanager", true}, {"pillar", "zedagent", false},
		{"alice", "nkv", true}, {"alice", "zedagent", true},
		{"eve", "nkv", true}, {"eve", "zedagent", false}, {"guest", "client", true}, {"guest", "nim", false},
	} {
		id, err := rules.Named(test.who)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rules.As(id, test.agent); (err == nil) != test.may || err != nil && !errors.Is(err, access.ErrName) {
			t.Errorf("%s as %q: %v", test.who, test.agent, err)
		}
	}
	for name, test := range map[string]struct{ uid, gid uint32 }{
		"pillar": {1000, 3000}, "eve": {999, 3000}, "alice": {0, 0}, "": {999, 999},
	} {
		id, err := rules.Peer(test.uid, test.gid)
		if name == "" && !errors.Is(err, access.ErrCredentials) || name != "" && (err != nil || id.Name != name) {
			t.Errorf("uid %d, gid %d: %v, %v; want %s", test.uid, test.gid, id, err, name)
		}
	}
}

// TestWrongFiles: each is refused, and the message names the line and what is
// wrong with it, but no secret.
func TestWrongFiles(t *testing.T) {
	for name, test := range map[string]struct{ content, says string }{
		"empty":              {"", "empty"},
		"comments":           {"# nothing\n", "empty"},
		"no mapping":         {"- a\n", ":1: "},
		"no identity":        {"secret: [a.T]\n", "names no identity"},
		"unknown key":        {"identities:\n  a:\n    uids: [1]\nsecrets: []\n", ":4: "},
		"unknown field":      {"identities:\n  a:\n    uid: [1]\n", ":3: identity a has no \"uid\"; it has agents"},
		"no credentials":     {"identities:\n  a:\n    agents: [a]\n", ":2: nobody can prove to be a"},
		"twice":              {"identities:\n  a: {uids: [1]}\n  a: {uids: [2]}\n", ":3: "},
		"no list":            {"identities:\n  a: {uids: 1}\n", "is a list"},
		"in a list twice":    {"identities:\n  a: {uids: [1, 1]}\n", "has \"1\" twice"},
		"null":               {"identities:\n  a:\n", ":2: identity a is written"},
		"alias":              {"identities:\n  a: &x {uids: [1]}\n  b: *x\n", ":3: "},
		"merge":              {"identities:\n  a: &x {uids: [1]}\n  b:\n    <<: *x\n", ":4: "},
		"two documents":      {"identities:\n  a: {uids: [1]}\n---\nsecret: []\n", "put all into one"},
		"no YAML":            {"identities: {\n", "no YAML"},
		"role":               {"identities:\n  a: {role: root, uids: [1]}\n", "operator"},
		"role and reads":     {"identities:\n  a: {role: observer, uids: [1], reads: [a.T]}\n", "reads all by its role"},
		"clear password":     {"identities:\n  a: {passwords: [hunter2]}\n", "not the bcrypt hash"},
		"dear password":      {"identities:\n  a: {passwords: [\"" + strings.Replace(hash, "$04$", "$31$", 1) + "\"]}\n", "its cost is 31"},
		"seed":               {"identities:\n  a: {nkeys: [SUAGMJH5XLGZKQQWAWKRZJIGMOU4HPFUYLXJMXOO5NLFEO2OOQJ5LPRDPM]}\n", "not a user's public key"},
		"account key":        {"identities:\n  a: {nkeys: [ADMHMDX2LEUJRZQHGVSVRWZEJ2CPNHYO6TB4ZCZ37LXAX5SYNEW252GF]}\n", "not a user's public key"},
		"one uid":            {"identities:\n  a: {uids: [1]}\n  b: {uids: [1]}\n", "stands for a already"},
		"one gid":            {"identities:\n  a: {gids: [1]}\n  b: {gids: [1]}\n", "stands for a already"},
		"negative uid":       {"identities:\n  a: {uids: [-1]}\n", "whole numbers"},
		"large uid":          {"identities:\n  a: {uids: [4294967296]}\n", "whole numbers"},
		"agent":              {"identities:\n  a: {agents: [\"\"], uids: [1]}\n", "the agent is empty"},
		"pattern":            {"identities:\n  a: {reads: [a], uids: [1]}\n", "one token"},
		"pattern of a key":   {"identities:\n  a: {reads: [a.T.k], uids: [1]}\n", "whole tables"},
		"reads of nothing":   {"identities:\n  a:\n    uids: [1]\n    reads: []\n", ":4: reads of a is empty"},
		"secret of anybody":  {"identities:\n  a: {uids: [1]}\nsecret: [\"*.T\"]\n", ":3: secret"},
		"secret of all":      {"identities:\n  a: {uids: [1]}\nsecret: [\">\"]\n", ":3: secret"},
		"secret key":         {"identities:\n  a: {uids: [1]}\nsecret: [a.T.k]\n", ":3: secret"},
		"part of a secret":   {"identities:\n  a: {uids: [1], reads: [b.T]}\nsecret: [b.>]\n", "grant all of it"},
		"a byte of no text":  {"identities:\n  a\xff: {uids: [1]}\n", "no YAML"},
		"a name too long":    {"identities:\n  " + strings.Repeat("n", 256) + ": {uids: [1]}\n", ""},
		"a number as a name": {"identities:\n  ? [1]\n  : {uids: [1]}\n", "one word"},
	} {
		_, err := access.Parse("/x/agents.yaml", []byte(test.content))
		if !errors.Is(err, access.ErrFile) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "agents.yaml") {
			t.Errorf("%s: %v; want %q", name, err, test.says)
		}
		for _, hidden := range []string{"hunter2", "SUAGM", "UtU13iqObP"} {
			if err != nil && strings.Contains(err.Error(), hidden) {
				t.Errorf("%s: the message has the secret: %v", name, err)
			}
		}
	}
}

// TestSame: what changes in a file and matters to a connection, and what does not.
func TestSame(t *testing.T) {
	before := acting(t, parse(t, device), "downloader", "downloader")
	for name, test := range map[string]struct {
		old, new string
		same     bool
	}{
		"nothing":          {"", "", true},
		"a line":           {"identities:\n", "# more\nidentities:\n", true},
		"another identity": {"  guest:\n    uids: [1003]\n", "", true},
		"a grant":          {"\"*.ConfigItem\", ", "", false},
		"a secret":         {"  - vaultmgr.>\n", "", false},
		"a credential":     {"uids: [1001]", "uids: [1001, 5]", false},
		"a role":           {"reads: [volumemgr.DownloaderConfig, \"*.ConfigItem\", zedagent.DatastoreConfig]", "role: operator", false},
	} {
		after := acting(t, parse(t, strings.Replace(device, test.old, test.new, 1)), "downloader", "downloader")
		if before.Same(after) != test.same {
			t.Errorf("%s: same is %v", name, !test.same)
		}
	}
	if before.Same(nil) || !(*access.Access)(nil).Same(nil) {
		t.Error("nothing is the same as something")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(device, "HASH", hash)))
	f.Add([]byte("identities: {a: {uids: [1], reads: [\">\"]}}\nsecret: [a.>]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		rules, err := access.Parse("agents.yaml", content)
		if err != nil {
			if !errors.Is(err, access.ErrFile) {
				t.Fatal(err)
			}
			return
		}
		for _, id := range rules.Identities() {
			for _, agent := range append(id.Agents, "client") {
				a, err := rules.As(&id, agent)
				if err != nil {
					continue
				}
				for _, s := range rules.Secret() {
					table := strings.Replace(s, ">", "T", 1)
					if a.Writes(table) && !a.Reads(table) {
						t.Fatalf("%s writes %s and may not read it", id.Name, table)
					}
				}
				a.Listen()
			}
		}
	})
}
