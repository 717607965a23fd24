package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server"
)

// boolean is the Value of a setting that is true or false. Its flag alone means
// true.
const boolean = "bool"

var truths = []string{"true", "false"}

// none stands for a path or an address that is not wanted. The empty text does,
// too, but not for the directories of tables.
const none = "none"

// Setting is one thing that can be set.
type Setting struct {
	// Name is the flag's name without dashes, and the key in the file.
	Name string
	// Usage says what it is, in a line.
	Usage string
	// Value names its kind in help texts: "file", "dir", ... or "bool", where the
	// flag may stand alone.
	Value string
	// Default says what it is when it is not set.
	Default string
	// Choices are the texts it can have; none: it is free.
	Choices []string

	number   bool // a file may write it as a number
	fallback func(Environment, map[string]entry) (string, error)
	// read puts the text into a Config; its error says what the setting takes.
	read func(*Config, string) error
}

// Alone is the text that the flag without a value stands for; empty: it needs one.
func (s Setting) Alone() string {
	if s.Value == boolean {
		return "true"
	}
	return ""
}

// Settings returns all settings, in the order of help texts.
func Settings() []Setting {
	return slices.Concat(places(), walls(), limits(), migration())
}

// places are the settings that say where the server is and where it keeps what.
func places() []Setting {
	return []Setting{
		{
			Name: "socket", Value: "file", Usage: "Unix socket to listen on; none: on no socket",
			Default:  systemRuntimeDir + "/" + socketName + ", else $XDG_RUNTIME_DIR/" + socketName,
			fallback: socketDefault, read: place(func(c *Config) *string { return &c.Socket }),
		},
		{
			Name: "socket-mode", Value: "mode", Usage: "permission bits of the socket, octal",
			Default: formatMode(server.DefaultSocketMode), number: true,
			fallback: fixed(formatMode(server.DefaultSocketMode)), read: readMode,
		},
		{
			Name: "listen", Value: "host:port", Usage: "TCP address to listen on too; port 0 takes a free one",
			Default: none, fallback: fixed(none), read: readListen,
		},
		{
			Name: "store", Value: "dir", Usage: "directory of durable tables; none: they are lost with the server",
			Default:  systemStateDir + ", else $XDG_STATE_HOME/nkv or ~/.local/state/nkv",
			fallback: storeDefault, read: directory(func(c *Config) *string { return &c.Store }),
		},
		{
			Name: "volatile-dir", Value: "dir", Usage: "directory of volatile tables, best in memory; none: they are lost with the server",
			Default:  "beside the socket: X-volatile for X.sock",
			fallback: volatileDefault, read: directory(func(c *Config) *string { return &c.VolatileDir }),
		},
		{
			Name: "nats-config", Value: "file", Usage: "NATS configuration file for what only NATS knows: TLS, leaf nodes, monitoring port",
			Default: none, fallback: fixed(none), read: place(func(c *Config) *string { return &c.NATSConfig }),
		},
		{
			Name: "change-log", Value: "file", Usage: "append every accepted change to this file, a line of JSON without the value; it grows without bound",
			Default: none, fallback: fixed(none), read: place(func(c *Config) *string { return &c.ChangeLog }),
		},
	}
}

// walls are the settings that say who may do what.
func walls() []Setting {
	return []Setting{
		{
			Name: "agents", Value: "file", Usage: "agents file: who may connect, and what each may read and write; none: everybody who reaches the server, everything",
			Default: none, fallback: fixed(none), read: place(func(c *Config) *string { return &c.Agents }),
		},
		{
			Name: "insecure", Value: boolean, Usage: "without an agents file, let every process of this machine do everything over TCP, on a loopback address",
			Default: "false", Choices: truths, fallback: fixed("false"), read: truth(func(c *Config) *bool { return &c.Insecure }),
		},
	}
}

