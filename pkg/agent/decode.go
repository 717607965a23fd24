package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// DecodeError says where a value does not fit its table's type, without showing
// any of it: values may be secret. It matches ErrDecode.
type DecodeError struct {
	Table string // encoded
	Key   string
	Size  int    // of the value, in bytes
	Field string // path of the field, dotted; empty: the value as a whole
	Want  string // the field's Go type
	Found string // the kind of JSON that stands there; empty: the type itself refused it
}

// Error names the key, the field and what was expected there.
func (e *DecodeError) Error() string {
	where := "the value"
	if e.Field != "" {
		where = "field " + e.Field
	}
	found := "what it holds is not one"
	if e.Found != "" {
		found = "it holds " + e.Found
	}
	return fmt.Sprintf("%v: key %q of table %s, %d bytes: %s takes a %s; %s", ErrDecode, e.Key, e.Table, e.Size, where, e.Want, found)
}

// Is reports whether target is ErrDecode.
func (e *DecodeError) Is(target error) bool { return target == ErrDecode }

// newDecodeError finds out which field a decoder stumbled over. The decoder's own
// words may quote the value and are left out.
func newDecodeError(t reflect.Type, table, key string, data []byte, err error) *DecodeError {
	e := &DecodeError{Table: table, Key: key, Size: len(data), Want: t.String()}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		e.Found = "no JSON, from byte " + strconv.FormatInt(syntax.Offset, 10) + " on"
		return e
	}
	e.blame(t, data)
	return e
}

// blame looks for the innermost part of the value that does not decode by itself.
func (e *DecodeError) blame(t reflect.Type, data []byte) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	e.Want, e.Found = t.String(), ""
	if marshals(t) && !hasGenerated(t) {
		return
	}
	e.Found = kind(data)
	for name, part := range parts(t, data) {
		if json.Unmarshal(part.data, reflect.New(part.t).Interface()) == nil {
			continue
		}
		if e.Field != "" {
			e.Field += "."
		}
		e.Field += name
		e.blame(part.t, part.data)
		return
	}
}

type part struct {
	t    reflect.Type
	data []byte
}

// parts takes a value apart into those of its type's fields or elements.
func parts(t reflect.Type, data []byte) map[string]part {
	found := map[string]part{}
	switch t.Kind() {
	case reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			return nil
		}
		addFields(found, t, members)
	case reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			return nil
		}
		for name, member := range members {
			found[name] = part{t.Elem(), member}
		}
	case reflect.Slice, reflect.Array:
		var elements []json.RawMessage
		if json.Unmarshal(data, &elements) != nil {
			return nil
		}
		for i, element := range elements {
			found[strconv.Itoa(i)] = part{t.Elem(), element}
		}
	}
	return found
}

func addFields(found map[string]part, t reflect.Type, members map[string]json.RawMessage) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && !marshals(f.Type):
			addFields(found, f.Type, members)
			continue
		case name == "":
			name = f.Name
		}
		for member, data := range members {
			if strings.EqualFold(member, name) && f.IsExported() {
				found[name] = part{f.Type, data}
			}
		}
	}
}

// kind says what kind of JSON a value is.
func kind(data []byte) string {
	text := strings.TrimSpace(string(data[:min(len(data), 64)]))
	if text == "" {
		return "nothing"
	}
	switch text[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}
