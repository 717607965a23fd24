package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server"
)

// environment is one where only some directories are usable.
func environment(vars map[string]string, usable ...string) config.Environment {
	env := config.System()
	env.Getenv = func(name string) string { return vars[name] }
	env.Usable = func(dir string) bool {
		for _, u := range usable {
			if u == dir {
				return true
			}
		}
		return false
	}
	return env
}

// system is where the server is the system's own.
func system() config.Environment { return environment(nil, "/run/nkv", "/var/lib/nkv") }

// systemDefaults is what holds there when nothing is set.
func systemDefaults() config.Config {
	return config.Config{
		Socket: client.DefaultSocket, SocketMode: server.DefaultSocketMode,
		Store: "/var/lib/nkv", VolatileDir: "/run/nkv/nkv-volatile",
		MaxValue: server.DefaultMaxValue, OwnerGrace: nkv.DefaultOwnerGrace,
		LogLevel: logrus.InfoLevel, LogFormat: "text",
	}
}

func write(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "nkv-server.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDefaults(t *testing.T) {
	user := map[string]string{"XDG_RUNTIME_DIR": "/run/user/7", "XDG_STATE_HOME": "/home/u/state", "HOME": "/home/u"}
	for name, test := range map[string]struct {
		env                     config.Environment
		flags                   map[string]string
		socket, store, volatile string
	}{
		"the system's":      {system(), nil, "/run/nkv/nkv.sock", "/var/lib/nkv", "/run/nkv/nkv-volatile"},
		"a user's":          {environment(user), nil, "/run/user/7/nkv.sock", "/home/u/state/nkv", "/run/user/7/nkv-volatile"},
		"no state home":     {environment(map[string]string{"XDG_RUNTIME_DIR": "/r", "HOME": "/h"}), nil, "/r/nkv.sock", "/h/.local/state/nkv", "/r/nkv-volatile"},
		"a socket":          {system(), map[string]string{"socket": "/a/b.sock"}, "/a/b.sock", "/var/lib/nkv", "/a/b-volatile"},
		"a socket, no dirs": {environment(nil), map[string]string{"socket": "/a/b", "store": "/s"}, "/a/b", "/s", "/a/b-volatile"},
		"no socket":         {system(), map[string]string{"socket": "none", "listen": ":0"}, "", "/var/lib/nkv", "/run/nkv/nkv-volatile"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load("", test.flags, test.env)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{test.socket, test.store, test.volatile}
			if diff := cmp.Diff(want, []string{c.Socket, c.Store, c.VolatileDir}); diff != "" {
				t.Errorf("socket, store, volatile-dir (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoDefault(t *testing.T) {
	for setting, flags := range map[string]map[string]string{
		"socket":       nil,
		"volatile-dir": {"socket": "none", "listen": ":0", "store": "/s"},
		"store":        {"socket": "/a/s"},
	} {
		_, err := config.Load("", flags, environment(nil))
		if !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), "set --"+setting) {
			t.Errorf("%s: got %v", setting, err)
		}
	}
}

func TestEachSetting(t *testing.T) {
	samples := map[string]struct {
		text, other string // other is another good one, for precedence
		set         func(*config.Config)
		with        map[string]string // flags that it needs; nil: none
	}{
		"socket":       {"/tmp/s", "/tmp/o", func(c *config.Config) { c.Socket, c.VolatileDir = "/tmp/s", "/tmp/s-volatile" }, nil},
		"socket-mode":  {"0600", "0666", func(c *config.Config) { c.SocketMode = 0o600 }, nil},
		"listen":       {"127.0.0.1:4222", "[::1]:0", func(c *config.Config) { c.Listen = "127.0.0.1:4222" }, nil},
		"agents":       {"/etc/nkv/agents.yaml", "none", func(c *config.Config) { c.Agents = "/etc/nkv/agents.yaml" }, nil},
		"insecure":     {"true", "false", func(c *config.Config) { c.Insecure = true }, nil},
		"store":        {"/tmp/store", "none", func(c *config.Config) { c.Store = "/tmp/store" }, nil},
		"volatile-dir": {"none", "/tmp/v", func(c *config.Config) { c.VolatileDir = "" }, nil},
		"nats-config":  {"/etc/nats.conf", "none", func(c *config.Config) { c.NATSConfig = "/etc/nats.conf" }, nil},
		"change-log":   {"/tmp/changes", "none", func(c *config.Config) { c.ChangeLog = "/tmp/changes" }, nil},
		"max-value":    {"8388607", "512 KiB", func(c *config.Config) { c.MaxValue = 8<<20 - 1 }, nil},
		"owner-grace":  {"1m30s", "2s", func(c *config.Config) { c.OwnerGrace = 90 * time.Second }, nil},
		"eve-root":     {"/", "none", func(c *config.Config) { c.EveRoot = "/" }, nil},
		"eve-bridge":   {"true", "false", func(c *config.Config) { c.EveRoot, c.EveBridge = "/", true }, map[string]string{"eve-root": "/"}},
		"nkv0":         {"true", "false", func(c *config.Config) { c.NKV0 = true }, nil},
		"log-level":    {"warning", "debug", func(c *config.Config) { c.LogLevel = logrus.WarnLevel }, nil},
		"log-format":   {"json", "text", func(c *config.Config) { c.LogFormat = "json" }, nil},
	}
	if len(samples) != len(config.Settings()) {
		t.Errorf("%d samples for %d settings", len(samples), len(config.Settings()))
	}
	for _, s := range config.Settings() {
		sample, ok := samples[s.Name]
		if !ok {
			t.Errorf("no sample for %s", s.Name)
			continue
		}
		want := systemDefaults()
		sample.set(&want)
		for way, given := range map[string]struct {
			file  string
			flags map[string]string
		}{
			"a flag":               {"", map[string]string{s.Name: sample.text}},
			"the file":             {s.Name + ": " + sample.text, nil},
			"the file, quoted":     {s.Name + ": \"" + sample.text + "\"", nil},
			"a flag over the file": {s.Name + ": \"" + sample.other + "\"", map[string]string{s.Name: sample.text}},
		} {
			flags := maps.Clone(sample.with)
			if flags == nil {
				flags = map[string]string{}
			}
			maps.Copy(flags, given.flags)
			got, err := config.Load(write(t, given.file), flags, system())
			if err != nil {
				t.Errorf("%s by %s: %v", s.Name, way, err)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", s.Name, way, diff)
			}
		}
	}
}

func TestEmptyIsNone(t *testing.T) {
	for _, text := range []string{"", "none"} {
		flags := map[string]string{"listen": "localhost:1"}
		for _, name := range []string{"socket", "nats-config", "change-log"} {
			flags[name] = text
		}
		flags["store"], flags["volatile-dir"] = "none", "none"
		c, err := config.Load("", flags, system())
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]string{"socket": c.Socket, "store": c.Store, "volatile-dir": c.VolatileDir, "nats-config": c.NATSConfig, "change-log": c.ChangeLog} {
			if got != "" {
				t.Errorf("%s %q: got %q, want nothing", name, text, got)
			}
		}
	}
}

// A variable that is not set must not make durable tables volatile.
func TestAnEmptyDirectoryIsRefused(t *testing.T) {
	for _, name := range []string{"store", "volatile-dir"} {
		for way, load := range map[string]func() error{
			"flag": func() error {
				_, err := config.Load("", map[string]string{name: ""}, system())
				return err
			},
			"file": func() error {
				_, err := config.Load(write(t, name+": \"\"\n"), nil, system())
				return err
			},
		} {
			if err := load(); !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s by %s: %v", name, way, err)
			}
		}
	}
}

