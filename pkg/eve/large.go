package eve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// How members of objects are named that travel in files: instead of a member
// largePrefix+X a message has filePrefix+X, whose value is a string that holds, as
// JSON once more, the name of a file with the object {largePrefix+X: value}. The
// original looks for them in objects, and in objects that are right in a list.
const (
	largePrefix = "pubsub-large-"
	filePrefix  = "pubsub-file-"
)

const (
	// maxLarge is the size, in bytes, that the original's files stay below.
	maxLarge = 1 << 20
	// maxInlined is what the large fields of one value may have together.
	maxInlined = 64 << 20
)

// ExtractLarge puts the large fields of a value into files in dir, which it makes
// if need be, and returns the value with the files' names in their place, and
// the names. Whoever reads the value removes the files. All other bytes stay as
// they are; a value without large fields is returned itself.
//
// Errors, with which no file is left: ErrLarge, and ErrTooLarge when a field is
// over what the original reads.
func ExtractLarge(value []byte, dir string) (small []byte, files []string, err error) {
	small, err = replaceMembers(value, largePrefix, func(name string, field []byte) (string, []byte, error) {
		file, err := writeLarge(dir, name, field)
		if err != nil {
			return "", nil, err
		}
		files = append(files, file)
		word, err := json.Marshal(file)
		if err == nil {
			word, err = json.Marshal(string(word))
		}
		return filePrefix + strings.TrimPrefix(name, largePrefix), word, err
	})
	if err != nil {
		for _, file := range files {
			err = errors.Join(err, os.Remove(file))
		}
		return nil, nil, err
	}
	return small, files, nil
}

func writeLarge(dir, name string, field []byte) (string, error) {
	key, err := json.Marshal(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrLarge, name, err)
	}
	content := append(append(append(append([]byte{'{'}, key...), ':'), field...), '}')
	if len(content) >= maxLarge {
		return "", fmt.Errorf("%w: %s has %d bytes; in a file it must be below %d", ErrTooLarge, name, len(content), maxLarge)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("%w: %w", ErrLarge, err)
	}
	short := filePrefix + strings.Map(plain, strings.TrimPrefix(name, largePrefix))
	f, err := os.CreateTemp(dir, short[:min(len(short), 200)])
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrLarge, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%w: %w", ErrLarge, errors.Join(err, os.Remove(f.Name())))
	}
	return f.Name(), nil
}

// plain keeps what means nothing in a file's name.
func plain(r rune) rune {
	if r == '/' || r == '*' || r == 0 {
		return '_'
	}
	return r
}

// InlineLarge puts the large fields back into a value whose message named files,
// and removes these. All other bytes stay as they are; a value that names no file
// is returned itself. Only files in dir and below are read, and no symbolic link
// out of it is followed.
//
// Errors: ErrLarge, also when a file is not there any more, and ErrTooLarge.
func InlineLarge(value []byte, dir string) ([]byte, error) {
	total := 0
	var root *os.Root
	defer func() {
		if root != nil {
			root.Close() //nolint:errcheck // nothing was written
		}
	}()
	return replaceMembers(value, filePrefix, func(name string, word []byte) (string, []byte, error) {
		if root == nil {
			var err error
			if root, err = os.OpenRoot(dir); err != nil {
				return "", nil, fmt.Errorf("%w: %s: %w", ErrLarge, name, err)
			}
		}
		field, err := readLarge(root, dir, word)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", name, err)
		}
		if total += len(field); total > maxInlined {
			return "", nil, fmt.Errorf("%w: the large fields of a value have more than %d bytes", ErrTooLarge, maxInlined)
		}
		return largePrefix + strings.TrimPrefix(name, filePrefix), field, nil
	})
}

// readLarge returns the field in the file that a word names, and removes it.
func readLarge(root *os.Root, dir string, word []byte) ([]byte, error) {
	name, err := fileNamed(word, dir)
	if err != nil {
		return nil, err
	}
	// A pipe must not block; it is refused below.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLarge, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrLarge, name)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxLarge+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLarge, err)
	}
	root.Remove(name) //nolint:errcheck // what stays is only in the way until the next boot
	if len(content) > maxLarge {
		return nil, fmt.Errorf("%w: file %s has more than %d bytes", ErrTooLarge, name, maxLarge)
	}
	return onlyMember(content, name)
}

// fileNamed returns the name, relative to dir, of the file that a member's value
// names.
func fileNamed(word []byte, dir string) (string, error) {
	var inner, file string
	if err := json.Unmarshal(word, &inner); err != nil {
		return "", fmt.Errorf("%w: its value is no string", ErrLarge)
	}
	if err := json.Unmarshal([]byte(inner), &file); err != nil {
		return "", fmt.Errorf("%w: its string holds no JSON string", ErrLarge)
	}
	rel, err := filepath.Rel(filepath.Clean(dir), filepath.Clean(file))
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return "", fmt.Errorf("%w: it names a file that is not in %s", ErrLarge, dir)
	}
	return rel, nil
}

// onlyMember returns the value of an object's only member, as it stands there.
func onlyMember(content []byte, name string) ([]byte, error) {
	if !json.Valid(content) {
		return nil, fmt.Errorf("%w: file %s, of %d bytes, is no JSON", ErrLarge, name, len(content))
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	var field json.RawMessage
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("%w: file %s holds no object", ErrLarge, name)
	}
	for n := 0; dec.More(); n++ {
		if n == 1 {
			return nil, fmt.Errorf("%w: the object in file %s has more than one member", ErrLarge, name)
		}
		if _, err := dec.Token(); err != nil {
			return nil, fmt.Errorf("%w: file %s: %w", ErrLarge, name, err)
		}
		if err := dec.Decode(&field); err != nil {
			return nil, fmt.Errorf("%w: file %s: %w", ErrLarge, name, err)
		}
	}
	if field == nil {
		return nil, fmt.Errorf("%w: the object in file %s is empty", ErrLarge, name)
	}
	return field, nil
}
