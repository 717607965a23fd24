package eve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// replaceMembers returns value with each member of an object whose name begins
// with prefix replaced by what replace says: another name, and a value in JSON.
// Members count in objects that are the value itself, a member's value, or right
// in a list that is a member's value. All other bytes stay as they are.
//
// A value without such a member is returned itself, also when it is no JSON.
func replaceMembers(value []byte, prefix string, replace func(name string, field []byte) (string, []byte, error)) ([]byte, error) {
	if !bytes.Contains(value, []byte(prefix)) {
		return value, nil
	}
	if !json.Valid(value) {
		return nil, fmt.Errorf("%w: the value, of %d bytes, is no JSON", ErrLarge, len(value))
	}
	w := walker{value: value, dec: json.NewDecoder(bytes.NewReader(value)), prefix: prefix, replace: replace}
	if err := w.walk(); err != nil {
		return nil, err
	}
	if w.copied == 0 {
		return value, nil
	}
	return append(w.out, value[w.copied:]...), nil
}

// walker goes through a value once, token by token, since a value may be nested
// deeply. The value is valid JSON.
type walker struct {
	value   []byte
	dec     *json.Decoder
	prefix  string
	replace func(name string, field []byte) (string, []byte, error)

	open   []level
	out    []byte // the new value up to copied
	copied int    // offset in value
}

// level is an object or list that the walk is in.
type level struct {
	object   bool
	eligible bool // members of the object count, or of objects in the list
}

func (w *walker) walk() error {
	named := false // the token is the value of a member
	for {
		before := w.dec.InputOffset()
		token, err := w.dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLarge, err)
		}
		switch delim, isDelim := token.(json.Delim); {
		case isDelim && (delim == '{' || delim == '['):
			w.enter(delim == '{', named)
			named = false
		case isDelim:
			w.open = w.open[:len(w.open)-1]
			named = false
		case named || !w.inObject():
			named = false
		default:
			name, _ := token.(string)
			if named = !w.eligible() || !strings.HasPrefix(name, w.prefix); !named {
				if err := w.member(name, int(before)); err != nil {
					return err
				}
			}
		}
	}
}

func (w *walker) enter(object, named bool) {
	l := level{object: object}
	switch {
	case len(w.open) == 0:
		l.eligible = object
	case object || named: // an object, or a list that is a member's value
		l.eligible = w.open[len(w.open)-1].eligible
	}
	w.open = append(w.open, l)
}

func (w *walker) inObject() bool { return len(w.open) > 0 && w.open[len(w.open)-1].object }

func (w *walker) eligible() bool { return w.open[len(w.open)-1].eligible }

// member replaces the member whose name was read. Between the token before it and
// the name are spaces and a comma.
func (w *walker) member(name string, before int) error {
	start := before + bytes.IndexByte(w.value[before:], '"')
	var field json.RawMessage
	if err := w.dec.Decode(&field); err != nil {
		return fmt.Errorf("%w: %w", ErrLarge, err)
	}
	newName, newField, err := w.replace(name, field)
	if err != nil {
		return err
	}
	key, err := json.Marshal(newName)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLarge, err)
	}
	w.out = append(w.out, w.value[w.copied:start]...)
	w.out = append(append(append(w.out, key...), ':'), newField...)
	w.copied = int(w.dec.InputOffset())
	return nil
}
