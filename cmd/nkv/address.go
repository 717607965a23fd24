package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

// pathOf reads a path as it was given: encoded, or a table with a key that is
// not. keyGiven tells an empty key from none.
func pathOf(arg, key string, keyGiven bool) (wire.Path, error) {
	if keyGiven {
		table, err := tableOf(arg)
		if err != nil {
			return wire.Path{}, err
		}
		path := wire.Path{Table: table, Key: key}
		if err := path.Validate(); err != nil {
			return wire.Path{}, &usageError{fmt.Errorf("--key: %w", err), ""}
		}
		return path, nil
	}
	path, err := wire.ParsePath(arg)
	if err == nil {
		return path, nil
	}
	return wire.Path{}, &usageError{err, pathHint(arg)}
}

// pathHint says how to write what a wrong path seems to mean.
func pathHint(arg string) string {
	tokens := strings.SplitN(arg, ".", 3)
	switch {
	case len(tokens) < 2 || tokens[0] == "" || tokens[1] == "":
		return "a path is agent.topic.key, such as zedagent.AppInstanceConfig.web"
	case strings.ContainsAny(arg, "*>"):
		return "a pattern selects many keys; see them with: nkv ls " + quoted(arg)
	case len(tokens) == 2:
		table := canonicalTable(tokens[0], tokens[1])
		return fmt.Sprintf("that is a table; its keys: nkv ls %s\nor name the key: %s --key KEY", table, table)
	case tokens[2] == "":
		return "the key after the last dot is missing"
	}
	path := wire.Path{Table: canonicalTable(tokens[0], tokens[1]), Key: unescaped(tokens[2])}
	if err := path.Validate(); err != nil {
		return "a path is agent.topic.key; each part takes 1 to 255 bytes"
	}
	return fmt.Sprintf("in a path, each part is encoded (a dot is %%2E, a space %%20): %s\nor leave the encoding to nkv: %s --key %s", path, path.Table, quoted(path.Key))
}

// tableOf reads a table.
func tableOf(arg string) (wire.Table, error) {
	table, err := wire.ParseTable(arg)
	if err == nil {
		return table, nil
	}
	hint := "a table is agent.topic or agent.topic@scope, such as zedagent.AppInstanceConfig"
	tokens := strings.SplitN(arg, ".", 3)
	switch {
	case len(tokens) < 2 || tokens[0] == "" || tokens[1] == "":
	case len(tokens) == 3:
		hint = "the table in that is: " + canonicalTable(tokens[0], tokens[1]).String()
	default:
		hint = "each part is encoded: " + canonicalTable(tokens[0], tokens[1]).String()
	}
	return wire.Table{}, &usageError{err, hint}
}

// patternOf reads a pattern. One word stands for all that an agent of that name
// owns, nothing for everything.
func patternOf(args []string) (wire.Pattern, error) {
	if len(args) == 0 {
		return wire.ParsePattern(">")
	}
	arg := args[0]
	if arg != ">" && !strings.Contains(arg, ".") {
		arg += ".>"
	}
	pattern, err := wire.ParsePattern(arg)
	if err == nil {
		return pattern, nil
	}
	hint := "a pattern is agent.topic.key with '*' for any one token and '>' for the rest: 'zedagent.>', '*.AppInstanceConfig'"
	if errors.Is(err, wire.ErrInvalidPath) || strings.Count(arg, ".") > 2 {
		if !strings.ContainsAny(arg, "*>") {
			hint = pathHint(arg)
		}
	}
	return wire.Pattern{}, &usageError{err, hint}
}

// canonicalTable makes a table of two tokens that may not be encoded right.
func canonicalTable(agent, topic string) wire.Table {
	name, scope, _ := strings.Cut(topic, "@")
	return wire.Table{Agent: unescaped(agent), Topic: unescaped(name), Scope: unescaped(scope)}
}

// unescaped takes a token for encoded where it can be, else for text.
func unescaped(token string) string {
	if text, err := wire.DecodeToken(token); err == nil {
		return text
	}
	return token
}

// quoted quotes a word for a shell where it must be.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r > 127 || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
