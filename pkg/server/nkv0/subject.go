package nkv0

import (
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

// InboxRoot begins the reply subjects that are answered, the default ones of NATS
// clients. An answer to any other subject could be taken for a message about a key.
const InboxRoot = "_INBOX."

// subjectOf returns where messages about a key are published: pub-<key>, or for a
// key that can't stand in a subject pub.<token>, the key encoded as in a path. No
// two keys have the same.
func subjectOf(key string) string {
	if fits(key) {
		return "pub-" + key
	}
	return "pub." + wire.EncodeToken(key)
}

// fits reports whether pub-<key> is a subject that every NATS client can subscribe
// to, and that no other matches: no spaces and control characters, no token that is
// empty or a wildcard.
func fits(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] == 0x7f {
			return false
		}
	}
	for i, token := range strings.Split("pub-"+key, ".") {
		if token == "" || i > 0 && (token == "*" || token == ">") {
			return false
		}
	}
	return true
}
