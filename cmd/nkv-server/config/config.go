package config

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"
)

// Config is a complete configuration.
type Config struct {
	// Socket is the path of the Unix socket; empty: none.
	Socket string
	// SocketMode is its permission bits.
	SocketMode os.FileMode
	// Listen is the TCP address, host:port; empty: none.
	Listen string
	// Agents is the agents file; empty: there is no access control.
	Agents string
	// Insecure lets everybody come by TCP, on a loopback address, without Agents.
	Insecure bool
	// Store is the directory of durable tables; empty: memory.
	Store string
	// VolatileDir is the directory of volatile tables; empty: memory.
	VolatileDir string
	// NATSConfig is a NATS configuration file; empty: none.
	NATSConfig string
	// ChangeLog is the file that accepted changes are appended to; empty: none.
	ChangeLog string
	// MaxValue is the largest value, in bytes.
	MaxValue int
	// OwnerGrace is how long a table stays its owner's after the owner's
	// connection is gone.
	OwnerGrace time.Duration
	// EveRoot is the directory below which tables are kept in files as EVE-OS's
	// pubsub has them; empty: in none.
	EveRoot string
	// EveBridge speaks on the sockets of that pubsub; it needs EveRoot.
	EveBridge bool
	// NKV0 serves clients of nkv's first protocol.
	NKV0 bool
	// LogLevel is the least that is logged.
	LogLevel logrus.Level
	// LogFormat is "text" or "json".
	LogFormat string
}

// Load puts a configuration together: flags, by name as on the command line
// without dashes, over the YAML file (empty: none) over the defaults of env.
// Every setting of the file is checked, also one that a flag replaces. Errors are
// ErrInvalid.
func Load(file string, flags map[string]string, env Environment) (Config, error) {
	given := map[string]entry{}
	if file != "" {
		var err error
		if given, err = readFile(file); err != nil {
			return Config{}, err
		}
	}
	for name, text := range flags {
		given[name] = entry{text: text, place: "--" + name}
	}
	var c Config
	for _, s := range Settings() {
		e, ok := given[s.Name]
		if !ok {
			text, err := s.fallback(env, given)
			if err != nil {
				return Config{}, err
			}
			e = entry{text: text, place: "default of " + s.Name}
		}
		if err := s.read(&c, e.text); err != nil {
			return Config{}, fmt.Errorf("%w: %s: %w", ErrInvalid, e.place, s.refusal(e.text, err))
		}
	}
	if err := c.check(given); err != nil {
		return Config{}, err
	}
	return c, nil
}

// check looks at settings that go together.
func (c Config) check(given map[string]entry) error {
	switch {
	case c.Socket == "" && c.Listen == "":
		return fmt.Errorf("%w: %sneither socket nor listen is set, so nobody could connect; set one of them",
			ErrInvalid, placeOf(given, "socket", "listen"))
	case c.Store != "" && c.VolatileDir != "" && filepath.Clean(c.Store) == filepath.Clean(c.VolatileDir):
		return fmt.Errorf("%w: %sstore and volatile-dir are both %s; they must differ",
			ErrInvalid, placeOf(given, "volatile-dir", "store"), c.Store)
	case c.EveBridge && c.EveRoot == "":
		return fmt.Errorf("%w: %seve-bridge needs eve-root, the directory below which the sockets and the files are; set that too, on a device to /",
			ErrInvalid, placeOf(given, "eve-bridge"))
	}
	return nil
}

// placeOf tells where the first of the settings that was given stands.
func placeOf(given map[string]entry, names ...string) string {
	for _, name := range names {
		if e, ok := given[name]; ok {
			return e.place + ": "
		}
	}
	return ""
}

// Check reads the text of one setting and says what is wrong with it.
func (s Setting) Check(text string) error {
	var c Config
	if err := s.read(&c, text); err != nil {
		return fmt.Errorf("it takes %w", err)
	}
	return nil
}

// refusal says what the setting takes instead of a text.
func (s Setting) refusal(text string, takes error) error {
	return fmt.Errorf("%s is %q; it takes %w", s.Name, text, takes)
}
