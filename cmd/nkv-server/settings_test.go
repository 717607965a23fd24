package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server/join"
)

// Each setting does what it says, from a flag and from the file.
func TestSettings(t *testing.T) {
	for name, test := range map[string]struct {
		settings func(dir string) map[string]string
		check    func(t *testing.T, i *instance)
	}{
		"socket":      {func(dir string) map[string]string { return map[string]string{"socket": dir + "/other"} }, checkSocket},
		"socket-mode": {fixed("socket-mode", "0606"), checkMode},
		"listen":      {func(string) map[string]string { return map[string]string{"listen": "127.0.0.1:0", "insecure": "true"} }, checkListen},
		"listen alone": {func(string) map[string]string {
			return map[string]string{"socket": "none", "listen": "127.0.0.1:0", "insecure": "true"}
		}, checkListen},
		"agents":       {func(dir string) map[string]string { return map[string]string{"agents": dir + "/agents.yaml"} }, checkAgents},
		"insecure":     {fixed("listen", "127.0.0.1:0"), checkInsecure},
		"store":        {func(dir string) map[string]string { return map[string]string{"store": dir + "/durable"} }, checkKept("durable", client.Durable())},
		"volatile-dir": {func(dir string) map[string]string { return map[string]string{"volatile-dir": dir + "/kept"} }, checkKept("kept")},
		"no store":     {fixed("store", "none"), checkMemory},
		"nats-config": {func(dir string) map[string]string {
			return map[string]string{"nats-config": dir + "/nats.conf", "log-level": "debug"}
		}, checkMonitoring},
		"change-log":  {func(dir string) map[string]string { return map[string]string{"change-log": dir + "/changes"} }, checkChangeLog},
		"max-value":   {fixed("max-value", "3 KiB"), checkMaxValue},
		"owner-grace": {fixed("owner-grace", "1ms"), checkOwnerGrace},
		"eve-root":    {func(dir string) map[string]string { return map[string]string{"eve-root": dir} }, checkEveRoot},
		"eve-bridge": {func(dir string) map[string]string {
			return map[string]string{"eve-root": dir, "eve-bridge": "true"}
		}, checkEveBridge},
		"nkv0":       {fixed("nkv0", "true"), checkNKV0(true)},
		"no nkv0":    {fixed("nkv0", "false"), checkNKV0(false)},
		"log-level":  {fixed("log-level", "error"), checkQuiet},
		"log-format": {fixed("log-format", "json"), checkJSON},
	} {
		for _, way := range []string{"flag", "file"} {
			t.Run(name+" by "+way, func(t *testing.T) {
				t.Parallel()
				dir := newDir(t)
				writeFile(t, dir+"/nats.conf", "http: \"127.0.0.1:-1\" # a free port\n")
				writeFile(t, dir+"/agents.yaml", fmt.Sprintf("identities: {me: {uids: [%d]}}\n", os.Geteuid()))
				test.check(t, launch(t, dir, nil, arguments(t, dir, way, test.settings(dir))...))
			})
		}
	}
}

func fixed(name, value string) func(string) map[string]string {
	return func(string) map[string]string { return map[string]string{name: value} }
}

// arguments sets places in dir, and on top what is given, by flags or all by the
// file.
func arguments(t *testing.T, dir, way string, settings map[string]string) []string {
	all := map[string]string{"socket": dir + "/s", "store": dir + "/store", "volatile-dir": dir + "/volatile"}
	for name, value := range settings {
		all[name] = value
	}
	var args []string
	var text strings.Builder
	for name, value := range all {
		args = append(args, "--"+name+"="+value)
		fmt.Fprintf(&text, "%s: %q\n", name, value)
	}
	if way == "flag" {
		return args
	}
	return []string{"--config", writeFile(t, dir+"/nkv-server.yaml", text.String())}
}

func checkSocket(t *testing.T, i *instance) {
	i.ready()
	connect(t, "unix://"+i.file("other"))
	if _, err := os.Stat(i.file("s")); err == nil {
		t.Error("it listens where it was not told to")
	}
}