func TestFileWithNothing(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "comments": "# a\n# b\n", "a mark": "---\n", "null": "~\n"} {
		got, err := config.Load(write(t, text), nil, system())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(systemDefaults(), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWrongFile(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		says []string
	}{
		"unknown key":          {"listen: 127.0.0.1:0\nsokcet: /x\n", []string{".yaml:2: ", `unknown key "sokcet"`, `did you mean "socket"?`, "max-value"}},
		"underscore":           {"\n\nmax_value: 1\n", []string{".yaml:3: ", `did you mean "max-value"?`}},
		"nothing near":         {"colour: red\n", []string{".yaml:1: ", `unknown key "colour"; known keys: `}},
		"duplicate":            {"socket: /x\nlog-level: info\nsocket: /y\n", []string{".yaml:3: ", "socket is set again", ".yaml:1;"}},
		"list":                 {"socket: [a, b]\n", []string{".yaml:1: ", "socket is a list; it takes one file"}},
		"mapping":              {"# c\nstore:\n  dir: /x\n", []string{".yaml:2: ", "store is a mapping; it takes one dir"}},
		"no value":             {"store:\n", []string{".yaml:1: ", "store has no value"}},
		"truth for text":       {"store: true\n", []string{".yaml:1: ", "store is the truth value true", "quotes"}},
		"number for text":      {"store: 7\n", []string{".yaml:1: ", "store is the number 7", "quotes"}},
		"number for duration":  {"owner-grace: 5\n", []string{".yaml:1: ", `owner-grace is "5"`, "with its unit"}},
		"negative duration":    {"owner-grace: -1s\n", []string{".yaml:1: ", "1ms to 24h"}},
		"duration too long":    {"owner-grace: 25h\n", []string{".yaml:1: ", "1ms to 24h"}},
		"no size":              {"\nmax-value: 8 pounds\n", []string{".yaml:2: ", `max-value is "8 pounds"`, "8MiB"}},
		"size zero":            {"max-value: 0\n", []string{".yaml:1: ", "1B to 63MiB"}},
		"size over the limit":  {"max-value: 64MiB\n", []string{".yaml:1: ", "1B to 63MiB"}},
		"size with fraction":   {"max-value: 1.5\n", []string{".yaml:1: ", "max-value"}},
		"mode":                 {"socket-mode: rw\n", []string{".yaml:1: ", "octal"}},
		"mode zero":            {"socket-mode: 0\n", []string{".yaml:1: ", "0001 to 0777"}},
		"mode too large":       {"socket-mode: 01777\n", []string{".yaml:1: ", "0001 to 0777"}},
		"listen":               {"listen: localhost\n", []string{".yaml:1: ", "host:port"}},
		"port":                 {"listen: localhost:65536\n", []string{".yaml:1: ", "65535"}},
		"level":                {"log-level: trace\n", []string{".yaml:1: ", "debug, info, warning or error"}},
		"format":               {"log-format: xml\n", []string{".yaml:1: ", "text or json"}},
		"no truth value":       {"nkv0: yes\n", []string{".yaml:1: ", `nkv0 is "yes"`, "true or false"}},
		"truth left out":       {"nkv0:\n", []string{".yaml:1: ", "nkv0 has no value", "true or false"}},
		"no mapping":           {"# c\n- a\n", []string{".yaml:2: ", "a list", "key: value"}},
		"text":                 {"hello\n", []string{".yaml:1: ", `the text "hello"`}},
		"no YAML":              {"a: b: c\n", []string{".yaml:1: no YAML: "}},
		"tab":                  {"socket: /x\n\tstore: /y\n", []string{".yaml:2: no YAML: "}},
		"no text":              {"socket: /x\n# \xff\n", []string{".yaml:2: ", "UTF-8"}},
		"control character":    {"socket: \"a\x00\"\n", []string{".yaml:1: ", "UTF-8"}},
		"zero byte in a path":  {"socket: \"a\\0\"\n", []string{".yaml:1: ", "zero bytes"}},
		"two documents":        {"log-level: info\n---\nlog-level: debug\n", []string{".yaml:", "a second document"}},
		"a list as key":        {"? [a]\n: b\n", []string{".yaml:1: ", "unknown key"}},
		"nobody could connect": {"socket: none\n", []string{".yaml:1: ", "nobody could connect"}},
		"the same directory":   {"store: /x\nvolatile-dir: /x/\n", []string{".yaml:2: ", "they must differ"}},
		"large":                {strings.Repeat("# much\n", 200_000), []string{"more than 1MiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(write(t, test.text), nil, system())
			if !errors.Is(err, config.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it does not say %q: %v", want, err)
				}
			}
			if strings.Count(err.Error(), config.ErrInvalid.Error()) != 1 {
				t.Errorf("it repeats itself: %v", err)
			}
		})
	}
}

