package main

import (
	"cmp"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is one member of a struct's JSON, found as encoding/json finds it.
type field struct {
	name      string // in JSON
	path      []step // from the struct to the field
	index     []int
	tagged    bool
	omitEmpty bool
	omitZero  bool
	quoted    bool
	typ       types.Type
	v         *types.Var
}

// step is one selection on the way to a field; pointer: it may be nil.
type step struct {
	name    string
	pointer *types.Pointer // nil: it is a value
}

// level is an embedded struct that is yet to be looked at.
type level struct {
	typ   *types.Struct
	named types.Type
	index []int
	path  []step
}

// fieldsOf returns the fields of a struct in the order in which they are written.
// The rules are those of encoding/json: breadth first, and of several with one name
// the least deep wins, then the tagged one, else none.
func fieldsOf(t *types.Struct, named types.Type) []field {
	next := []level{{typ: t, named: named}}
	var count, nextCount map[string]int
	visited := map[string]bool{}
	var fields []field
	for len(next) > 0 {
		current := next
		next = nil
		count, nextCount = nextCount, map[string]int{}
		for _, l := range current {
			id := types.TypeString(l.named, nil)
			if visited[id] {
				continue
			}
			visited[id] = true
			for i := range l.typ.NumFields() {
				f, embedded := member(l, i)
				if f == nil {
					continue
				}
				if embedded == nil {
					fields = append(fields, *f)
					if count[id] > 1 {
						fields = append(fields, *f) // so that two of a kind hide each other
					}
					continue
				}
				key := types.TypeString(embedded.named, nil)
				if nextCount[key]++; nextCount[key] == 1 {
					next = append(next, *embedded)
				}
			}
		}
	}
	return dominant(fields)
}

// member is one field of a struct: a member of the JSON, or an embedded struct
// whose fields are members; nil: neither.
func member(l level, i int) (*field, *level) {
	v := l.typ.Field(i)
	under := v.Type()
	pointer, _ := types.Unalias(under).(*types.Pointer)
	if pointer != nil {
		under = pointer.Elem()
	}
	_, isStruct := under.Underlying().(*types.Struct)
	if v.Embedded() && !v.Exported() && !isStruct || !v.Embedded() && !v.Exported() {
		return nil, nil
	}
	tag := reflect.StructTag(l.typ.Tag(i)).Get("json")
	if tag == "-" {
		return nil, nil
	}
	name, opts, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	f := &field{
		name: name, tagged: name != "", typ: v.Type(), v: v,
		index: append(slices.Clone(l.index), i),
		path:  append(slices.Clone(l.path), step{name: v.Name(), pointer: pointer}),
	}
	for _, o := range strings.Split(opts, ",") {
		switch o {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			basic, ok := under.Underlying().(*types.Basic)
			f.quoted = ok && basic.Info()&(types.IsBoolean|types.IsInteger|types.IsFloat|types.IsString) != 0
		}
	}
	if name != "" || !v.Embedded() || !isStruct {
		f.name = cmp.Or(name, v.Name())
		return f, nil
	}
	return f, &level{typ: under.Underlying().(*types.Struct), named: under, index: f.index, path: f.path}
}

// dominant removes the fields that are hidden by others.
func dominant(fields []field) []field {
	slices.SortStableFunc(fields, func(a, b field) int {
		tags := 0
		if a.tagged != b.tagged {
			tags = 1
			if a.tagged {
				tags = -1
			}
		}
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), tags, slices.Compare(a.index, b.index))
	})
	var out []field
	for i := 0; i < len(fields); {
		j := i + 1
		for j < len(fields) && fields[j].name == fields[i].name {
			j++
		}
		if j == i+1 || len(fields[i].index) != len(fields[i+1].index) || fields[i].tagged != fields[i+1].tagged {
			out = append(out, fields[i])
		}
		i = j
	}
	slices.SortFunc(out, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return out
}

// validName reports whether encoding/json takes a name from a tag.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// leftOut reports whether a field's tag keeps it out of JSON.
func leftOut(tag string) bool { return reflect.StructTag(tag).Get("json") == "-" }
