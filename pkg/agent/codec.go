package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// generated is what tools/nkvgen writes for a type: it is used where it is there.
type generated interface {
	AppendJSON(dst []byte) ([]byte, error)
	DecodeJSON(src []byte) error
	Fingerprint() string
}

// encode writes a value as JSON, with generated code where the type has it.
func encode[T any](table, key string, v T) (data []byte, err error) {
	if g, ok := any(&v).(generated); ok {
		data, err = g.AppendJSON(nil)
	} else {
		data, err = json.Marshal(&v) // a MarshalJSON of the pointer counts too
	}
	if err != nil {
		return nil, fmt.Errorf("%w: key %q of table %s: %w", ErrEncode, key, table, err)
	}
	return data, nil
}

func decode[T any](table, key string, data []byte) (v T, err error) {
	if g, ok := any(&v).(generated); ok {
		err = g.DecodeJSON(data)
	} else {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		var zero T
		return zero, newDecodeError(reflect.TypeFor[T](), table, key, data, err)
	}
	return v, nil
}

// equal reports whether two values are the same to T: what T does not know may
// differ.
func equal[T any](a, b T) bool {
	if g, ok := any(&a).(interface {
		generated
		Equal(T) bool
	}); ok {
		return g.Equal(b)
	}
	x, err := json.Marshal(&a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(&b)
	return err == nil && bytes.Equal(x, y)
}
