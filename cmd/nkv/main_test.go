package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

func TestMain(m *testing.M) { testutil.Main(m) }

// startServer starts a server on a Unix socket and returns its URL.
func startServer(t *testing.T, opts server.Options) string {
	t.Helper()
	opts.Socket = filepath.Join(t.TempDir(), "s")
	s, err := server.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s.ClientURL()
}

// connect connects an agent.
func connect(t *testing.T, url, name string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), url, client.Name(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// openTable makes a client the owner of a table.
func openTable(t *testing.T, c *client.Client, name string, given ...client.OpenOption) *client.Publication {
	t.Helper()
	table, err := wire.ParseTable(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := c.Open(ctx, table, given...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// result is what a run of the command came to.
type result struct {
	code           int
	stdout, stderr string
}

// shell runs the command in this process.
type shell struct {
	t   *testing.T
	url string
}

func (s shell) run(args ...string) result { return s.feed("", args...) }

func (s shell) feed(stdin string, args ...string) result {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(s.t.Context(), append([]string{"--server", s.url}, args...), strings.NewReader(stdin), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// must runs what has to work, and returns what it printed.
func (s shell) must(args ...string) string {
	s.t.Helper()
	r := s.run(args...)
	if r.code != exitDone || r.stderr != "" {
		s.t.Fatalf("nkv %s: exit code %d, stderr:\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// want compares text, showing where it differs.
func want(t *testing.T, what, got, wanted string) {
	t.Helper()
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("%s differs (- wanted, + got):\n%s", what, diff)
	}
}

// filled is a server with a few tables in it.
func filled(t *testing.T) shell {
	t.Helper()
	s := shell{t, startServer(t, server.Options{Version: "v9"})}
	s.must("put", "zedagent.ConfigItem", "--key", "timer.config.interval", `{"Key": "timer", "Value": 12345678901234567890}`)
	s.must("put", "zedagent.ConfigItem.raw", "no json", "--raw")
	s.must("put", "zedagent.ConfigItem@eth.k", "[1, 2.0]", "--durable")
	s.must("put", "nim.Status.up", "true")
	return s
}

func TestPrintsForPeople(t *testing.T) {
	s := filled(t)
	for _, test := range []struct{ args, output string }{
		{"put nim.Status.up false", "revision 5\n"},
		{"put nim.Status.up false", "revision 5\n"}, // the same already
		{"get nim.Status.up", "false"},
		{"get nim.Status.up --revision", "5\n"},
		{"get zedagent.ConfigItem --key timer.config.interval", `{"Key": "timer", "Value": 12345678901234567890}`},
		{"get zedagent.ConfigItem.raw", "no json"},
		{"ls", `PATH                                           REVISION  SIZE
nim.Status.up                                         5   5 B
zedagent.ConfigItem.raw                               2   7 B
zedagent.ConfigItem.timer%2Econfig%2Einterval         1  47 B
zedagent.ConfigItem@eth.k                             3   8 B
`},
		{"ls *.*.k --values", `PATH                       REVISION  SIZE  VALUE
zedagent.ConfigItem@eth.k         3   8 B  [1,2.0]
`},
		{"ls zedagent.ConfigItem.raw --values", `PATH                     REVISION  SIZE  VALUE
zedagent.ConfigItem.raw         2   7 B  7 bytes, no JSON
`},
		{"tree", `nkv  (3 tables, 4 keys, 67 B)
├── nim  (1 table, 1 key, 5 B)
│   └── Status  (1 key, 5 B)
│       └── up  (5 B)
└── zedagent  (2 tables, 3 keys, 62 B)
    ├── ConfigItem  (2 keys, 54 B)
    │   ├── raw  (7 B)
    │   └── timer%2Econfig%2Einterval  (47 B)
    └── ConfigItem@eth  (1 key, 8 B)
        └── k  (8 B)
`},
		{"tree zedagent --depth 2", `nkv  (2 tables, 3 keys, 62 B)
└── zedagent  (2 tables, 3 keys, 62 B)
    ├── ConfigItem  (2 keys, 54 B)
    └── ConfigItem@eth  (1 key, 8 B)
`},
		{"tables", `TABLE                    OWNER  KIND      KEYS  BYTES  HEAD  RESTARTS
nim.Status               none   volatile     1    5 B     5         0
zedagent.ConfigItem      none   volatile     2   54 B     2         0
zedagent.ConfigItem@eth  none   durable      1    8 B     3         0
`},
		{"trace nim.Status.up", `table      nim.Status
holds      volatile, 1 key, 5 B, head 5
restarts   0
path       nim.Status.up, revision 5
owner      none; no agent opened it since boot. Anyone may put, and no listener is synchronized before
listeners  none
`},
		{"del zedagent.ConfigItem.raw nim.Status.up", "zedagent.ConfigItem.raw removed, revision 6\nnim.Status.up removed, revision 7\n"},
		{"del --all zedagent.ConfigItem --yes", "1 key of zedagent.ConfigItem removed\n"},
		{"ls zedagent.ConfigItem", ""},
	} {
		want(t, "nkv "+test.args, s.must(strings.Fields(test.args)...), test.output)
	}
}

// Numbers keep all their digits, whatever way a value goes through JSON output.
func TestPrintsForScripts(t *testing.T) {
	s := filled(t)
	for _, test := range []struct{ args, output string }{
		{"put nim.Status.up false", `{"path":"nim.Status.up","table":"nim.Status","key":"up","revision":5}`},
		{"get nim.Status.up", `{"path":"nim.Status.up","table":"nim.Status","key":"up","revision":5,"value":false}`},
		{"get zedagent.ConfigItem.raw", `{"path":"zedagent.ConfigItem.raw","table":"zedagent.ConfigItem","key":"raw","revision":2,"bytes":"bm8ganNvbg=="}`},
		{"ls zedagent", `[{"path":"zedagent.ConfigItem.raw","table":"zedagent.ConfigItem","key":"raw","revision":2,"bytes":"bm8ganNvbg=="},` +
			`{"path":"zedagent.ConfigItem.timer%2Econfig%2Einterval","table":"zedagent.ConfigItem","key":"timer.config.interval","revision":1,"value":{"Key":"timer","Value":12345678901234567890}},` +
			`{"path":"zedagent.ConfigItem@eth.k","table":"zedagent.ConfigItem@eth","key":"k","revision":3,"value":[1,2.0]}]`},
		{"tree nim", `{"token":"nkv","tables":1,"keys":1,"bytes":5,"nodes":[{"token":"nim","path":"nim","tables":1,"keys":1,"bytes":5,"nodes":[` +
			`{"token":"Status","path":"nim.Status","keys":1,"bytes":5,"nodes":[{"token":"up","path":"nim.Status.up","bytes":5,"revision":5}]}]}]}`},
		{"tables nim", `[{"table":"nim.Status","durable":false,"head":5,"keys":1,"opened":false,"open":false,"connected":false,"restart":0,"fence":0,"bytes":5}]`},
		{"trace nim.Status --key up", `{"path":"nim.Status.up","revision":5,"table":{"table":"nim.Status","durable":false,"head":5,"keys":1,"opened":false,"open":false,"connected":false,"restart":0,"fence":0,"bytes":5},"listeners":[]}`},
		{"del nim.Status.up", `[{"path":"nim.Status.up","table":"nim.Status","key":"up","revision":6}]`},
		{"del --all zedagent.ConfigItem --yes", `{"table":"zedagent.ConfigItem","keys":2}`},
		{"ls zedagent.ConfigItem", `[]`},
		{"version --client", `{"client":"` + clientVersion() + `","protocol":"v1","server":null}`},
	} {
		want(t, "nkv "+test.args+" --json", s.must(append(strings.Fields(test.args), "--json")...), test.output+"\n")
	}
}

func TestHealthAndVersion(t *testing.T) {
	s := filled(t)
	var health wire.HealthAnswer
	if err := json.Unmarshal([]byte(s.must("health", "--json")), &health); err != nil {
		t.Fatal(err)
	}
	if health.Uptime <= 0 || health.Connections < 1 { // those before may still be going
		t.Errorf("up %s, %d connections", health.Uptime, health.Connections)
	}
	health.Uptime, health.Connections = 0, 0
	if diff := cmp.Diff(wire.HealthAnswer{Status: "ok", Durable: "ok", Volatile: "ok", Revision: 4, Tables: 3, Keys: 4, Bytes: 66}, health); diff != "" {
		t.Error(diff)
	}
	var told versionJSON
	if err := json.Unmarshal([]byte(s.must("version", "--json")), &told); err != nil {
		t.Fatal(err)
	}
	if told.Client == "" || told.Server == nil || told.Server.Version != "v9" || told.Server.Store == "" || told.Server.MaxValue != server.DefaultMaxValue {
		t.Errorf("version --json: %+v, server %+v", told, told.Server)
	}
	for what, text := range map[string]string{
		"health": "holds        3 tables, 4 keys, 66 B\n", "version": "limits    values 8.0 MiB, names 255 B, paths 1024 B\n",
	} {
		if got := s.must(what); !strings.Contains(got, text) {
			t.Errorf("nkv %s prints no %q:\n%s", what, text, got)
		}
	}
}

func TestPutReadsItsValue(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	file := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(file, []byte(" {\"a\":\n1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, stdin string
		args        []string
		code        int
		value       string // then
		says        string
	}{
		{name: "argument", args: []string{`"x"`}, value: `"x"`},
		{name: "stdin", stdin: "[1]\n", args: []string{"-"}, value: "[1]"},
		{name: "file", args: []string{"@" + file}, value: "{\"a\":\n1}"},
		{name: "raw file", args: []string{"--raw", "@" + file}, value: " {\"a\":\n1}\n"},
		{name: "raw stdin", stdin: "\x00\xff", args: []string{"--raw", "-"}, value: "\x00\xff"},
		{name: "empty raw", args: []string{"--raw", ""}, value: ""},
		{name: "negative number", args: []string{"--", "-5"}, value: "-5"},
		{name: "text", args: []string{"text"}, code: exitUsage, value: "-5", says: "--raw"},
		{name: "two documents", stdin: "1 2", args: []string{"-"}, code: exitUsage, value: "-5", says: "stdin is not JSON: at byte 3"},
		{name: "nothing", args: []string{""}, code: exitUsage, value: "-5", says: "not JSON"},
		{name: "not UTF-8", args: []string{"\"\xff\""}, code: exitUsage, value: "-5", says: "not UTF-8"},
		{name: "no such file", args: []string{"@/nowhere/x"}, code: exitUsage, value: "-5", says: "/nowhere/x"},
		{name: "flag-like", args: []string{"-6"}, code: exitUsage, value: "-5", says: "write -- before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shell{t, s.url}
			r := s.feed(test.stdin, append([]string{"put", "a.B.c"}, test.args...)...)
			if r.code != test.code || !strings.Contains(r.stderr, test.says) {
				t.Errorf("exit code %d, wanted %d and %q; stderr:\n%s", r.code, test.code, test.says, r.stderr)
			}
			want(t, "value", s.must("get", "a.B.c"), test.value)
		})
	}
}

// What an owner has is changed with --force only, and the owner comes back.
func TestForceTakesATableFromItsOwner(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	owner := openTable(t, connect(t, s.url, "a"), "a.B", client.DurableTable())
	if err := owner.Put(t.Context(), "known", []byte("1")); err != nil {
		t.Fatal(err)
	}
	fence := owner.Fence()
	for _, args := range [][]string{{"put", "a.B.k", "1"}, {"del", "a.B.known"}, {"del", "--all", "--yes", "a.B"}} {
		if r := s.run(args...); r.code != exitRefused || !strings.Contains(r.stderr, "--force") {
			t.Errorf("nkv %v on an owned table: exit code %d, stderr %s", args, r.code, r.stderr)
		}
	}
	s.must("put", "a.B.new", "2", "--force")
	testutil.Await(t, patience, "the owner opens the table again and adopts the key", func() bool {
		v, ok := owner.Get("new")
		return owner.Fence() > fence && ok && string(v) == "2"
	})
	if got := s.must("tables"); !strings.Contains(got, "open") || !strings.Contains(got, "durable") {
		t.Errorf("the table changed otherwise:\n%s", got)
	}
	// What the owner wants comes back.
	s.must("del", "a.B.known", "--force")
	testutil.Await(t, patience, "the owner's key is there again", func() bool { return s.run("get", "a.B.known").stdout == "1" })
	if r := s.run("put", "a.B.new", "3", "--force", "--expect", "1"); r.code != exitRefused || !strings.Contains(r.stderr, "revision") {
		t.Errorf("a wrong revision with --force: %+v", r)
	}
	testutil.Await(t, patience, "the owner has the table after a refusal", func() bool {
		return strings.Contains(s.must("tables"), "open")
	})
}
