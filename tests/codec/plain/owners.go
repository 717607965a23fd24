package plain

import "time"

// OwnValues has types with methods of their own, as values.
//
//nkv:json
type OwnValues struct {
	UUID     UUID
	Severity Severity
	Mode     VirtMode
	Enum     OwnEnum
	Text     OwnText
	JSON     OwnJSON
	Ptr      OwnPtr
	Raw      OwnRaw
	List     OwnList
	Map      OwnMap
	Both     OwnBoth
	Byte     OwnByte
}

// OwnPointers has pointers to them.
//
//nkv:json
type OwnPointers struct {
	UUID     *UUID
	Severity *Severity `json:",omitempty"`
	Mode     *VirtMode
	Enum     *OwnEnum
	Text     **OwnText
	JSON     *OwnJSON
	Ptr      *OwnPtr
	PtrPtr   **OwnPtr
	Raw      *OwnRaw
	List     *OwnList
	Map      *OwnMap
	Both     ***OwnBoth
	Byte     *OwnByte
}

// OwnSlices has slices and arrays of them.
//
//nkv:json
type OwnSlices struct {
	UUID     []UUID
	Severity []Severity
	Mode     []VirtMode
	Text     [2]OwnText
	JSON     []OwnJSON
	Ptr      []OwnPtr
	PtrArray [3]OwnPtr
	PtrPtr   []*OwnPtr
	Raw      []OwnRaw
	List     []OwnList
	Map      []OwnMap
	Byte     []OwnByte
	Bytes    [4]OwnByte
}

// OwnMaps has maps of them: what a map holds has no address.
//
//nkv:json
type OwnMaps struct {
	UUID     map[string]UUID
	Severity map[string]Severity
	JSON     map[string]OwnJSON
	PtrPtr   map[string]*OwnPtr
	Ptrs     map[string][]OwnPtr
	Holders  map[string]*PtrHolder
	Lists    map[string]OwnList
	Raw      map[string]OwnRaw
}

// PtrHolder has a field whose method needs an address.
//
//nkv:json
type PtrHolder struct {
	Ptr  OwnPtr
	Mode VirtMode
	Deep struct{ Ptr OwnPtr }
	Omit OwnPtr `json:",omitzero"`
	PtrInner
}

// PtrInner is embedded.
//
//nkv:json
type PtrInner struct{ Modes [2]VirtMode }

// OwnKeys has maps whose keys are text.
//
//nkv:json
type OwnKeys struct {
	UUID     map[UUID]int
	Severity map[Severity]int
	Mode     map[VirtMode]int
	Enum     map[OwnEnum]int
	Text     map[OwnText]int
	Both     map[OwnBoth]int
	Byte     map[OwnByte]int
	Write    map[WriteText]int
	Read     map[ReadText]int
	PortKey  map[PortKey]*OwnJSON
	Nested   map[UUID]map[PortKey]Severity
}

// PortKey is a struct that keys a map.
type PortKey struct {
	Proto uint8
	Port  uint16
}

// OneWay has types that only write or only read themselves.
//
//nkv:json
type OneWay struct {
	Write     WriteOnly
	WritePtr  *WriteOnly
	Writes    []WriteOnly
	Read      ReadOnly
	ReadPtr   *ReadOnly
	ReadMap   map[string]ReadOnly
	Text      WriteText
	TextMap   map[string]WriteText
	ReadText  ReadText
	ReadTexts []*ReadText
}

// OwnEmbedded embeds types of every sort in types without a name.
//
//nkv:json
type OwnEmbedded struct {
	Inner struct {
		*PtrInner
		Own OwnJSON
	}
	Twice struct {
		PtrHolder
		PtrInner
		Counter
	}
	OwnLists
	*OwnBytes
}

// OwnLists is embedded, and no struct.
type OwnLists []OwnList

// OwnBytes is embedded as a pointer, and no struct.
type OwnBytes []OwnByte

// TextPromoted has the text methods of what it embeds.
type TextPromoted struct {
	Severity
	N int
}

// TimePromoted has the methods of the time that it embeds.
type TimePromoted struct {
	time.Time
	Note string
}

// HoldsPromoted holds both.
//
//nkv:json
type HoldsPromoted struct {
	Text  TextPromoted
	Time  *TimePromoted
	Texts map[string]TextPromoted
	Times []TimePromoted
}

// QuotedOwn has the option "string" on types with methods of their own.
//
//nkv:json
type QuotedOwn struct {
	Severity Severity  `json:",string"`
	Mode     VirtMode  `json:",string"`
	Enum     OwnEnum   `json:",string"`
	Raw      OwnRaw    `json:",string"`
	Byte     OwnByte   `json:",string"`
	Write    WriteText `json:",string"`
	Read     ReadText  `json:",string"`
	RawPtr   *OwnRaw   `json:",string"`
}
