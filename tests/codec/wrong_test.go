package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/tests/codec/plain"
)

// wrong is an implementation with a fault that a proof has to find.
type wrong struct {
	name  string
	typ   reflect.Type
	spoil func(s *subject)
}

// wrongs are the faults by the proofs that have to find them.
func wrongs() map[string][]wrong {
	return map[string][]wrong{"encode": wrongEncodes(), "decode": wrongDecodes(), "equal copy": wrongCopies()}
}

func wrongEncodes() []wrong {
	strs, nums := reflect.TypeFor[plain.Strings](), reflect.TypeFor[plain.Floats]()
	after := func(t reflect.Type, name string, change func([]byte) []byte) wrong {
		return wrong{name, t, func(s *subject) {
			s.encode = func(dst []byte, v reflect.Value) ([]byte, error) {
				data, err := json.Marshal(v.Interface())
				return append(dst, change(data)...), err
			}
		}}
	}
	return []wrong{
		after(strs, "HTML is written as it is", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`\u003c`), []byte("<")) }),
		after(strs, "U+2028 is written as it is", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`\u2028`), []byte("\u2028")) }),
		after(strs, "U+FFFD is written as it is", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`\ufffd`), []byte("\ufffd")) }),
		after(strs, "a newline follows", func(b []byte) []byte { return append(b, '\n') }),
		after(nums, "-0 is written as 0", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(":-0,"), []byte(":0,")) }),
		after(nums, "exponents have two digits", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("e-7"), []byte("e-07")) }),
		after(reflect.TypeFor[plain.Bytes](), "nil bytes are written as empty", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("null"), []byte(`""`)) }),
		after(reflect.TypeFor[plain.Raws](), "raw JSON keeps its white space", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("{}"), []byte("{ }")) }),
		{"the destination is overwritten", strs, func(s *subject) {
			s.encode = func(_ []byte, v reflect.Value) ([]byte, error) { return json.Marshal(v.Interface()) }
		}},
		{"NaN is written", nums, func(s *subject) {
			s.encode = func(dst []byte, v reflect.Value) ([]byte, error) {
				data, err := json.Marshal(v.Interface())
				if err != nil {
					return append(dst, "{}"...), nil
				}
				return append(dst, data...), nil
			}
		}},
		{"encoding changes the value", strs, func(s *subject) {
			encode := s.encode
			s.encode = func(dst []byte, v reflect.Value) ([]byte, error) {
				defer func() { s := v.Interface().(*plain.Strings); s.Few[0] = "" }()
				return encode(dst, v)
			}
		}},
		{"encoding panics", strs, func(s *subject) {
			s.encode = func([]byte, reflect.Value) ([]byte, error) { panic("encode") }
		}},
		{"MarshalJSON writes nothing", strs, func(s *subject) {
			s.marshal = func(v reflect.Value) ([]byte, error) { return []byte("{}"), nil }
		}},
	}
}

func wrongDecodes() []wrong {
	sensor, maps := reflect.TypeFor[plain.Sensor](), reflect.TypeFor[plain.Maps]()
	before := func(t reflect.Type, name string, change func([]byte) []byte) wrong {
		return wrong{name, t, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				return json.Unmarshal(change(bytes.Clone(src)), v.Interface())
			}
		}}
	}
	after := func(t reflect.Type, name string, check func(v reflect.Value, src []byte) error) wrong {
		return wrong{name, t, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				if err := json.Unmarshal(src, v.Interface()); err != nil {
					return err
				}
				return check(v, src)
			}
		}}
	}
	integral := regexp.MustCompile(`([:\[,] *-?\d+)\.0\b`)
	return []wrong{
		before(sensor, "1.0 is an integer", func(b []byte) []byte { return integral.ReplaceAll(b, []byte("$1")) }),
		before(sensor, "a mark of the byte order is skipped", func(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\ufeff")) }),
		before(sensor, "the end may be missing", func(b []byte) []byte { return append(bytes.TrimRight(b, " \t\r\n}"), '}') }),
		before(sensor, "0 bytes are white space", func(b []byte) []byte { return bytes.TrimRight(b, "\x00") }),
		before(sensor, "names are told apart by case", func(b []byte) []byte {
			return regexp.MustCompile(`"(NAME|name|id|Id|value|VALUE)"`).ReplaceAll(b, []byte(`"-"`))
		}),
		before(sensor, "a single surrogate is dropped", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`\ud800"`), []byte(`"`)) }),
		{"UnmarshalJSON reads nothing", sensor, func(s *subject) {
			s.unmarshal = func(reflect.Value, []byte) error { return nil }
		}},
		{"what follows is ignored", sensor, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				return json.NewDecoder(bytes.NewReader(src)).Decode(v.Interface())
			}
		}},
		{"unknown members are refused", sensor, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				d := json.NewDecoder(bytes.NewReader(src))
				d.DisallowUnknownFields()
				return errors.Join(d.Decode(v.Interface()), json.Unmarshal(src, v.Interface()))
			}
		}},
		{"what was there is lost", sensor, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				v.Elem().SetZero()
				return json.Unmarshal(src, v.Interface())
			}
		}},
		{"maps start empty", maps, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				v.Interface().(*plain.Maps).String = nil
				return json.Unmarshal(src, v.Interface())
			}
		}},
		{"nothing may be nested 9,995 times", sensor, func(s *subject) {
			decode := s.decode
			s.decode = func(v reflect.Value, src []byte) error {
				if bytes.Contains(src, []byte(strings.Repeat("[", 9_995))) {
					return errors.New("too deep")
				}
				return decode(v, src)
			}
		}},
		{"the limit of depth counts to 10,001", sensor, func(s *subject) {
			s.decode = func(v reflect.Value, src []byte) error {
				if bytes.Contains(src, []byte(strings.Repeat("[", 9_990))) { // one level less
					src = bytes.Replace(bytes.Replace(src, []byte("[["), []byte("["), 1), []byte("]]"), []byte("]"), 1)
				}
				return json.Unmarshal(src, v.Interface())
			}
		}},
		after(reflect.TypeFor[plain.Raws](), "raw JSON is not copied", func(v reflect.Value, src []byte) error {
			r := v.Interface().(*plain.Raws)
			if at := bytes.Index(src, r.Raw); at >= 0 && len(r.Raw) > 0 {
				r.Raw = src[at : at+len(r.Raw)]
			}
			return nil
		}),
		after(reflect.TypeFor[plain.Slices](), "empty is nil", func(v reflect.Value, _ []byte) error {
			if r := v.Interface().(*plain.Slices); len(r.Ints) == 0 {
				r.Ints = nil
			}
			return nil
		}),
		after(sensor, "null makes zero", func(v reflect.Value, src []byte) error {
			if bytes.Contains(src, []byte(`"Name":null`)) {
				v.Interface().(*plain.Sensor).Name = ""
			}
			return nil
		}),
		after(sensor, "-0 becomes 0", func(v reflect.Value, _ []byte) error {
			if r := v.Interface().(*plain.Sensor); r.Value == 0 {
				r.Value = 0
			}
			return nil
		}),
	}
}

