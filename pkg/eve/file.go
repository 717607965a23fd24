package eve

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

// Names of files in a table's directory.
const (
	// RestartedFile is the file with the restart counter.
	RestartedFile = "restarted"
	// Backup is appended to the name of a durable value's file, for the value
	// before.
	Backup = ".bak"
	// Temporary begins the name of a file that is being written, which then gets
	// its real name. A value's file may begin so, too, but ends with .json.
	Temporary = "tmp"

	valueEnd = ".json"
)

// FileName is the name of a value's file; ErrName when its key can't be one.
func FileName(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	return key + valueEnd, nil
}

// FileKey returns the key of the value that a file of this name holds, and
// whether it is a backup. It returns ErrName when it is the name of no value's
// file; IsValue tells whether it looks like one.
func FileKey(name string) (key string, backup bool, err error) {
	key, backup = strings.CutSuffix(name, Backup)
	key, isValue := strings.CutSuffix(key, valueEnd)
	if !isValue {
		return "", false, fmt.Errorf("%w: file %q has no %s at its end", ErrName, name, valueEnd)
	}
	if err := CheckKey(key); err != nil {
		return "", false, err
	}
	if err := wire.ValidKey(key); err != nil {
		return "", false, fmt.Errorf("%w: file %q: %w", ErrName, name, err)
	}
	return key, backup, nil
}

// IsValue reports whether a file's name is that of a value or of its backup, be
// its key possible or not.
func IsValue(name string) bool { return strings.HasSuffix(strings.TrimSuffix(name, Backup), valueEnd) }

// ParseRestarted reads the file with the restart counter. What is no number there
// counts as 1, as in the original: older versions wrote an empty file.
func ParseRestarted(text []byte) uint64 {
	counter, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || counter < 0 {
		return 1
	}
	return uint64(counter)
}

// FormatRestarted is the content of that file; nil: there must be none.
func FormatRestarted(counter uint64) []byte {
	if counter == 0 {
		return nil
	}
	return strconv.AppendUint(nil, counter, 10)
}
