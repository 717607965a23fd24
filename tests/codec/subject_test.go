package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/evenkv/nkv/tests/codec/generated"
	"github.com/evenkv/nkv/tests/codec/plain"
)

// coder is the part of generated code whose signatures do not name the type.
type coder interface {
	AppendJSON(dst []byte) ([]byte, error)
	DecodeJSON(src []byte) error
	MarshalJSON() ([]byte, error)
	UnmarshalJSON(src []byte) error
	Fingerprint() string
}

// subject is one type with the implementation under test. The values that it
// takes are pointers to the type as package plain has it.
type subject struct {
	name      string
	plain     reflect.Type
	encode    func(dst []byte, v reflect.Value) ([]byte, error)
	marshal   func(v reflect.Value) ([]byte, error)
	decode    func(v reflect.Value, src []byte) error
	unmarshal func(v reflect.Value, src []byte) error
	equal     func(a, b reflect.Value) bool
	copy      func(v reflect.Value) reflect.Value
}

// carry looks at the memory behind a pointer as at another type. It is sound
// because the two types, and all that they refer to, have the same layout
// (TestLayoutsAreTheSame), and because the pointer keeps the memory alive.
func carry(v reflect.Value, to reflect.Type) reflect.Value {
	return reflect.NewAt(to, v.UnsafePointer())
}

// generatedSubjects are all types with their generated code.
func generatedSubjects() ([]subject, error) {
	var all []subject
	for i, p := range plain.Types() {
		g := generated.Types()[i]
		if _, ok := reflect.New(g).Interface().(coder); !ok {
			return nil, fmt.Errorf("%s has no generated code; run go generate ./tests/codec/generated", g)
		}
		all = append(all, generatedSubject(p, g))
	}
	return all, nil
}

func generatedSubject(p, g reflect.Type) subject {
	of := func(v reflect.Value) coder { return carry(v, g).Interface().(coder) }
	return subject{
		name:    p.Name(),
		plain:   p,
		encode:  func(dst []byte, v reflect.Value) ([]byte, error) { return of(v).AppendJSON(dst) },
		marshal: func(v reflect.Value) ([]byte, error) { return json.Marshal(of(v)) },
		decode:  func(v reflect.Value, src []byte) error { return of(v).DecodeJSON(src) },
		unmarshal: func(v reflect.Value, src []byte) error {
			if len(src)%2 == 0 { // both ways to call it
				return of(v).UnmarshalJSON(src)
			}
			return json.Unmarshal(src, of(v))
		},
		equal: func(a, b reflect.Value) bool {
			method := carry(a, g).Elem().MethodByName("Equal")
			return method.Call([]reflect.Value{carry(b, g).Elem()})[0].Bool()
		},
		copy: func(v reflect.Value) reflect.Value {
			c := reflect.New(g)
			c.Elem().Set(carry(v, g).Elem().MethodByName("DeepCopy").Call(nil)[0])
			return carry(c, p)
		},
	}
}

// plainSubject is encoding/json itself in the place of generated code.
func plainSubject(p reflect.Type) subject {
	marshal := func(v reflect.Value) ([]byte, error) { return json.Marshal(v.Interface()) }
	unmarshal := func(v reflect.Value, src []byte) error { return json.Unmarshal(src, v.Interface()) }
	return subject{
		name:  p.Name(),
		plain: p,
		encode: func(dst []byte, v reflect.Value) ([]byte, error) {
			data, err := marshal(v)
			return append(dst, data...), err
		},
		marshal:   marshal,
		decode:    unmarshal,
		unmarshal: unmarshal,
		equal:     sameJSON,
		copy:      clone,
	}
}

// sameJSON says what Equal has to say.
func sameJSON(a, b reflect.Value) bool {
	x, err := json.Marshal(a.Interface())
	if err != nil {
		return false
	}
	y, err := json.Marshal(b.Interface())
	return err == nil && bytes.Equal(x, y)
}

// guard makes an error of a panic.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}
