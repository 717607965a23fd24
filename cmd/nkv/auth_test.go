package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
)

// TestAuth makes an agents file from nothing, as a person does, and lets a server
// and clients use it.
func TestAuth(t *testing.T) {
	dir := t.TempDir()
	file, seed := filepath.Join(dir, "agents.yaml"), filepath.Join(dir, "nim.nk")
	s := shell{t, "unix:///nowhere"}
	auth := func(stdin string, args ...string) result {
		t.Helper()
		return s.feed(stdin, append([]string{"auth", "--file", file}, args...)...)
	}
	expect := func(r result, code int, says string) {
		t.Helper()
		if r.code != code || !strings.Contains(r.stdout+r.stderr, says) {
			t.Errorf("exit code %d, want %d, saying %q:\n%s%s", r.code, code, says, r.stdout, r.stderr)
		}
	}
	expect(auth("", "check"), exitUsage, "no such file")
	expect(auth("", "add", "nim"), exitUsage, "nobody can prove to be nim")
	expect(auth("", "add", "nim", "--agent", "nim", "--seed", seed), exitDone, "")
	expect(auth("", "add", "ann", "--agent", "ann", "--seed", seed), exitUsage, "name a new file")
	expect(auth("a word\n", "add", "zedagent", "--agent", "zedagent", "--password"), exitDone, "")
	expect(auth("\n", "add", "zedagent", "--password"), exitUsage, "a password has 1 to 72 bytes")
	expect(auth("", "add", "root", "--role", "operator", "--user", fmt.Sprint(os.Getuid())), exitDone, "")
	expect(auth("", "add", "root", "--role", "king"), exitUsage, "role is \"king\"")
	expect(auth("", "add", "none", "--user", "no such user"), exitUsage, "--user no such user")
	expect(auth("", "add", "reader", "--reads", "nim.Status", "--group", "54321"), exitDone, "")
	expect(auth("", "check"), exitDone, "the file is right: 4 identities, 0 secret entries")
	for args, want := range map[string]string{
		"reader read nim.Status":      "yes: agents.yaml:",
		"reader read nim.Other.k":     "no: agents.yaml:",
		"reader write nim.Status.k":   "acts as no agent",
		"nim write nim.Status@s.k":    "yes: agents.yaml:2",
		"nim write zedagent.Config.k": "no: agents.yaml:2",
		"root write nim.Status.k":     "operator writes all",
		"root read nim.Status --json": `{"allowed":true,"rule":"agents.yaml:`,
	} {
		code := exitDone
		if strings.Contains(want, "no") {
			code = exitRefused
		}
		expect(auth("", append([]string{"check"}, strings.Fields(args)...)...), code, want)
	}
	expect(auth("", "check", "nim", "own", "nim.Status"), exitUsage, "it takes read or write")
	expect(auth("", "check", "nim", "read"), exitUsage, "too few")
	expect(auth("", "check", "nobody", "read", "nim.Status"), exitNotFound, "unknown identity")
	expect(auth("", "check", "nim", "read", "nim.Status", "--as", "zedagent"), exitRefused, "acts as nim")
	expect(auth("", "none"), exitUsage, "unknown verb")
	expect(auth(""), exitUsage, "add, rm, list or check")

	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(seed)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(seed); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the seed's file: %v, %v", info.Mode(), err)
	}
	listed := auth("", "list").stdout + auth("", "list", "--json").stdout
	for _, secret := range []string{"a word", strings.TrimSpace(string(key)), "$2a$"} {
		if strings.Contains(listed, secret) || secret != "$2a$" && strings.Contains(string(content), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	expect(auth("", "list"), exitDone, "all but secret")

	cheap, err := bcrypt.GenerateFromPassword([]byte("a word"), bcrypt.MinCost) // a busy machine takes seconds for the other
	if err != nil {
		t.Fatal(err)
	}
	content = regexp.MustCompile(`\$2a\$10\$[./A-Za-z0-9]{53}`).ReplaceAllLiteral(content, cheap)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	url := startServer(t, server.Options{Agents: file})
	run := func(args ...string) result { t.Helper(); return shell{t, url}.run(args...) }
	expect(run("put", "nim.Status.up", "true"), exitDone, "revision")
	t.Setenv(client.EnvNKey, seed)
	expect(run("--name", "nim", "put", "nim.Status.up", "false"), exitDone, "revision")
	expect(run("--name", "nim", "put", "zedagent.Config.k", "1"), exitRefused, "writes only its own tables")
	expect(run("--name", "zedagent", "get", "nim.Status.up"), exitRefused, "NKV_NKEY")
	t.Setenv(client.EnvNKey, "")
	t.Setenv(client.EnvUser, "zedagent")
	t.Setenv(client.EnvPassword, "a word")
	expect(run("--name", "zedagent", "put", "zedagent.Config.k", "1"), exitDone, "revision")
	t.Setenv(client.EnvPassword, "another")
	expect(run("--name", "zedagent", "get", "zedagent.Config.k"), exitRefused, "does not know who this is")
	t.Setenv(client.EnvPassword, "")
	expect(run("get", "zedagent.Config.k"), exitUsage, "NKV_USER")
	t.Setenv(client.EnvUser, "")
	expect(run("health"), exitDone, "refused")

	expect(auth("", "rm", "zedagent"), exitDone, "")
	expect(auth("", "rm", "zedagent"), exitNotFound, "unknown identity")
	expect(auth("", "check"), exitDone, "3 identities")
}

func TestAuthCompletion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agents.yaml")
	if err := os.WriteFile(file, []byte("identities: {nim: {uids: [1]}, nobody: {uids: [2]}, ann: {uids: [3]}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := shell{t, "unix:///nowhere"}
	for words, want := range map[string]string{
		"auth c": "check", "auth --file FILE rm n": "nim nobody", "auth --file FILE check nim ": "read write", "auth add x --role o": "operator observer",
	} {
		got := strings.Join(s.complete(strings.Split(strings.Replace(words, "FILE", file, 1), " ")...), " ")
		if !strings.HasPrefix(want, got) || got == "" {
			t.Errorf("nkv %s: %q; want %q", words, got, want)
		}
	}
}