func checkMode(t *testing.T, i *instance) {
	info, err := os.Stat(i.ready().file("s"))
	if err != nil || info.Mode() != os.ModeSocket|0o606 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func checkListen(t *testing.T, i *instance) {
	found := regexp.MustCompile(`listen="?(127\.0\.0\.1:\d+)`).FindStringSubmatch(i.ready().stderr.String())
	if found == nil {
		t.Fatalf("it does not say where it listens: %s", i.stderr.String())
	}
	connect(t, "nats://"+found[1])
}

// checkInsecure is without the setting: the server refuses, and says what to do.
func checkInsecure(t *testing.T, i *instance) {
	if code := i.wait(); code != exitUsage || !strings.Contains(i.stderr.String(), "insecure") || !strings.Contains(i.stderr.String(), "agents") {
		t.Errorf("exit code %d: %s", code, i.stderr.String())
	}
}

// checkAgents lets this user read, and has the file read again.
func checkAgents(t *testing.T, i *instance) {
	c := i.ready().connect()
	if _, err := c.Put(t.Context(), keyPath("T", "k"), []byte("1")); !errors.Is(err, client.ErrForbidden) {
		t.Errorf("a put of who may only read: %v", err)
	}
	writeFile(t, i.file("agents.yaml"), fmt.Sprintf("identities: {me: {role: operator, uids: [%d]}}\n", os.Geteuid()))
	i.hangup()
	testutil.Await(t, patience, "the new rules are in force", func() bool {
		_, err := c.Put(t.Context(), keyPath("T", "k"), []byte("1"))
		return err == nil
	})
}

func checkKept(dir string, given ...client.ChangeOption) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		if _, err := i.ready().connect().Put(t.Context(), keyPath("T", "k"), []byte("1"), given...); err != nil {
			t.Fatal(err)
		}
		i.stop()
		flag := "--store"
		if len(given) == 0 {
			flag = "--volatile-dir"
		}
		// The volatile lane is compared with the durable one's store id.
		args := append(places(i.dir), flag, i.file(dir))
		e, err := launch(t, i.dir, nil, args...).ready().connect().Get(t.Context(), keyPath("T", "k"))
		if err != nil || string(e.Value) != "1" {
			t.Errorf("after a restart: %q, %v", e.Value, err)
		}
	}
}

func checkMemory(t *testing.T, i *instance) {
	if _, err := i.ready().connect().Put(t.Context(), keyPath("T", "k"), []byte("1"), client.Durable()); err != nil {
		t.Fatal(err)
	}
	i.says("store=\"(memory)\"")
	if _, err := os.Stat(i.file("store")); err == nil {
		t.Error("it made a directory")
	}
}

func checkMonitoring(t *testing.T, i *instance) {
	found := regexp.MustCompile(`monitor on (127\.0\.0\.1:\d+)`).FindStringSubmatch(i.ready().stderr.String())
	if found == nil {
		t.Fatalf("the monitoring port is not said: %s", i.stderr.String())
	}
	answer, err := http.Get("http://" + found[1] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %s", answer.Status)
	}
}