func wrongCopies() []wrong {
	maps, floats := reflect.TypeFor[plain.MapValues](), reflect.TypeFor[plain.Floats]()
	shares := func(name string, t reflect.Type, share func(to, from any)) wrong {
		return wrong{name, t, func(s *subject) {
			s.copy = func(v reflect.Value) reflect.Value {
				c := clone(v)
				share(c.Interface(), v.Interface())
				return c
			}
		}}
	}
	equal := func(name string, t reflect.Type, f func(a, b reflect.Value) bool) wrong {
		return wrong{name, t, func(s *subject) { s.equal = f }}
	}
	return []wrong{
		equal("all are equal", maps, func(reflect.Value, reflect.Value) bool { return true }),
		equal("none are equal", maps, func(reflect.Value, reflect.Value) bool { return false }),
		equal("memory is compared", reflect.TypeFor[plain.Times](), func(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }),
		equal("memory of strings is compared", reflect.TypeFor[plain.Strings](), func(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }),
		equal("nil is empty", maps, func(a, b reflect.Value) bool {
			x, y := *a.Interface().(*plain.MapValues), *b.Interface().(*plain.MapValues)
			if len(x.Maps) == 0 && len(y.Maps) == 0 {
				x.Maps, y.Maps = nil, nil
			}
			return sameJSON(reflect.ValueOf(&x), reflect.ValueOf(&y))
		}),
		equal("NaN is equal to itself", floats, func(a, b reflect.Value) bool { return same(a.Elem(), b.Elem()) == "" || sameJSON(a, b) }),
		equal("0 is -0", floats, func(a, b reflect.Value) bool {
			x, y := *a.Interface().(*plain.Floats), *b.Interface().(*plain.Floats)
			x.One, y.One = math.Abs(x.One), math.Abs(y.One)
			return x.One == y.One && a.Interface().(*plain.Floats).One*b.Interface().(*plain.Floats).One >= 0 && sameJSON(reflect.ValueOf(&x), reflect.ValueOf(&y))
		}),
		shares("a map is shared", maps, func(to, from any) { to.(*plain.MapValues).Maps = from.(*plain.MapValues).Maps }),
		shares("a map in a map is shared", maps, func(to, from any) {
			for k, v := range from.(*plain.MapValues).Maps {
				to.(*plain.MapValues).Maps[k] = v
			}
		}),
		shares("a pointer is shared", reflect.TypeFor[plain.Pointers](), func(to, from any) { to.(*plain.Pointers).Named = from.(*plain.Pointers).Named }),
		shares("a slice in an array is shared", reflect.TypeFor[plain.Arrays](), func(to, from any) { to.(*plain.Arrays).Slices = from.(*plain.Arrays).Slices }),
		shares("room behind a slice is shared", reflect.TypeFor[plain.Slices](), func(to, from any) { to.(*plain.Slices).Strings = from.(*plain.Slices).Strings[:0] }),
		shares("what is not exported is shared", reflect.TypeFor[plain.Dashes](), func(to, from any) { *to.(*plain.Dashes) = *from.(*plain.Dashes) }),
		shares("a field is forgotten", maps, func(to, _ any) { to.(*plain.MapValues).Times = nil }),
		shares("an original is changed", maps, func(_, from any) { from.(*plain.MapValues).Times = nil }),
	}
}

// A proof that finds nothing proves nothing: each of these implementations is found
// wrong, and is right without its fault.
func TestProofsFindWhatIsWrong(t *testing.T) {
	n := testutil.Seed(t)
	for names, group := range wrongs() {
		finding := slices.DeleteFunc(proofs(), func(p proof) bool {
			verb, _, _ := strings.Cut(p.name, " ")
			return !strings.Contains(names, verb)
		})
		for i, w := range group {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				s := plainSubject(w.typ)
				w.spoil(&s)
				for round := range uint64(20_000) {
					for j, p := range finding {
						if err := p.run(s, seeded(n, uint64(i)<<32|uint64(j)<<16|round), &tally{}); err != nil {
							if strings.Contains(err.Error(), "panic:") != strings.HasSuffix(w.name, "panics") {
								t.Errorf("%s, round %d: %v", p.name, round, err)
								return
							}
							t.Logf("%s, round %d: %v", p.name, round, err)
							return
						}
					}
				}
				t.Error("not found")
			})
		}
	}
}
