package eve

import (
	"fmt"
	"path"
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// Global is the agent of the tables that the original publishes under an
	// empty agent name. They lie in files only and have no socket.
	Global = "global"
	// NoTopic is the topic of a table whose name in the original is an agent's
	// alone, which its library never makes but its drivers take. As a path it
	// stands for the agent's directory itself.
	NoTopic = "."
	// MaxKey is the longest key, in bytes: a file name has 255 at the most, and
	// ".json" takes five of them.
	MaxKey = 250
)

// Table returns the table that the original knows by name: "agent/Topic",
// "agent/scope/Topic" or, for an empty agent, "/Topic".
func Table(name string) (wire.Table, error) {
	parts := strings.Split(name, "/")
	last := len(parts) - 1
	t := wire.Table{Agent: parts[0], Topic: parts[last], Scope: strings.Join(parts[min(1, last):last], "/")}
	if t.Agent == "" {
		t.Agent = Global
	}
	if last == 0 {
		t.Topic = NoTopic
	}
	if err := CheckTable(t); err != nil {
		return wire.Table{}, err
	}
	if back := Name(t); back != name && (name == "" || back != Global+name) {
		return wire.Table{}, fmt.Errorf("%w: table %q; write agent/Topic, agent/scope/Topic or /Topic", ErrName, name)
	}
	return t, nil
}

// Name returns the path of a table's directory below the directory of all of its
// kind, with slashes: what the original calls the table's name.
func Name(t wire.Table) string { return path.Join(t.Agent, t.Scope, t.Topic) }

// CheckTable returns ErrName unless Name stands for t alone: no part of it may
// leave its directory, or vanish in the path.
func CheckTable(t wire.Table) error {
	if err := t.Validate(); err != nil {
		return fmt.Errorf("%w: table %q: %w", ErrName, Name(t), err)
	}
	parts := []string{t.Agent}
	if t.Scope != "" {
		parts = append(parts, strings.Split(t.Scope, "/")...)
	}
	if t.Topic != NoTopic || t.Scope != "" {
		parts = append(parts, t.Topic)
	}
	for i, part := range parts {
		scope := i > 0 && i < len(parts)-1
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) || !scope && strings.Contains(part, "/") {
			return fmt.Errorf("%w: table %s: %q can't be the name of a directory; choose another agent, scope or topic", ErrName, t, part)
		}
	}
	return nil
}

// CheckKey returns ErrName unless a key can be a file's name, with ".json" at its
// end.
func CheckKey(key string) error {
	switch {
	case strings.ContainsAny(key, "/\x00"):
		return fmt.Errorf("%w: key %q has a slash or a zero byte; choose one that can be a file's name", ErrName, key)
	case key == "":
		return fmt.Errorf("%w: the key is empty; it takes 1 to %d bytes", ErrName, MaxKey)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: key %q has %d bytes; as a file's name it takes %d at the most", ErrName, key, len(key), MaxKey)
	}
	return nil
}
