package domain

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/evenkv/nkv/pkg/wire"
)

// nameMost is the longest name that is used as it is: a file name may have 255
// bytes (NAME_MAX), endings included.
const nameMost = 200

// Name returns the name of an application's files, one-to-one, whatever its key
// is: letters, digits, '-' and '_' stand for themselves, other bytes of ASCII are
// %XX. A long key has "=" and its SHA-256 instead. It never holds a slash or a
// dot, and that of a UUID is the UUID.
func Name(key string) string {
	name := wire.EncodeToken(key)
	if len(name) > nameMost {
		sum := sha256.Sum256([]byte(key))
		return "=" + hex.EncodeToString(sum[:])
	}
	return name
}
