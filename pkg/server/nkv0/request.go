package nkv0

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Subjects is what the subjects of requests match: Root and a verb.
const (
	Subjects = Root + "*"
	Root     = "pubsub."
)

// Verb is what a request asks for, as its "type" has it.
type Verb string

// The verbs.
const (
	Put       Verb = "Put"
	Get       Verb = "Get"
	Delete    Verb = "Delete"
	Subscribe Verb = "Subscribe"
)

// Subject returns where the verb is asked for.
func (v Verb) Subject() string { return Root + strings.ToLower(string(v)) }

// Request is one request.
type Request struct {
	Verb  Verb
	ID    uint32 // the asker's, repeated in the answer
	Key   string // as it was given
	Value []byte // of a put
}

// ParseRequest reads the request that came to a subject. With an error, which is
// ErrInvalid, the request has what could be read: its ID is 0 when that could not.
//
// Members with other names than the protocol's are ignored.
func ParseRequest(subject string, body []byte) (Request, error) {
	var r Request
	if !utf8.Valid(body) { // what stands for a bad byte could be another key
		return r, fmt.Errorf("%w: it is not UTF-8", ErrInvalid)
	}
	var members map[string]json.RawMessage
	if syntax := (*json.SyntaxError)(nil); errors.As(json.Unmarshal(body, &members), &syntax) {
		return r, fmt.Errorf("%w: it is no JSON: %w at byte %d", ErrInvalid, syntax, syntax.Offset)
	}
	if members == nil {
		return r, fmt.Errorf("%w: it is no JSON object", ErrInvalid)
	}
	id, err := strconv.ParseUint(string(members["id"]), 10, 32)
	if err != nil {
		return r, fmt.Errorf("%w: it has no id that is a whole number from 0 to 4294967295", ErrInvalid)
	}
	r.ID = uint32(id)
	if r.Verb, err = verbOf(subject, members["type"]); err != nil {
		return r, err
	}
	if r.Key, err = readText(members["key"]); err != nil {
		return r, fmt.Errorf("%w: its key %w", ErrInvalid, err)
	}
	if r.Verb == Put {
		if r.Value, err = readBytes(members["value"]); err != nil {
			return r, fmt.Errorf("%w: its value %w", ErrInvalid, err)
		}
	}
	return r, nil
}

// verbOf reads the type of a request, which must be the one of its subject.
func verbOf(subject string, member json.RawMessage) (Verb, error) {
	text, err := readText(member)
	if err != nil {
		return "", fmt.Errorf("%w: its type %w", ErrInvalid, err)
	}
	for _, verb := range []Verb{Put, Get, Delete, Subscribe} {
		if verb.Subject() != subject {
			continue
		}
		if string(verb) != text {
			return "", fmt.Errorf("%w: its type is %.20q, and on %s it is %q", ErrInvalid, text, subject, verb)
		}
		return verb, nil
	}
	return "", fmt.Errorf("%w: %.40q is not served; ask on %sput, get, delete or subscribe", ErrInvalid, subject, Root)
}

// readText reads a member that is text; its error says what is wrong with it. Half
// of a surrogate pair, which the decoder would read as U+FFFD, is refused.
func readText(member json.RawMessage) (string, error) {
	if len(member) == 0 || member[0] != '"' {
		return "", fmt.Errorf("is missing, or no text")
	}
	var text string
	if err := json.Unmarshal(member, &text); err != nil {
		return "", err
	}
	unknown := string(utf8.RuneError)
	if strings.Count(text, unknown) != bytes.Count(member, []byte(unknown)) {
		return "", fmt.Errorf("has an escape that is no character")
	}
	return text, nil
}

// readBytes reads a member that is a list of bytes, as numbers; its error says what
// is wrong with it, without a value. The member is valid JSON.
func readBytes(member json.RawMessage) ([]byte, error) {
	if len(member) == 0 || member[0] != '[' {
		return nil, fmt.Errorf("is missing, or no list of bytes as numbers")
	}
	value := make([]byte, 0, 1+bytes.Count(member, []byte{','}))
	for i := 1; ; {
		switch member[i] {
		case ' ', '\t', '\r', '\n', ',':
			i++
			continue
		case ']':
			return value, nil
		}
		n, start := 0, i
		for ; '0' <= member[i] && member[i] <= '9' && n <= 255; i++ {
			n = 10*n + int(member[i]-'0')
		}
		if i == start || n > 255 || !bytes.ContainsRune([]byte(" \t\r\n,]"), rune(member[i])) {
			return nil, fmt.Errorf("has at position %d no whole number from 0 to 255", len(value))
		}
		value = append(value, byte(n))
	}
}