func checkChangeLog(t *testing.T, i *instance) {
	if _, err := i.ready().connect().Put(t.Context(), keyPath("T", "k"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(i.file("changes"))
	if err != nil || !strings.Contains(string(text), `"op":"put","table":"tester.T","key":"k"`) {
		t.Errorf("it holds %q, %v", text, err)
	}
}

func checkMaxValue(t *testing.T, i *instance) {
	version, err := i.ready().connect().Version(t.Context())
	if err != nil || version.MaxValue != 3<<10 {
		t.Errorf("the largest value is %d, %v", version.MaxValue, err)
	}
}

// checkOwnerGrace sees a table pass to another instance of its owner's agent soon
// after the owner's connection was cut, which gives up nothing.
func checkOwnerGrace(t *testing.T, i *instance) {
	table := keyPath("T", "k").Table
	wire := testutil.NewProxy(t, i.ready().file("s"))
	if _, err := connect(t, wire.URL(), client.Name("tester")).Open(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	second := i.connect(client.Name("tester"))
	open := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := second.Open(ctx, table)
		return err
	}
	if err := open(100 * time.Millisecond); err == nil {
		t.Fatal("two own the table")
	}
	wire.Refuse(true)
	wire.Cut()
	// The default would take 5 s.
	if !testutil.Holds(4*time.Second, func() bool { return open(time.Second) == nil }) {
		t.Error("the table stays its owner's for longer than the grace")
	}
}

// checkNKV0 asks as a client of nkv's first protocol.
func checkNKV0(want bool) func(*testing.T, *instance) {
	return func(t *testing.T, i *instance) {
		i.ready()
		nc, err := nats.Connect("nats://127.0.0.1:1", nats.SetCustomDialer(socketDialer(i.file("s"))))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		answer, err := nc.Request("pubsub.get", []byte(`{"type":"Get","id":7,"key":"k"}`), patience/10)
		if got := err == nil && strings.Contains(string(answer.Data), "Not Found"); got != want {
			t.Errorf("it is served: %t, %v; want %t", got, err, want)
		}
	}
}

// socketDialer dials a Unix socket, whatever address NATS asks for.
type socketDialer string

func (d socketDialer) Dial(string, string) (net.Conn, error) { return net.Dial("unix", string(d)) }

func TestFlagAlone(t *testing.T) {
	dir := newDir(t)
	checkNKV0(true)(t, launch(t, dir, nil, append(places(dir), "--nkv0")...))
}

func checkQuiet(t *testing.T, i *instance) {
	// Without a line it is ready when it lets a client in.
	testutil.Await(t, patience, "the socket is there", func() bool {
		conn, err := net.Dial("unix", i.file("s"))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	i.stop()
	if said := i.stderr.String(); said != "" {
		t.Errorf("it says %s", said)
	}
}

func checkJSON(t *testing.T, i *instance) {
	i.ready()
	for _, want := range []string{`"level":"info"`, `"max-value":"8MiB"`, `"owner-grace":"5s"`, `"socket-mode":"0660"`} {
		i.says(want)
	}
}

func TestFlagWinsOverFile(t *testing.T) {
	dir := newDir(t)
	file := writeFile(t, filepath.Join(dir, "c.yaml"), "max-value: 2 MiB\nowner-grace: 7s\nlog-format: json\n")
	i := launch(t, dir, nil, append(places(dir), "--config", file, "--owner-grace", "9s")...).ready()
	for _, want := range []string{`"max-value":"2MiB"`, `"owner-grace":"9s"`} {
		i.says(want)
	}
	if lines := strings.Count(i.stderr.String(), "\n"); lines != 1 {
		t.Errorf("it says %d lines at its start, want one:\n%s", lines, i.stderr.String())
	}
}

func TestWrongCall(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	file := func(name, text string) string { return writeFile(t, filepath.Join(dir, name), text) }
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"unknown key":     {[]string{"--config", file("key", "# c\nsokcet: /x\n")}, []string{"key:2: ", `"sokcet"`, `did you mean "socket"?`}},
		"duplicate":       {[]string{"--config", file("twice", "store: /x\nstore: /y\n")}, []string{"twice:2: ", "set again"}},
		"wrong type":      {[]string{"--config", file("type", "store: [a]\n")}, []string{"type:1: ", "a list"}},
		"out of range":    {[]string{"--config", file("range", "\n\nmax-value: 1GiB\n")}, []string{"range:3: ", "63MiB"}},
		"no such file":    {[]string{"--config", dir + "/none"}, []string{dir + "/none"}},
		"unknown flag":    {[]string{"--max-vale", "1"}, []string{"--max-vale", `did you mean "max-value"?`, "--help"}},
		"no truth value":  {[]string{"--nkv0=on"}, []string{"--nkv0", `"on"`, "true or false"}},
		"apart":           {[]string{"--nkv0", "true"}, []string{`"true"`, "--help"}},
		"flag's value":    {[]string{"--owner-grace", "5"}, []string{"--owner-grace", `"5"`, "with its unit"}},
		"no value":        {[]string{"--store"}, []string{"--store", "needs an argument"}},
		"stray argument":  {[]string{"start"}, []string{`"start"`, "--help"}},
		"stray after":     {append(places(dir), "start"), []string{`"start"`, "--help"}},
		"nobody connects": {[]string{"--socket", "none", "--store", "none", "--volatile-dir", "none"}, []string{"nobody could connect"}},
		"socket path":     {[]string{"--socket", "@nkv", "--store", "none", "--volatile-dir", "none"}, []string{"abstract"}},
		"NATS config":     {append(places(dir), "--nats-config", file("nats", "max_payload: 1\n")), []string{"nats", "max_payload"}},
		"no NATS config":  {append(places(dir), "--nats-config", dir+"/none.conf"), []string{dir + "/none.conf"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := refused(t, dir, test.args...)
			if code != exitUsage {
				t.Errorf("exit code %d, want %d: %s", code, exitUsage, said)
			}
			for _, want := range test.says {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
		})
	}
}

func TestSecondServer(t *testing.T) {
	dir := newDir(t)
	launch(t, dir, nil, places(dir)...).ready()
	other := newDir(t)
	for name, args := range map[string][]string{
		filepath.Join(dir, "store"):    append(places(other), "--store", filepath.Join(dir, "store")),
		filepath.Join(dir, "volatile"): append(places(other), "--volatile-dir", filepath.Join(dir, "volatile")),
		filepath.Join(dir, "s"):        append(places(other), "--socket", filepath.Join(dir, "s")),
	} {
		begun := time.Now()
		code, said := refused(t, other, args...)
		if took := time.Since(begun); code != exitFailed || !strings.Contains(said, name) || took > 2*time.Second {
			t.Errorf("%s: exit code %d after %s: %s", name, code, took, said)
		}
	}
}

func TestMissingSocketDirectory(t *testing.T) {
	dir := newDir(t)
	missing := filepath.Join(dir, "missing")
	code, said := refused(t, dir, "--socket", filepath.Join(missing, "s"), "--store", filepath.Join(dir, "store"))
	if code != exitFailed || !strings.Contains(said, "create "+missing) || !strings.Contains(said, join.ErrNoDirectory.Error()) {
		t.Errorf("exit code %d: %s", code, said)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it made %v, %v", left, err)
	}
}

// With nothing set the server makes its runtime directory, for all to pass.
func TestRuntimeDirectory(t *testing.T) {
	dir := newDir(t)
	for _, parent := range []string{"run", "lib"} {
		if err := os.Mkdir(filepath.Join(dir, parent), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		i := launch(t, dir, nil).ready()
		connect(t, "unix://"+filepath.Join(dir, "run", "nkv", "nkv.sock")).Close()
		i.stop()
		for name, want := range map[string]os.FileMode{"run/nkv": 0o755, "run/nkv/nkv-volatile": 0o700, "lib/nkv": 0o700} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, script := refused(t, t.TempDir(), "completion", shell)
		if code != exitDone || !strings.Contains(script, "nkv-server") || !strings.Contains(script, "__complete") {
			t.Errorf("%s: exit code %d:\n%s", shell, code, script)
		}
		interpreter, err := exec.LookPath(shell)
		if err != nil {
			continue // the shell is not here to read it
		}
		if out, err := exec.Command(interpreter, "-n", writeFile(t, filepath.Join(t.TempDir(), shell), script)).CombinedOutput(); err != nil {
			t.Errorf("%s does not take the script: %v\n%s", shell, err, out)
		}
	}
	for _, args := range [][]string{{"completion", "tcsh"}, {"completion"}} {
		if code, said := refused(t, t.TempDir(), args...); code != exitUsage || !strings.Contains(said, "bash, zsh or fish") {
			t.Errorf("%v: exit code %d: %s", args, code, said)
		}
	}
	for args, want := range map[string]string{
		"--log-level ":  "warning\n",
		"--log-format ": "json\n",
		"--nkv0=":       "true\nfalse\n",
		"--config ":     "yaml\n",
		"--own":         "--owner-grace",
		"completion ":   "fish\n",
	} {
		if _, said := refused(t, t.TempDir(), append([]string{"__complete"}, strings.Split(args, " ")...)...); !strings.Contains(said, want) {
			t.Errorf("%q is completed with %q, not %q", args, said, want)
		}
	}
}

func TestVersion(t *testing.T) {
	if code, said := refused(t, t.TempDir(), "--version"); code != exitDone || !strings.Contains(said, programVersion()) {
		t.Errorf("exit code %d: %s", code, said)
	}
}
