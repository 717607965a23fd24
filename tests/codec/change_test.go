package codec

import (
	"reflect"
	"strings"
)

// A place is a part of a value that can be set, at any depth.
type place struct {
	v     reflect.Value
	store func() // puts a changed copy back into the map that it came from
}

// places lists the parts of a value.
func places(v reflect.Value, store func(), found []place) []place {
	found = append(found, place{v, store})
	switch v.Kind() {
	case reflect.Struct:
		if opaque(v.Type()) || v.Type().PkgPath() == "math/big" {
			return found
		}
		for i := range v.NumField() {
			found = places(open(v.Field(i)), store, found)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			found = places(v.Index(i), store, found)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			found = places(v.Elem(), store, found)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			key, elem := it.Key(), reflect.New(v.Type().Elem()).Elem()
			elem.Set(it.Value())
			found = places(elem, func() {
				v.SetMapIndex(key, elem)
				if store != nil {
					store()
				}
			}, found)
		}
	}
	return found
}

// changeOne changes one part of a value at random, so that its JSON changes, or
// just so that it does not.
func (f *filler) changeOne(v reflect.Value) {
	all := places(v.Elem(), nil, nil)
	f.budget = 20
	p := pick(f.dice, all)
	for range 4 { // the parts near the root are few, but large
		if k := p.v.Kind(); k != reflect.Struct && k != reflect.Array {
			break
		}
		p = pick(f.dice, all)
	}
	f.change(p.v)
	if p.store != nil {
		p.store()
	}
}

func (f *filler) change(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Slice && f.one(3): // nil and empty are written the same, or not
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, f.n(3)))
		} else {
			v.SetZero()
		}
	case v.Kind() == reflect.Slice && v.Len() > 0 && f.one(2):
		v.Set(v.Slice(0, v.Len()-1))
	case v.Kind() == reflect.Map && f.one(3):
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		} else {
			v.SetZero()
		}
	case v.Kind() == reflect.Map && v.Len() > 0 && f.one(2):
		v.SetMapIndex(v.MapKeys()[0], reflect.Value{})
	case v.Kind() == reflect.Map && !v.IsNil() && f.one(2):
		f.insert(v, 30)
	case v.Kind() == reflect.String && f.one(3): // not valid UTF-8 in two ways
		v.SetString(strings.ToValidUTF8(v.String(), "\xfe"))
	case v.Kind() == reflect.Pointer && f.one(2):
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()).Convert(v.Type()))
		} else {
			v.SetZero()
		}
	case (v.Kind() == reflect.Float64 || v.Kind() == reflect.Float32) && f.one(2):
		v.SetFloat(-v.Float())
	default:
		f.fill(v, 30)
	}
}

// changeAll changes every part of a value in place, so that whoever shares memory
// with it sees that.
func changeAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if opaque(v.Type()) {
			v.SetZero()
			return
		}
		for i := range v.NumField() {
			changeAll(open(v.Field(i)))
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice {
			v = v.Slice(0, v.Cap())
		}
		for i := range v.Len() {
			changeAll(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			changeAll(v.Elem())
			v.SetZero()
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(key))
			changeAll(elem)
			v.SetMapIndex(key, reflect.Value{})
		}
		if !v.IsNil() {
			v.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.Zero(v.Type().Elem()))
		}
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() ^ 1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(v.Uint() ^ 1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.String:
		v.SetString(v.String() + "!")
	}
}
