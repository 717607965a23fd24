package plain

import "time"

// Scalars has a field of each basic kind.
//
//nkv:json
type Scalars struct {
	Bool    bool
	Int     int
	Int8    int8
	Int16   int16
	Int32   int32
	Int64   int64
	Uint    uint
	Uint8   uint8
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	Uintptr uintptr
	Float32 float32
	Float64 float64
	String  string
	Rune    rune
	Byte    byte
	Wait    time.Duration
	Month   time.Month
	Weekday time.Weekday
}

// Named has a field of a named type of each basic kind.
//
//nkv:json
type Named struct {
	Bool    NamedBool
	Int     NamedInt
	Int8    NamedInt8
	Uint8   NamedUint8
	Uint64  NamedUint64
	Float32 NamedFloat32
	Float64 NamedFloat64
	String  NamedString
	Again   NamedAgain
	Slice   NamedStrings
	Array   NamedArray
	Map     NamedMap
	Pointer NamedPointer
	Struct  NamedStruct
	Mask    PortKind
}

type (
	// NamedBool and the others are named types.
	NamedBool bool
	// NamedInt is an int.
	NamedInt int
	// NamedInt8 is an int8.
	NamedInt8 int8
	// NamedUint8 is a byte.
	NamedUint8 uint8
	// NamedUint64 is a uint64.
	NamedUint64 uint64
	// NamedFloat32 is a float32.
	NamedFloat32 float32
	// NamedFloat64 is a float64.
	NamedFloat64 float64
	// NamedString is a string.
	NamedString string
	// NamedAgain is of a named type.
	NamedAgain NamedString
	// NamedStrings is a slice.
	NamedStrings []NamedString
	// NamedArray is an array.
	NamedArray [3]NamedInt
	// NamedMap is a map.
	NamedMap map[NamedString]NamedStrings
	// NamedPointer is a pointer.
	NamedPointer *NamedInt
	// NamedStruct has the fields of another type, but not its methods.
	NamedStruct Sensor
	// PortKind is a bit mask.
	PortKind uint32
)

// State is an enumeration with names, but without methods that JSON knows.
type State int

// The states.
const (
	Initial State = iota
	Resolving
	Running
)

// String names a state.
func (s State) String() string {
	switch s {
	case Initial:
		return "initial"
	case Resolving:
		return "resolving"
	}
	return "running"
}

// Floats has floats wherever they can be.
//
//nkv:json
type Floats struct {
	One   float64
	Few   [4]float64
	Many  []float64
	Less  []float32
	Named map[string]NamedFloat32
	Point *float32
	Empty float64 `json:",omitempty"`
	Zero  float64 `json:",omitzero"`
	Text  float64 `json:",string"`
	Small float32 `json:",string,omitempty"`
}

// Strings has strings wherever they can be.
//
//nkv:json
type Strings struct {
	One    string
	Few    [2]string
	Many   []string
	Keys   map[string]string
	Point  *string
	Empty  string `json:",omitempty"`
	Quoted string `json:",string"`
	Named  NamedString
	Nested [][]string
}
