package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server"
)

// errSetting: a flag or a setting is wrong; the message names it.
var errSetting = errors.New("wrong setting")

// settings are the flags, and the keys of the settings file: one text for each,
// read in one place whichever way it came.
type settings struct {
	socket, socketMode    string
	listen                string
	store, volatile       string
	natsConfig, changeLog string
	maxValue, ownerGrace  string
	logLevel, logFormat   string
}

// setting is one flag, which is a key of the file too.
type setting struct {
	name, usage string
	value       *string
}

// all lists the settings, in the order of the help.
func (s *settings) all() []setting {
	return []setting{
		{"socket", "listen on this Unix socket; \"none\": on none", &s.socket},
		{"socket-mode", "permission bits of the socket, octal", &s.socketMode},
		{"listen", "also listen on TCP, `HOST:PORT`; port 0 takes a free one", &s.listen},
		{"store", "directory of durable tables; \"none\": they are lost with the server", &s.store},
		{"volatile-dir", "directory of volatile tables, best in memory; \"none\": they are lost with the server", &s.volatile},
		{"nats-config", "NATS configuration `FILE` for what only NATS knows: TLS, leaf nodes, monitoring port", &s.natsConfig},
		{"change-log", "append every accepted change to this `FILE`, one JSON line each, without values; it grows without bound", &s.changeLog},
		{"max-value", "the largest value: bytes, or with a unit (KiB, MiB)", &s.maxValue},
		{"owner-grace", "how long a table stays its owner's after the owner's connection is gone", &s.ownerGrace},
		{"log-level", "what to log: debug, info, warning or error", &s.logLevel},
		{"log-format", "how to log: text or json", &s.logFormat},
	}
}

// none stands for a path that is not wanted.
const none = "none"

// defaults returns the settings when nothing is said.
func defaults() *settings {
	run := runDir()
	return &settings{
		socket: filepath.Join(run, "nkv.sock"), socketMode: fmt.Sprintf("%#o", server.DefaultSocketMode),
		store: stateDir(), volatile: filepath.Join(run, "nkv-volatile"),
		maxValue: "8MiB", ownerGrace: nkv.DefaultOwnerGrace.String(),
		logLevel: "info", logFormat: "text",
	}
}

// runDir returns the directory of the socket: /run/nkv where that can be used,
// else $XDG_RUNTIME_DIR.
func runDir() string {
	const system = "/run/nkv"
	if user := os.Getenv("XDG_RUNTIME_DIR"); user != "" && !usable(system) {
		return user
	}
	return system
}

// stateDir returns the directory of durable tables: /var/lib/nkv where that can
// be used, else the user's.
func stateDir() string {
	const system = "/var/lib/nkv"
	if usable(system) {
		return system
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "nkv")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "nkv")
	}
	return system
}

// usable reports whether the server could make files in a directory, or make it.
func usable(dir string) bool {
	if info, err := os.Stat(dir); err == nil {
		return info.IsDir() && writable(dir)
	}
	return writable(filepath.Dir(dir))
}

func (s *settings) addFlags(flags *pflag.FlagSet) {
	for _, each := range s.all() {
		flags.StringVar(each.value, each.name, *each.value, each.usage)
	}
}

// options reads the settings as a server's options. What is wrong is errSetting
// and named.
func (s *settings) options() (server.Options, error) {
	opts := server.Options{
		Socket: path(s.socket), Listen: s.listen, StoreDir: path(s.store), VolatileDir: path(s.volatile),
		NATSConfig: s.natsConfig, ChangeLog: s.changeLog,
	}
	mode, err := strconv.ParseUint(s.socketMode, 8, 9)
	if err != nil {
		return opts, fmt.Errorf("%w: socket-mode is %q; it takes octal permission bits such as 0660", errSetting, s.socketMode)
	}
	opts.SocketMode = os.FileMode(mode)
	if opts.MaxValue, err = size(s.maxValue); err != nil {
		return opts, fmt.Errorf("%w: max-value is %q; %w", errSetting, s.maxValue, err)
	}
	if opts.OwnerGrace, err = time.ParseDuration(s.ownerGrace); err != nil || opts.OwnerGrace <= 0 {
		return opts, fmt.Errorf("%w: owner-grace is %q; it takes a positive duration such as 5s", errSetting, s.ownerGrace)
	}
	if opts.Socket == "" && opts.Listen == "" {
		return opts, fmt.Errorf("%w: neither socket nor listen is set; nobody could connect", errSetting)
	}
	return opts, nil
}

func path(text string) string {
	if text == none {
		return ""
	}
	return text
}

// size reads a number of bytes with an optional unit.
func size(text string) (int, error) {
	number, factor := strings.TrimSpace(text), 1
	for _, unit := range []struct {
		name   string
		factor int
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(number, unit.name); ok {
			number, factor = strings.TrimSpace(rest), unit.factor
			break
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > server.MaxMaxValue/factor {
		return 0, fmt.Errorf("it takes 1 to %d bytes, or a number with KiB or MiB", server.MaxMaxValue)
	}
	return n * factor, nil
}

func (s *settings) logger(out io.Writer) (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(out)
	level, err := logrus.ParseLevel(s.logLevel)
	if err != nil {
		return nil, fmt.Errorf("%w: log-level is %q; it is one of %s", errSetting, s.logLevel, strings.Join(logLevels(), ", "))
	}
	log.SetLevel(level)
	switch s.logFormat {
	case "text":
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	case "json":
		log.SetFormatter(&logrus.JSONFormatter{})
	default:
		return nil, fmt.Errorf("%w: log-format is %q; it is text or json", errSetting, s.logFormat)
	}
	return log, nil
}
