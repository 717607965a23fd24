package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of names, in bytes. A name is measured as text, before its encoding; a
// path as it is written on the wire, encoded and with its dots.
const (
	MaxName = 255
	MaxPath = 1024
)

// HeaderSpace is what a NATS message may hold besides a value, in bytes: the
// server's max_payload is its largest value plus this.
const HeaderSpace = 64 << 10

// Table names a table: all keys of one agent, topic and optional scope. The
// fields are text, not encoded.
type Table struct {
	Agent string
	Topic string
	Scope string // empty: none
}

// Path names one value: a key in a table. The key is text, not encoded.
type Path struct {
	Table Table
	Key   string
}

// String returns the table as it is written on the wire and in messages:
// agent.topic or agent.topic@scope, each part encoded. It does not check;
// Validate does.
func (t Table) String() string {
	name := EncodeToken(t.Agent) + "." + EncodeToken(t.Topic)
	if t.Scope != "" {
		name += "@" + EncodeToken(t.Scope)
	}
	return name
}

// Validate returns ErrInvalidPath when a part is empty (a scope may be), over
// MaxName bytes or not UTF-8, or when the whole is over MaxPath bytes.
func (t Table) Validate() error {
	if err := validName("agent", t.Agent); err != nil {
		return err
	}
	if err := validName("topic", t.Topic); err != nil {
		return err
	}
	if t.Scope != "" {
		if err := validName("scope", t.Scope); err != nil {
			return err
		}
	}
	return validLength(t.String())
}

// String returns the path as it is written on the wire and in messages. It does
// not check; Validate does.
func (p Path) String() string {
	return p.Table.String() + "." + EncodeToken(p.Key)
}

// Validate is Table.Validate for the table and the same for the key.
func (p Path) Validate() error {
	if err := p.Table.Validate(); err != nil {
		return err
	}
	if err := ValidKey(p.Key); err != nil {
		return err
	}
	return validLength(p.String())
}

// ValidKey returns ErrInvalidPath unless key is UTF-8 text of 1 to MaxName bytes.
func ValidKey(key string) error {
	return validName("key", key)
}

// ParseTable reads a table as String writes it; anything not canonical is
// ErrInvalidPath.
func ParseTable(s string) (Table, error) {
	if err := validLength(s); err != nil {
		return Table{}, err
	}
	agent, topic, ok := strings.Cut(s, ".")
	if !ok || strings.IndexByte(topic, '.') >= 0 {
		return Table{}, fmt.Errorf("%w: table %q; write agent.topic or agent.topic@scope", ErrInvalidPath, s)
	}
	return parseTable(agent, topic)
}

// ParsePath reads a path as String writes it; anything not canonical is
// ErrInvalidPath.
func ParsePath(s string) (Path, error) {
	if err := validLength(s); err != nil {
		return Path{}, err
	}
	tokens := strings.Split(s, ".")
	if len(tokens) != 3 {
		return Path{}, fmt.Errorf("%w: path %q has %d tokens; write agent.topic.key, with each part encoded (a dot is %%2E)", ErrInvalidPath, s, len(tokens))
	}
	table, err := parseTable(tokens[0], tokens[1])
	if err != nil {
		return Path{}, err
	}
	key, err := DecodeToken(tokens[2])
	if err != nil {
		return Path{}, err
	}
	return Path{Table: table, Key: key}, ValidKey(key)
}

// SplitPath cuts an encoded path into its encoded table and its encoded key,
// without checking either.
func SplitPath(s string) (table, key string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

func parseTable(agent, topic string) (Table, error) {
	var t Table
	var err error
	if t.Agent, err = DecodeToken(agent); err != nil {
		return Table{}, err
	}
	name, scope, scoped := strings.Cut(topic, "@")
	if t.Topic, err = DecodeToken(name); err != nil {
		return Table{}, err
	}
	if scoped {
		if t.Scope, err = DecodeToken(scope); err != nil {
			return Table{}, err
		}
	}
	return t, t.Validate()
}

func validName(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%w: the %s is empty; it takes 1 to %d bytes", ErrInvalidPath, what, MaxName)
	case len(text) > MaxName:
		return fmt.Errorf("%w: the %s has %d bytes; it takes 1 to %d", ErrInvalidPath, what, len(text), MaxName)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the %s %q is not UTF-8", ErrInvalidPath, what, text)
	}
	return nil
}

func validLength(s string) error {
	if len(s) > MaxPath {
		return fmt.Errorf("%w: it has %d bytes when encoded; at most %d", ErrInvalidPath, len(s), MaxPath)
	}
	return nil
}
