package wire

import (
	"fmt"
	"strings"
)

// Version is the protocol's version, as it stands in every subject.
const Version = "v1"

// Subjects. A request goes to nkv.v1.<verb>, followed by a table or a path where
// the verb takes one; events and marks come on nkv.v1.event.<path>.
const (
	Root        = "nkv."
	Prefix      = Root + Version + "."
	EventPrefix = Prefix + "event."
	// MarkToken stands in the place of the key in the subject of a mark. No
	// encoded key is equal to it.
	MarkToken = "$mark"
	// InboxRoot begins every inbox. A connection's own inboxes begin with
	// InboxPrefix of its instance.
	InboxRoot = "_INBOX."
)

// MinInstance is the least length of an instance, in bytes: 128 random bits in
// base 32 take 26. An instance names a connection to the server and nobody else
// must be able to guess it.
const MinInstance = 20

// Verb is what a request asks for.
type Verb string

// The verbs. Those of one table or path are followed by it in the subject.
const (
	VerbGet      Verb = "get"      // a path: its value
	VerbPut      Verb = "put"      // a path: set its value
	VerbDelete   Verb = "delete"   // a path, or a table with a pattern
	VerbOpen     Verb = "open"     // a table: become its owner
	VerbClose    Verb = "close"    // a table: give it up
	VerbMark     Verb = "mark"     // a table: set its restart counter
	VerbSnapshot Verb = "snapshot" // a table: a page of it
	VerbHeads    Verb = "heads"    // the heads of many tables
	VerbTables   Verb = "tables"   // what tables there are
	VerbTrace    Verb = "trace"    // a table: who owns it, who listens
	VerbHealth   Verb = "health"   // how the server is
	VerbVersion  Verb = "version"  // what the server is
	VerbProbe    Verb = "probe"    // a client's answer to a probe
	VerbBackup   Verb = "backup"   // a page of all tables
	VerbRestore  Verb = "restore"  // a step of replacing the durable tables: RestoreBegin, RestoreAdd, RestoreCommit
)

// Subject returns the subject of a request. Target is an encoded table or path,
// or empty for a verb that takes none.
func Subject(verb Verb, target string) string {
	if target == "" {
		return Prefix + string(verb)
	}
	return Prefix + string(verb) + "." + target
}

// ParseSubject cuts a request's subject into version, verb and target.
func ParseSubject(subject string) (version string, verb Verb, target string, err error) {
	rest, ok := strings.CutPrefix(subject, Root)
	if !ok {
		return "", "", "", fmt.Errorf("%w: %q does not begin with %q", ErrInvalidSubject, subject, Root)
	}
	version, rest, _ = strings.Cut(rest, ".")
	word, target, _ := strings.Cut(rest, ".")
	return version, Verb(word), target, nil
}

// EventSubject returns the subject of an event of the encoded path.
func EventSubject(path string) string { return EventPrefix + path }

// MarkSubject returns the subject of a mark of the encoded table.
func MarkSubject(table string) string { return EventPrefix + table + "." + MarkToken }

// TableEvents returns the subject that brings events and marks of the encoded
// table.
func TableEvents(table string) string { return EventPrefix + table + ".*" }

// ParseEventSubject cuts an event's subject into its encoded table and its
// encoded key, which is MarkToken for a mark.
func ParseEventSubject(subject string) (table, key string, err error) {
	path, ok := strings.CutPrefix(subject, EventPrefix)
	if !ok {
		return "", "", fmt.Errorf("%w: %q does not begin with %q", ErrInvalidSubject, subject, EventPrefix)
	}
	table, key, ok = SplitPath(path)
	if !ok {
		return "", "", fmt.Errorf("%w: %q names no key", ErrInvalidSubject, subject)
	}
	return table, key, nil
}

// InboxPrefix returns how all inboxes of the connection with this instance
// begin, without a dot at the end.
func InboxPrefix(instance string) string { return InboxRoot + instance }

// ProbeSubject returns where the connection with this instance hears probes.
func ProbeSubject(instance string) string { return InboxRoot + instance + ".probe" }

// InboxInstance returns the instance that an inbox belongs to, and whether
// subject is an inbox at all.
func InboxInstance(subject string) (instance string, ok bool) {
	rest, ok := strings.CutPrefix(subject, InboxRoot)
	if !ok {
		return "", false
	}
	instance, _, ok = strings.Cut(rest, ".")
	return instance, ok && instance != ""
}

// ValidInstance reports whether an instance has the length and the letters that
// it must have: at least MinInstance bytes that stand for themselves in a token.
func ValidInstance(instance string) bool {
	if len(instance) < MinInstance || len(instance) > MaxName {
		return false
	}
	for i := range len(instance) {
		if !plain(instance[i]) {
			return false
		}
	}
	return true
}
