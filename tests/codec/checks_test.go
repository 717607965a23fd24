package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// checkEncode compares what is written for a value.
func checkEncode(s subject, v reflect.Value) error {
	before := clone(v)
	want, wantErr := json.Marshal(v.Interface())
	return guard(func() error {
		const prefix = "kept"
		for _, dst := range [][]byte{nil, []byte(prefix), append(make([]byte, 0, 1<<10), prefix...)} {
			got, err := s.encode(dst, v)
			if (err == nil) != (wantErr == nil) {
				return fmt.Errorf("encode: got error %v, want %v; of %s", err, wantErr, short(append(got, want...)))
			}
			if full := append(dst[:len(dst):len(dst)], want...); err == nil && !bytes.Equal(got, full) {
				return fmt.Errorf("encode:\n%s", differ(got, full))
			}
		}
		got, err := s.marshal(v)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			return fmt.Errorf("marshal: got %s, error %v, want %s, error %v", short(got), err, short(want), wantErr)
		}
		if d := same(before.Elem(), v.Elem()); d != "" {
			return fmt.Errorf("encode changed its value at %s", d)
		}
		return nil
	})
}

// checkDecode compares what a text is read as, into a copy of a value. It returns
// the value, and whether the text was accepted.
func checkDecode(s subject, src []byte, into reflect.Value) (v reflect.Value, accepted bool, err error) {
	want, got := clone(into), reflect.Value{}
	wantErr := json.Unmarshal(src, want.Interface())
	err = guard(func() error {
		for _, decode := range []func(reflect.Value, []byte) error{s.unmarshal, s.decode} {
			got = clone(into)
			text := bytes.Clone(src)
			gotErr := decode(got, text)
			if !bytes.Equal(text, src) {
				return fmt.Errorf("decode changed its source %s", short(src))
			}
			if (gotErr == nil) != (wantErr == nil) {
				return fmt.Errorf("decode %s:\n got error %v\nwant error %v", short(src), gotErr, wantErr)
			}
			if wantErr != nil {
				continue
			}
			for i := range text {
				text[i] = 'x' // the value must not refer to its source
			}
			if d := same(want.Elem(), got.Elem()); d != "" {
				return fmt.Errorf("decode %s:\nwant, got differ at %s", short(src), d)
			}
		}
		if wantErr != nil {
			return nil
		}
		again, wantErr := json.Marshal(want.Interface())
		out, err := s.encode(nil, got)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(out, again) {
			return fmt.Errorf("decode %s, and encode again: got error %v, want %v,\n%s", short(src), err, wantErr, differ(out, again))
		}
		return nil
	})
	return want, wantErr == nil, err
}

// checkEqual compares two values, both ways.
func checkEqual(s subject, a, b reflect.Value) error {
	want := sameJSON(a, b)
	return guard(func() error {
		if x, y := s.equal(a, b), s.equal(b, a); x != want || y != want {
			ja, ea := json.Marshal(a.Interface())
			jb, eb := json.Marshal(b.Interface())
			return fmt.Errorf("equal: got %t, and %t the other way round, want %t, of\n%s, error %v, and\n%s, error %v", x, y, want, short(ja), ea, short(jb), eb)
		}
		return nil
	})
}

// checkCopy makes a copy and changes all of it.
func checkCopy(s subject, v reflect.Value) error {
	before := clone(v)
	want, wantErr := json.Marshal(v.Interface())
	return guard(func() error {
		c := s.copy(v)
		if d := same(before.Elem(), v.Elem()); d != "" {
			return fmt.Errorf("copy changed its original at %s", d)
		}
		got, err := json.Marshal(c.Interface())
		if (err == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
			return fmt.Errorf("copy: got error %v, want %v,\n%s", err, wantErr, differ(got, want))
		}
		if memory := shared(v.Elem(), c.Elem()); memory != "" {
			return fmt.Errorf("copy shares memory with its original: %s", memory)
		}
		changeAll(c.Elem())
		if d := same(before.Elem(), v.Elem()); d != "" {
			return fmt.Errorf("a change of the copy changed the original at %s", d)
		}
		return nil
	})
}