// limits are the settings that say how much, how long and how loud.
func limits() []Setting {
	return []Setting{
		{
			Name: "max-value", Value: "size", Usage: "largest value, such as 512KiB or 8MiB",
			Default: FormatSize(server.DefaultMaxValue), number: true,
			fallback: fixed(FormatSize(server.DefaultMaxValue)), read: readMaxValue,
		},
		{
			Name: "owner-grace", Value: "duration", Usage: "how long a table stays its owner's after the owner's connection is gone",
			Default: nkv.DefaultOwnerGrace.String(), fallback: fixed(nkv.DefaultOwnerGrace.String()), read: readOwnerGrace,
		},
		{
			Name: "log-level", Value: "level", Usage: "least that is logged: debug, info, warning or error", Default: "info",
			Choices: []string{"debug", "info", "warning", "error"}, fallback: fixed("info"), read: readLogLevel,
		},
		{
			Name: "log-format", Value: "format", Usage: "form of the log on standard error: text or json", Default: "text",
			Choices: []string{"text", "json"}, fallback: fixed("text"), read: readLogFormat,
		},
	}
}

// migration are the settings for clients of former times.
func migration() []Setting {
	return []Setting{
		{
			Name: "eve-root", Value: "dir", Usage: "keep tables in files below this directory, / on a device, as EVE-OS's pubsub has them, and take what it left there",
			Default: none, fallback: fixed(none), read: place(func(c *Config) *string { return &c.EveRoot }),
		},
		{
			Name: "eve-bridge", Value: boolean, Usage: "speak on the sockets of EVE-OS's pubsub, below eve-root: with agents that are not migrated yet",
			Default: "false", Choices: truths, fallback: fixed("false"), read: truth(func(c *Config) *bool { return &c.EveBridge }),
		},
		{
			Name: "nkv0", Value: boolean, Usage: "serve clients of nkv's first protocol too, on NATS subjects pubsub.*",
			Default: "false", Choices: truths, fallback: fixed("false"), read: truth(func(c *Config) *bool { return &c.NKV0 }),
		},
	}
}

func fixed(text string) func(Environment, map[string]entry) (string, error) {
	return func(Environment, map[string]entry) (string, error) { return text, nil }
}

// place reads a path into a field.
func place(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if strings.ContainsRune(s, 0) {
			return errors.New("a path without zero bytes")
		}
		*field(c) = path(s)
		return nil
	}
}

// directory reads the place of tables into a field. It must be said that they are
// to be lost with the server: an empty text is more likely a variable that is not
// set.
func directory(field func(*Config) *string) func(*Config, string) error {
	read := place(field)
	return func(c *Config, s string) error {
		if s == "" {
			return errors.New("a directory, or none for tables that are lost with the server")
		}
		return read(c, s)
	}
}

// truth reads a truth value into a field.
func truth(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, s string) error {
		if !slices.Contains(truths, s) {
			return errors.New("true or false")
		}
		*field(c) = s == "true"
		return nil
	}
}

func path(text string) string {
	if text == none {
		return ""
	}
	return text
}

func readMode(c *Config, s string) error {
	mode, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil || mode == 0 || mode > 0o777 {
		return errors.New("octal permission bits from 0001 to 0777, such as 0660")
	}
	c.SocketMode = os.FileMode(mode)
	return nil
}

func formatMode(mode os.FileMode) string { return fmt.Sprintf("%04o", mode) }

func readListen(c *Config, s string) error {
	if s = path(s); s != "" {
		_, port, err := net.SplitHostPort(s)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return errors.New("host:port with a port from 0 to 65535, such as 127.0.0.1:4222")
		}
	}
	c.Listen = s
	return nil
}

func readMaxValue(c *Config, s string) error {
	size, err := ParseSize(s)
	if err != nil || size < 1 || size > server.MaxMaxValue {
		return fmt.Errorf("a size from 1B to %s, such as 512KiB or 8MiB", FormatSize(server.MaxMaxValue))
	}
	c.MaxValue = int(size)
	return nil
}

func readOwnerGrace(c *Config, s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Millisecond || d > 24*time.Hour {
		return errors.New("a duration from 1ms to 24h with its unit, such as 5s")
	}
	c.OwnerGrace = d
	return nil
}

func readLogLevel(c *Config, s string) error {
	switch s {
	case "debug", "info", "warning", "warn", "error":
	default:
		return errors.New("debug, info, warning or error")
	}
	level, err := logrus.ParseLevel(s)
	c.LogLevel = level
	return err
}

func readLogFormat(c *Config, s string) error {
	if s != "text" && s != "json" {
		return errors.New("text or json")
	}
	c.LogFormat = s
	return nil
}
