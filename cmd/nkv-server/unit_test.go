package main

import (
	"os"
	"strings"
	"testing"

	"github.com/evenkv/nkv/cmd/nkv-server/config"
)

// The unit for systemd fits the program: what it relies on is set, and its
// command line is one that the program takes.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile("../../docs/nkv-server.service")
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			settings[name] = value
		}
	}
	for name, want := range map[string]string{
		"Type": "notify", "RuntimeDirectory": "nkv", "RuntimeDirectoryPreserve": "yes", "StateDirectory": "nkv",
		"NoNewPrivileges": "yes", "ProtectSystem": "strict", "RestartPreventExitStatus": "2",
	} {
		if settings[name] != want {
			t.Errorf("%s is %q, want %q", name, settings[name], want)
		}
	}
	if settings["WatchdogSec"] == "" {
		t.Error("WatchdogSec is not set")
	}
	command := strings.Fields(settings["ExecStart"])
	if len(command) == 0 {
		t.Fatal("ExecStart is not set")
	}
	if err := (&program{env: config.System()}).command().ParseFlags(command[1:]); err != nil {
		t.Errorf("ExecStart: %v", err)
	}
}
