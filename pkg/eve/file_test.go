package eve

import (
	"errors"
	"strings"
	"testing"

	"github.com/evenkv/nkv/pkg/wire"
)

func TestFileNames(t *testing.T) {
	for name, want := range map[string]struct {
		key    string
		backup bool
	}{
		"global.json":            {"global", false},
		"global.json.bak":        {"global", true},
		"timer.config.json.json": {"timer.config.json", false},
		"a.json.bak.json":        {"a.json.bak", false},
		"tmp1.json":              {"tmp1", false},
		"ü.json":                 {"ü", false},
	} {
		key, backup, err := FileKey(name)
		if err != nil || key != want.key || backup != want.backup || !IsValue(name) {
			t.Errorf("%s: got %q, %v, %v", name, key, backup, err)
		}
	}
	for _, name := range []string{"", "restarted", ".json", ".json.bak", "tmp123", "a.bak", "a.json.bak.bak", "\xff.json", strings.Repeat("x", MaxKey+1) + ".json"} {
		if key, _, err := FileKey(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: got %q, %v, want ErrName", name, key, err)
		}
	}
	if _, err := FileName("a/b"); !errors.Is(err, ErrName) {
		t.Errorf("a key with a slash: %v", err)
	}
}

func TestRestarted(t *testing.T) {
	for text, want := range map[string]uint64{"": 1, "1": 1, "17": 17, "0": 0, "-3": 1, "2\n": 1, "x": 1, "99999999999999999999": 1} {
		if got := ParseRestarted([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
	if got := FormatRestarted(0); got != nil {
		t.Errorf("no restart: got %q", got)
	}
}

// FuzzFileKey: a name is either refused, or stands for one key that has this name
// alone and may travel on the wire.
func FuzzFileKey(f *testing.F) {
	for _, name := range []string{"a.json", "a.json.bak", "a.json.json", ".json", "restarted", "\xff.json", "a/b.json", "...json"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		key, backup, err := FileKey(name)
		if err != nil {
			if !errors.Is(err, ErrName) {
				t.Fatal(err)
			}
			return
		}
		if err := wire.ValidKey(key); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		back, err := FileName(key)
		if backup {
			back += Backup
		}
		if err != nil || back != name {
			t.Fatalf("%q came back as %q, %v", name, back, err)
		}
	})
}

func FuzzRestarted(f *testing.F) {
	for _, text := range []string{"", "0", "1", "-1", "9223372036854775807", "9223372036854775808"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		counter := ParseRestarted(text)
		if counter == 0 {
			return
		}
		if back := ParseRestarted(FormatRestarted(counter)); back != counter {
			t.Fatalf("%q is %d, then %d", text, counter, back)
		}
	})
}
