package plain

//lint:file-ignore SA5008 odd tags are what is tested

import (
	"strings"

	"github.com/evenkv/nkv/tests/codec/plain/part"
)

// Names uses types whose names are like those of others.
//
//nkv:json
type Names struct {
	Slice   []Counter
	Named   SliceCounter
	Pointer *Counter
	NamedP  PointerCounter
	Map     map[string]int
	NamedM  MapStringInt
	Hidden  Hidden
	Lower   []hidden
	Array   [2]Counter
	NamedA  Array2Counter
	Aliased AliasCounter
	Text    AliasText
	Boxed   Box[string]
	Boxes   map[string]Box[*Counter]
	Pair    *Pair[int, []string]
	One     struct{ A int }
	Two     struct {
		A int `json:"a"`
	}
	Three struct {
		A int `json:"a,"`
	}
	Four struct {
		A int `json:"a,omitempty"`
	}
	VeryLong int `json:"a_name_that_is_longer_than_any_buffer_that_one_would_set_aside_for_a_name_in_another_case_kkkssskkk"`
	Padding  [0]int
	_        int  `json:"-"`
	private  *int `yaml:"x" json:"-"`
}

// Private shows what is not exported.
func (n *Names) Private() *int { return n.private }

// SliceCounter is like the name of a list of counters.
//
//nkv:json
type SliceCounter struct{ X int }

// PointerCounter is like the name of a pointer to one.
//
//nkv:json
type PointerCounter struct{ Y int }

// MapStringInt is like the name of a map.
//
//nkv:json
type MapStringInt struct{ Z []int }

// Array2Counter is like the name of an array.
//
//nkv:json
type Array2Counter struct{ W *int }

// Hidden differs from hidden in case alone.
//
//nkv:json
type Hidden struct {
	Seen  string
	Other []hidden
}

// AliasCounter is Counter.
type AliasCounter = Counter

// AliasText is string.
type AliasText = string

// Box is a generic type.
type Box[T any] struct {
	Value T    `json:"value"`
	Set   bool `json:",omitempty"`
}

// Pair is another.
type Pair[A, B any] struct {
	First  A
	Second B
	Again  *Pair[A, B] `json:",omitempty"`
}

// EmbedAlias embeds aliases and generic types.
//
//nkv:json
type EmbedAlias struct {
	AliasCounter
	*AliasBase
	Box[int]
}

// AliasBase is Base.
type AliasBase = Base

// Abroad uses types of another package.
//
//nkv:json
type Abroad struct {
	part.Stamp
	*part.Bare
	Unit   part.Unit
	Ptr    *part.Unit
	Many   []part.Unit
	Map    map[string]part.Unit
	Twice  **part.Stamp `json:",omitempty"`
	Named  part.Stamp   `json:"named,omitzero"`
	Grades map[part.Grade]part.Bare
	Grade  part.Grade `json:",string"`
	Texts  []OwnAppend
	Keys   map[OwnAppend]int
}

// OwnAppend has a method that appends text, which encoding/json does not call.
type OwnAppend string

// MarshalText is what counts.
func (o OwnAppend) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(o))), nil }

// AppendText writes something else.
func (o OwnAppend) AppendText(dst []byte) ([]byte, error) { return append(dst, "appended"...), nil }

// UnmarshalText keeps what it gets.
func (o *OwnAppend) UnmarshalText(text []byte) error {
	*o = OwnAppend(text)
	return nil
}
