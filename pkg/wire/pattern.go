package wire

import (
	"fmt"
	"strings"
)

// Pattern selects paths: tokens as in a path, of which any may be `*` (any one
// token) and the last may be `>` (one or more tokens, to the end). A pattern
// without a wildcard is a table or a path.
type Pattern struct {
	text   string
	tokens []string
}

// ParsePattern reads a pattern of one to three tokens: agent, topic with an
// optional scope, key. What is no wildcard must be canonical and within its limit.
func ParsePattern(s string) (Pattern, error) {
	if err := validLength(s); err != nil {
		return Pattern{}, err
	}
	tokens := strings.Split(s, ".")
	if len(tokens) > 3 {
		return Pattern{}, fmt.Errorf("%w: %q has %d tokens; a path has three: agent.topic.key", ErrInvalidPattern, s, len(tokens))
	}
	for i, token := range tokens {
		if err := validPatternToken(token, i, len(tokens)); err != nil {
			return Pattern{}, fmt.Errorf("%w: %q: %w", ErrInvalidPattern, s, err)
		}
	}
	if len(tokens) == 1 && tokens[0] != ">" {
		return Pattern{}, fmt.Errorf("%w: %q is one token; write %s.> for all that agent %s owns", ErrInvalidPattern, s, s, s)
	}
	return Pattern{text: s, tokens: tokens}, nil
}

func validPatternToken(token string, at, of int) error {
	switch token {
	case "*":
		return nil
	case ">":
		if at != of-1 {
			return fmt.Errorf("%q may only be the last token", token)
		}
		return nil
	}
	if at == 1 {
		topic, scope, scoped := strings.Cut(token, "@")
		if scoped {
			if err := validToken("scope", scope); err != nil {
				return err
			}
		}
		token = topic
	}
	return validToken([]string{"agent", "topic", "key"}[at], token)
}

func validToken(what, token string) error {
	text, err := DecodeToken(token)
	if err != nil {
		return err
	}
	return validName(what, text)
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Table returns the one table that the pattern lies in; ok is false when it can
// match in more than one.
func (p Pattern) Table() (table string, ok bool) {
	if len(p.tokens) < 2 || wild(p.tokens[0]) || wild(p.tokens[1]) {
		return "", false
	}
	return p.tokens[0] + "." + p.tokens[1], true
}

// Key returns the one encoded key that the pattern selects in its tables; ok is
// false when it selects all keys.
func (p Pattern) Key() (key string, ok bool) {
	if len(p.tokens) < 3 || wild(p.tokens[2]) {
		return "", false
	}
	return p.tokens[2], true
}

// MatchTable reports whether the pattern can match paths in the encoded table.
func (p Pattern) MatchTable(table string) bool {
	agent, topic, _ := strings.Cut(table, ".")
	return matchToken(p.tokens, 0, agent) && matchToken(p.tokens, 1, topic)
}

// MatchKey reports whether the pattern matches the encoded key in a table that
// MatchTable accepts. A pattern of two tokens stands for the whole table.
func (p Pattern) MatchKey(key string) bool {
	return len(p.tokens) == 2 || matchToken(p.tokens, 2, key)
}

// Match reports whether the pattern matches an encoded path.
func (p Pattern) Match(path string) bool {
	table, key, ok := SplitPath(path)
	return ok && p.MatchTable(table) && p.MatchKey(key)
}

// EventSubject returns the NATS subject that brings the events and marks of all
// tables that the pattern can match in.
func (p Pattern) EventSubject() string {
	agent, topic := p.tokens[0], "*"
	if agent == ">" {
		return EventPrefix + ">"
	}
	if len(p.tokens) > 1 && p.tokens[1] != ">" {
		topic = p.tokens[1]
	}
	return EventPrefix + agent + "." + topic + ".*"
}

func wild(token string) bool { return token == "*" || token == ">" }

// matchToken matches the i-th token of a path; past a `>` everything matches.
func matchToken(tokens []string, i int, token string) bool {
	if i >= len(tokens) {
		return tokens[len(tokens)-1] == ">"
	}
	return wild(tokens[i]) || tokens[i] == token
}
