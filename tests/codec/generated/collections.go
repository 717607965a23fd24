package generated

import (
	"net/netip"
	"time"
)

// Maps has maps with keys of every kind.
//
//nkv:json
type Maps struct {
	String  map[string]int
	Named   map[NamedString]string
	Int     map[int]string
	Int8    map[int8]bool
	Int16   map[int16]uint
	Int32   map[int32]float32
	Int64   map[int64]string
	Uint    map[uint]string
	Uint8   map[uint8]string
	Uint16  map[uint16]string
	Uint32  map[uint32]string
	Uint64  map[uint64]string
	Uintptr map[uintptr]string
	State   map[State]string
	Wait    map[time.Duration]string
	Addr    map[netip.Addr]string
	Prefix  map[netip.Prefix]string
}

// MapValues has maps with values of every sort.
//
//nkv:json
type MapValues struct {
	Slices   map[string][]int
	Bytes    map[string][]byte
	Arrays   map[string][2]string
	Pointers map[string]*int
	Twice    map[string]**Counter
	Structs  map[string]Counter
	Inline   map[string]struct{ A, B int }
	Maps     map[string]map[int]map[string]bool
	Empty    map[string]struct{}
	Floats   map[string]float64 `json:",omitempty"`
	MapPtr   *map[string]Counter
	Times    map[int]time.Time
}

// Bytes has bytes in every form.
//
//nkv:json
type Bytes struct {
	Plain    []byte
	Named    PEM
	OfNamed  []NamedUint8
	OfBytes  [][]byte
	Array    [16]byte
	OfArrays [][4]byte
	ArrayOf  [2][]byte
	Map      map[string]PEM
	Pointer  *[]byte
	ArrayPtr *[8]byte
	Omit     []byte `json:",omitempty"`
	Zero     []byte `json:",omitzero"`
	Nest     NamedNest
	Signed   []int8
	Uints    []uint16
}

// NamedNest is a slice of named slices of a named byte.
type NamedNest []NamedBytes

// NamedBytes is a slice of a named byte.
type NamedBytes []NamedUint8

// Arrays has arrays.
//
//nkv:json
type Arrays struct {
	Ints    [3]int
	None    [0]string
	Nested  [2][3]uint8
	Structs [2]Counter
	Ptrs    [2]*Counter
	Maps    [2]map[string]int
	Slices  [3][]string
	Inline  [1]struct{ A []int }
	Ptr     *[2]int
	Long    [70]int8
	Times   [2]time.Time
}

// Slices has slices.
//
//nkv:json
type Slices struct {
	Bools   []bool
	Ints    []int64
	Floats  []float32
	Strings []string
	Structs []Sensor
	Ptrs    []*Sensor
	Nested  [][][]int
	Maps    []map[string]int
	Arrays  [][2]*string
	Empty   []struct{}
	Inline  []struct {
		A int
		B []string `json:"b,omitempty"`
	}
	Ptr   *[]string
	Times []time.Time
	Named []NamedStrings
}

// Pointers has pointers to everything.
//
//nkv:json
type Pointers struct {
	Bool    *bool
	Int     *int
	Float   *float64
	String  *string
	Named   *NamedString
	Twice   **int
	Thrice  ***string
	Slice   *[]int
	Map     *map[string]*int
	Array   *[2]*int
	Struct  *Counter
	Structs **Counter
	Inline  *struct{ A *int }
	Time    *time.Time
	Slices  []**int
	Maps    map[string]***bool
	Empty   *Empty
	NamedP  *NamedPointer
	Omit    **string `json:",omitempty"`
}
