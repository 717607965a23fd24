package domain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
)

// oddKeys are keys that must not lead out of the directory or be taken for each
// other.
var oddKeys = []string{
	"..", ".", "../x", "a/b", "a%2Fb", "/etc/passwd", "a b", "a\nb", "a\x00b", "a\x01b", "a", "A", "=", "äöü",
	strings.Repeat("x", 200), strings.Repeat("x", 255), strings.Repeat("/", 255), strings.Repeat("x", 254) + "y", "a.domain", "*", "-rf",
}

func TestNamesStayInTheDirectory(t *testing.T) {
	dir, seen := t.TempDir(), map[string]string{}
	for _, key := range oddKeys {
		name := domain.Name(key)
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q share %q", key, other, name)
		}
		seen[name] = key
		path := filepath.Join(dir, name+".domain")
		if filepath.Dir(path) != dir || strings.ContainsAny(name, "/.\x00") {
			t.Errorf("%q becomes %q", key, name)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	const uuid = "0b6fdd3c-6b1b-4f6f-9b0a-6d9f3f7f4c11"
	if name := domain.Name(uuid); name != uuid {
		t.Errorf("a UUID becomes %q", name)
	}
	hashed := domain.Name(strings.Repeat("/", 255))
	if again := domain.Name(hashed); again == hashed {
		t.Errorf("a key can be made that is taken for another: %q", hashed)
	}
}

func TestOddKeysRun(t *testing.T) {
	s := newScene(t)
	d := s.open(script(t, "exec sleep 1000"))
	pids := map[int]string{}
	for _, key := range oddKeys {
		p := s.start(d, key)
		if other, ok := pids[p.PID()]; ok {
			t.Errorf("%q and %q share a process", key, other)
		}
		pids[p.PID()] = key
	}
	found, others := s.find(s.open(""))
	for _, key := range oddKeys {
		if p := found[key]; p == nil || pids[p.PID()] != key {
			t.Errorf("%q is not found, but %v", key, others)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil || len(entries) > 2 { // the script has its own
		t.Errorf("outside of the directory there are %v, %v", entries, err)
	}
}
