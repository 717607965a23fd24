package pubsub

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// TypeToName returns the name of a value's type without its package: the topic.
func TypeToName(something any) string {
	t := reflect.TypeOf(something)
	if t == nil {
		return ""
	}
	name := t.String()
	return name[strings.LastIndexByte(name, '.')+1:]
}

// DeepCopy returns a copy of a value that shares nothing with it: what its JSON
// holds. A value that can't be JSON is logged and comes back as it is.
func DeepCopy(log Log, in any) any {
	b, err := json.Marshal(in)
	if err == nil {
		var out any
		if out, err = decode(b, reflect.TypeOf(in)); err == nil {
			return out
		}
	}
	if log != nil {
		log.Errorf("a %T can't be copied: %s", in, sanitize(err))
	}
	return in
}

// decode makes a value of a type from JSON.
func decode(b []byte, t reflect.Type) (any, error) {
	if t == nil {
		return nil, nil
	}
	v := reflect.New(t)
	if err := json.Unmarshal(b, v.Interface()); err != nil {
		return nil, fmt.Errorf("%w: %d bytes do not fit %s: %s", ErrType, len(b), t, sanitize(err))
	}
	return v.Elem().Interface(), nil
}

// sanitize says what is wrong with JSON without what it holds: values may be
// secret.
func sanitize(err error) string {
	switch e := err.(type) {
	case *json.UnmarshalTypeError:
		return fmt.Sprintf("field %s takes a %s", e.Field, e.Type)
	case *json.SyntaxError:
		return fmt.Sprintf("no JSON, from byte %d on", e.Offset)
	case *json.UnsupportedTypeError:
		return fmt.Sprintf("a %s can't be JSON", e.Type)
	}
	return fmt.Sprintf("%T", err)
}