// A file's wrong setting is refused also where a flag replaces it.
func TestWrongFileUnderFlag(t *testing.T) {
	_, err := config.Load(write(t, "max-value: 64GiB\n"), map[string]string{"max-value": "1MiB"}, system())
	if !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), ".yaml:1: ") {
		t.Errorf("got %v", err)
	}
}

func TestMissingFile(t *testing.T) {
	for _, name := range []string{"/nowhere/x.yaml", t.TempDir()} {
		_, err := config.Load(name, nil, system())
		if !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v", err)
		}
	}
}

func TestWrongFlag(t *testing.T) {
	_, err := config.Load("", map[string]string{"max-value": "x"}, system())
	if !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), `--max-value: max-value is "x"`) {
		t.Errorf("got %v", err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "8388608": 8 << 20, "8MiB": 8 << 20, "8 MiB": 8 << 20, " 8 mib ": 8 << 20, "512KiB": 512 << 10, "1GiB": 1 << 30,
		"2kB": 2000, "3MB": 3e6, "1GB": 1e9, "12B": 12, "12 B": 12, "0": 0,
	} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "B", "MiB", "-1", "+1", "1.5MiB", "8 M", "8MiBB", "0x10", "1_000", "9223372036854775808", "9223372036854775807GiB"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
	for _, n := range []int64{0, 1, 1000, 1024, 8 << 20, 3 << 30} {
		if got, err := config.ParseSize(config.FormatSize(n)); err != nil || got != n {
			t.Errorf("%d written and read: %d, %v", n, got, err)
		}
	}
}

// The example has every setting, with the default of a server that is the
// system's own.
func TestExample(t *testing.T) {
	const name = "../../../docs/nkv-server.yaml"
	got, err := config.Load(name, nil, environment(nil, "/var/lib/nkv"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(systemDefaults(), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, s := range config.Settings() {
		found := 0
		for i, line := range lines {
			if strings.HasPrefix(line, s.Name+": ") {
				found++
				if i == 0 || !strings.HasPrefix(lines[i-1], "# ") {
					t.Errorf("%s:%d: no comment above %s", name, i+1, s.Name)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s: %s stands there %d times", name, s.Name, found)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("socket: /x\nmax-value: 8 MiB\n")
	f.Add("socket: &a /x\nstore: *a\n")
	f.Add("? [a]\n: b\n--- x")
	f.Add("<<: {a: b}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := config.Load(write(t, text), nil, system()); err != nil && !errors.Is(err, config.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
}
