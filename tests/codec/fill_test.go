package codec

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
)

// filler makes random values.
type filler struct {
	*dice
	budget  int  // how many elements and pointers may still be made
	hostile bool // also what can't be encoded
	key     bool // it is a map's key
}

func newFiller(d *dice) *filler {
	return &filler{dice: d, budget: 120, hostile: d.one(8)}
}

// value makes a pointer to a random value of a type.
func (f *filler) value(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	f.fill(v.Elem(), 0)
	return v
}

// bad reports whether something that can't be encoded is to be made.
func (f *filler) bad() bool { return f.hostile && f.one(12) }

// open returns a field for writing, exported or not.
func open(v reflect.Value) reflect.Value {
	if v.CanSet() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// fill sets a value; about one in ten of all stays what it is.
func (f *filler) fill(v reflect.Value, depth int) {
	if f.special(v) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !f.one(10) {
				f.fill(open(v.Field(i)), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Pointer:
		if f.stop(depth) || f.one(5) {
			v.SetZero()
			return
		}
		p := reflect.New(v.Type().Elem())
		f.fill(p.Elem(), depth+1)
		v.Set(p.Convert(v.Type()))
	case reflect.Slice:
		f.slice(v, depth)
	case reflect.Map:
		f.mapping(v, depth)
	default:
		f.scalar(v)
	}
}

// stop reports whether nothing more is to be made, and counts.
func (f *filler) stop(depth int) bool {
	f.budget--
	return f.budget < 0 || depth > 40 || f.n(6) == 0
}

func (f *filler) length(most int) int {
	n := f.n(most + 1)
	return min(n, max(f.budget, 0))
}

func (f *filler) slice(v reflect.Value, depth int) {
	if f.stop(depth) {
		v.SetZero()
		return
	}
	most := 4
	if k := v.Type().Elem().Kind(); k == reflect.Uint8 && f.one(3) {
		most = 70
	}
	n := f.length(most)
	room := 0
	if f.one(3) {
		room = f.n(4) // what lies behind the length shows when JSON is read into it
	}
	s := reflect.MakeSlice(v.Type(), n+room, n+room)
	for i := range n + room {
		f.budget--
		f.fill(s.Index(i), depth+1)
	}
	v.Set(s.Slice3(0, n, n+room))
}

func (f *filler) mapping(v reflect.Value, depth int) {
	if f.stop(depth) {
		v.SetZero()
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for range f.length(5) {
		f.insert(v, depth)
	}
}

// insert adds an entry, unless a key with the same name is there: the order of
// such two is random in encoding/json.
func (f *filler) insert(v reflect.Value, depth int) {
	f.budget--
	key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	f.key = true
	f.fill(key, depth+1)
	f.key = false
	f.fill(elem, depth+1)
	name := keyName(key)
	for _, k := range v.MapKeys() {
		if keyName(k) == name {
			return
		}
	}
	v.SetMapIndex(key, elem)
}

// keyName is the name that encoding/json gives a key.
func keyName(key reflect.Value) string {
	if key.Kind() == reflect.String {
		return key.String()
	}
	if m, ok := key.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return fmt.Sprint(string(text), err)
	}
	return fmt.Sprint(key)
}

func (f *filler) scalar(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.n(2) == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(int64(f.integer()) << (64 - bits) >> (64 - bits))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		bits := v.Type().Bits()
		v.SetUint(f.integer() << (64 - bits) >> (64 - bits))
	case reflect.Float32:
		v.SetFloat(float64(float32(f.float())))
		if f.one(8) {
			if x := math.Float32frombits(uint32(f.bits())); x-x == 0 {
				v.SetFloat(float64(x))
			}
		}
		if x := v.Float(); x-x != 0 && !f.bad() {
			v.SetFloat(math.MaxFloat32)
		}
	case reflect.Float64:
		v.SetFloat(f.float())
	case reflect.String:
		v.SetString(f.text())
	default:
		panic("the filler does not know " + v.Type().String())
	}
}

func (f *filler) integer() uint64 {
	switch f.n(8) {
	case 0:
		return 0
	case 1, 2, 3:
		return uint64(f.n(300))
	case 4:
		return -uint64(f.n(300))
	case 5:
		return uint64(1)<<f.n(64) - uint64(f.n(3)) // the edges of every size
	case 6:
		return pick(f.dice, []uint64{math.MaxInt64, 1 << 63, math.MaxUint64, 1<<53 + 1, math.MaxUint32, 99, 100, 10_000_000_000})
	}
	return f.bits()
}

func (f *filler) float() float64 {
	switch f.n(8) {
	case 0:
		return 0
	case 1:
		return float64(f.n(1000))
	case 2:
		return float64(f.n(100_000)) / 1000
	case 3:
		return -float64(f.n(1000)) / 7
	case 4:
		return pick(f.dice, []float64{
			math.Copysign(0, -1), 1e21, 1e20, 999999999999999900000, 1e-6, 9.999999e-7, 1e-7, 1e-9, 1e-10, 1e100,
			math.MaxFloat64, math.SmallestNonzeroFloat64, 2.2250738585072011e-308, math.MaxFloat32,
			math.SmallestNonzeroFloat32, 1 << 53, 1<<53 + 2, 0.1, 1.0 / 3, 16777217, 123456789.125,
		})
	case 5:
		if f.bad() {
			return pick(f.dice, []float64{math.NaN(), math.Inf(1), math.Inf(-1)})
		}
		return -1.5
	}
	if x := math.Float64frombits(f.bits()); x-x == 0 {
		return x
	}
	return 1
}
