package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// encode writes a value as JSON. A type with its own MarshalJSON, as generated
// code has, writes itself.
func encode[T any](table, key string, v T) ([]byte, error) {
	data, err := json.Marshal(&v) // a MarshalJSON of the pointer counts too
	if err != nil {
		return nil, fmt.Errorf("%w: key %q of table %s: %w", ErrEncode, key, table, err)
	}
	return data, nil
}

func decode[T any](table, key string, data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, newDecodeError(reflect.TypeFor[T](), table, key, data, err)
	}
	return v, nil
}

// equal reports whether two values are the same to T: what T does not know may
// differ.
func equal[T any](a, b T) bool {
	x, err := json.Marshal(&a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(&b)
	return err == nil && bytes.Equal(x, y)
}
