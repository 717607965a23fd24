package eve

import (
	"errors"
	"strings"
	"testing"

	"github.com/evenkv/nkv/pkg/wire"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]wire.Table{
		"zedagent/AppInstanceConfig":   {Agent: "zedagent", Topic: "AppInstanceConfig"},
		"verifier/AppImg/VerifyConfig": {Agent: "verifier", Scope: "AppImg", Topic: "VerifyConfig"},
		"verifier/a/b.c/VerifyConfig":  {Agent: "verifier", Scope: "a/b.c", Topic: "VerifyConfig"},
		"global/LedBlinkCounter":       {Agent: "global", Topic: "LedBlinkCounter"},
		"test":                         {Agent: "test", Topic: NoTopic},
	} {
		got, err := Table(name)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
		if back := Name(got); back != name {
			t.Errorf("%s came back as %s", name, back)
		}
	}
	if got, err := Table("/LedBlinkCounter"); err != nil || got.Agent != Global {
		t.Errorf("an empty agent: got %+v, %v", got, err)
	}
	for _, name := range []string{"", "a/../b", "../b", "a/.", "a/..", "a//b", "a/b/", "a/\x00", "a/./b", "..", ".", "a/" + strings.Repeat("x", 256)} {
		if got, err := Table(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: got %+v, %v, want ErrName", name, got, err)
		}
	}
}

// TestNoTableLeavesItsRoot tries tables that no name of the original stands for.
func TestNoTableLeavesItsRoot(t *testing.T) {
	for _, table := range []wire.Table{
		{Agent: "a/b", Topic: "c"}, {Agent: "a", Topic: "b/c"}, {Agent: "..", Topic: "c"}, {Agent: "a", Topic: ".."},
		{Agent: "a", Scope: "..", Topic: "c"}, {Agent: "a", Scope: "b/../..", Topic: "c"}, {Agent: "a", Scope: "b//c", Topic: "d"},
		{Agent: "a", Scope: "s", Topic: NoTopic}, {Agent: ".", Topic: "c"}, {Agent: "a\x00", Topic: "c"},
	} {
		if err := CheckTable(table); !errors.Is(err, ErrName) {
			t.Errorf("%+v: got %v, want ErrName", table, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, key := range []string{"a", "..", "timer.config.interval", strings.Repeat("x", MaxKey), "ü"} {
		if err := CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"", "a/b", "/", "a\x00", strings.Repeat("x", MaxKey+1)} {
		if err := CheckKey(key); !errors.Is(err, ErrName) {
			t.Errorf("%q: got %v, want ErrName", key, err)
		}
	}
}
