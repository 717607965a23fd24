package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Places of a server that is the system's own. Clients look for the socket there
// (client.DefaultSocket).
const (
	systemRuntimeDir = "/run/nkv"
	systemStateDir   = "/var/lib/nkv"
	socketName       = "nkv.sock"
)

// Environment is where the program runs, as far as defaults depend on it.
type Environment struct {
	// RuntimeDir is the system's directory of the socket and of volatile tables;
	// it is gone after each boot.
	RuntimeDir string
	// StateDir is the system's directory of durable tables.
	StateDir string
	// Getenv returns an environment variable; empty: it is not set.
	Getenv func(string) string
	// Usable tells whether the program can keep files in a directory, or make it.
	Usable func(dir string) bool
}

// System is the environment of this process.
func System() Environment {
	return Environment{RuntimeDir: systemRuntimeDir, StateDir: systemStateDir, Getenv: os.Getenv, Usable: usable}
}

func usable(dir string) bool {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	return err == nil && info.IsDir() && unix.Access(dir, unix.W_OK|unix.X_OK) == nil
}

// socket returns the default socket; setting is the one that needs it.
func (env Environment) socket(setting string) (string, error) {
	if env.Usable(env.RuntimeDir) {
		return filepath.Join(env.RuntimeDir, socketName), nil
	}
	dir := env.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return "", fmt.Errorf("%w: no default for %s: %s can't be written and XDG_RUNTIME_DIR is not set; set --%s",
			ErrInvalid, setting, env.RuntimeDir, setting)
	}
	return filepath.Join(dir, socketName), nil
}

func socketDefault(env Environment, _ map[string]entry) (string, error) {
	return env.socket("socket")
}

// volatileDefault is beside the socket and named after it, so that servers that
// are told only where to listen don't take each other's. Without a socket it is
// where it would be with the default one.
func volatileDefault(env Environment, given map[string]entry) (string, error) {
	socket := path(given["socket"].text)
	if socket == "" {
		var err error
		if socket, err = env.socket("volatile-dir"); err != nil {
			return "", err
		}
	}
	return strings.TrimSuffix(socket, ".sock") + "-volatile", nil
}

func storeDefault(env Environment, _ map[string]entry) (string, error) {
	if env.Usable(env.StateDir) {
		return env.StateDir, nil
	}
	if dir := env.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "nkv"), nil
	}
	if home := env.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "nkv"), nil
	}
	return "", fmt.Errorf("%w: no default for store: %s can't be written and neither XDG_STATE_HOME nor HOME is set; set --store",
		ErrInvalid, env.StateDir)
}
