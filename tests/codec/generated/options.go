package generated

//lint:file-ignore SA5008 odd tags are what is tested

import (
	"net"
	"time"
)

// OmitEmpty leaves out each kind when it is empty.
//
//nkv:json
type OmitEmpty struct {
	Bool    bool              `json:"bool,omitempty"`
	Int     int               `json:"int,omitempty"`
	Uint    uint8             `json:"uint,omitempty"`
	Float   float64           `json:"float,omitempty"`
	String  string            `json:"string,omitempty"`
	Slice   []int             `json:"slice,omitempty"`
	Bytes   []byte            `json:"bytes,omitempty"`
	Map     map[string]string `json:"map,omitempty"`
	Array   [2]int            `json:"array,omitempty"`
	None    [0]int            `json:"none,omitempty"`
	Pointer *int              `json:"pointer,omitempty"`
	Struct  Counter           `json:"struct,omitempty"`
	Time    time.Time         `json:"time,omitempty"`
	Wait    time.Duration     `json:"wait,omitempty"`
	IP      net.IP            `json:"ip,omitempty"`
	Text    OwnText           `json:"text,omitempty"`
	Own     OwnJSON           `json:"own,omitempty"`
	OwnList OwnList           `json:"own_list,omitempty"`
}

// OmitZero leaves out each kind when it is zero.
//
//nkv:json
type OmitZero struct {
	Bool    bool               `json:"bool,omitzero"`
	Int     int                `json:"int,omitzero"`
	Float   float64            `json:"float,omitzero"`
	Small   float32            `json:"small,omitzero"`
	String  string             `json:"string,omitzero"`
	Slice   []int              `json:"slice,omitzero"`
	Map     map[string]string  `json:"map,omitzero"`
	Array   [2]int             `json:"array,omitzero"`
	Floats  [2]float64         `json:"floats,omitzero"`
	Point   Place              `json:"point,omitzero"`
	Big     [130]float64       `json:"big,omitzero"`
	Slices  [2][]int           `json:"slices,omitzero"`
	Pointer *int               `json:"pointer,omitzero"`
	Struct  Counter            `json:"struct,omitzero"`
	Deep    ErrorInfo          `json:"deep,omitzero"`
	Time    time.Time          `json:"time,omitzero"`
	TimePtr *time.Time         `json:"time_ptr,omitzero"`
	IP      net.IP             `json:"ip,omitzero"`
	Inline  struct{ A, B int } `json:"inline,omitzero"`
}

// Place holds floats alone.
//
//nkv:json
type Place struct{ X, Y float64 }

// IsZeroes has fields whose types say themselves when they are zero.
//
//nkv:json
type IsZeroes struct {
	Value     Celsius         `json:"value,omitzero"`
	ValuePtr  *Celsius        `json:"value_ptr,omitzero"`
	Ptr       Span            `json:"ptr,omitzero"`
	PtrPtr    *Span           `json:"ptr_ptr,omitzero"`
	PtrPtrPtr **Span          `json:"ptr_ptr_ptr,omitzero"`
	List      ZeroList        `json:"list,omitzero"`
	Both      Celsius         `json:"both,omitempty,omitzero"`
	Slice     []Celsius       `json:"slice,omitzero"`
	Map       map[string]Span `json:"map,omitzero"`
	Wrong     WrongZero       `json:"wrong,omitzero"`
	Promoted  Promoted        `json:"promoted,omitzero"`
	Quoted    Celsius         `json:"quoted,string,omitzero"`
}

// Celsius is zero below freezing.
type Celsius int

// IsZero has a value receiver.
func (c Celsius) IsZero() bool { return c <= 0 }

// Span is zero when it has no length.
//
//nkv:json
type Span struct{ From, To int }

// IsZero has a pointer receiver.
func (s *Span) IsZero() bool { return s == nil || s.From >= s.To }

// ZeroList is zero when all is.
type ZeroList []int

// IsZero looks at the elements.
func (l ZeroList) IsZero() bool {
	for _, n := range l {
		if n != 0 {
			return false
		}
	}
	return true
}

// WrongZero has an IsZero that does not count.
//
//nkv:json
type WrongZero struct{ N int }

// IsZero has another signature.
func (WrongZero) IsZero(int) bool { return true }

// Promoted has the IsZero of what it embeds.
//
//nkv:json
type Promoted struct {
	Span
	Name string
}

// OmitMaps has omitted fields in values that a map holds.
//
//nkv:json
type OmitMaps struct {
	Zero  map[string]IsZeroes
	Empty map[string]OmitEmpty
	Spans map[int]struct {
		S Span `json:"s,omitzero"`
	}
}

// Quoted has the option "string" on each kind that it applies to.
//
//nkv:json
type Quoted struct {
	Bool    bool          `json:",string"`
	Int     int           `json:",string"`
	Int8    int8          `json:",string"`
	Int64   int64         `json:"int64,string"`
	Uint    uint          `json:",string"`
	Uint16  uint16        `json:",string"`
	Uint64  uint64        `json:",string,omitempty"`
	Uintptr uintptr       `json:",string"`
	Float32 float32       `json:",string"`
	Float64 float64       `json:",string,omitzero"`
	String  string        `json:",string"`
	Named   NamedString   `json:",string"`
	State   State         `json:",string"`
	NBool   NamedBool     `json:",string"`
	Wait    time.Duration `json:",string"`
}

// QuotedPointers has the option "string" on pointers: it applies through one
// pointer without a name.
//
//nkv:json
type QuotedPointers struct {
	Bool    *bool        `json:",string"`
	Int     *int         `json:",string"`
	Uint8   *uint8       `json:",string,omitempty"`
	Float   *float64     `json:",string"`
	String  *string      `json:",string"`
	State   *State       `json:",string"`
	Twice   **int        `json:",string"`
	Named   NamedPointer `json:",string"`
	Zero    *int64       `json:",string,omitzero"`
	OwnText *OwnEnum     `json:",string"`
}

// QuotedIgnored has the option "string" where it is ignored.
//
//nkv:json
type QuotedIgnored struct {
	Slice  []int           `json:",string"`
	Array  [2]int          `json:",string"`
	Map    map[string]int  `json:",string"`
	Struct Counter         `json:",string"`
	Bytes  []byte          `json:",string"`
	Time   time.Time       `json:",string"`
	Slices []string        `json:",string"`
	IP     net.IP          `json:",string"`
	Ptrs   *[]int          `json:",string"`
	Floats map[int]float64 `json:",string"`
}
