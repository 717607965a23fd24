package plain

//lint:file-ignore SA5008 odd tags are what is tested

import "time"

// Base is embedded in many ways.
//
//nkv:json
type Base struct {
	ID      int
	Name    string `json:"name"`
	Created time.Time
}

// Extra is embedded too, and shares names with Base.
//
//nkv:json
type Extra struct {
	ID    string
	Title string `json:"Name"`
	Tags  []string
}

// hidden is an unexported type with exported fields.
type hidden struct {
	Seen   bool
	Depth  int `json:"depth,omitempty"`
	secret int `json:"-"`
}

// peek keeps the linter quiet about what JSON ignores.
func (h *hidden) peek() int { return h.secret }

// Peek shows what is not exported.
func (e *EmbedHidden) Peek() int { return e.peek() }

// EmbedValue embeds a value.
//
//nkv:json
type EmbedValue struct {
	Before int
	Base
	After int
}

// EmbedPointer embeds a pointer.
//
//nkv:json
type EmbedPointer struct {
	*Base
	*Extra
	Own string
}

// EmbedHidden embeds a type that is not exported.
//
//nkv:json
type EmbedHidden struct {
	hidden
	Name string
}

// EmbedConflict embeds two types with a common name, which then is nobody's.
//
//nkv:json
type EmbedConflict struct {
	Base
	Extra
	Own int `json:"own"`
}

// EmbedShadow has a name that what it embeds has too.
//
//nkv:json
type EmbedShadow struct {
	Base
	ID   float64
	Nick string `json:"name"`
}

// EmbedTagWins has a name at one depth with and without a tag.
//
//nkv:json
type EmbedTagWins struct {
	TagLeft
	TagRight
	Other string
}

// TagLeft has the name without a tag.
//
//nkv:json
type TagLeft struct {
	Value int
	Lost  int
}

// TagRight has the name as a tag.
//
//nkv:json
type TagRight struct {
	Worth string `json:"Value"`
	Lost  int
	Own   *TagLeft
}

// EmbedDeep embeds over several levels.
//
//nkv:json
type EmbedDeep struct {
	*DeepA
	DeepB
	Top string
}

// DeepA is the first level.
//
//nkv:json
type DeepA struct {
	*DeepC
	A    int
	Same string
}

// DeepB is the first level too.
//
//nkv:json
type DeepB struct {
	DeepD
	B    int
	Same string
}

// DeepC is the second level.
//
//nkv:json
type DeepC struct {
	*DeepE
	C    int
	Same string
	Deep string
}

// DeepD is the second level too.
//
//nkv:json
type DeepD struct {
	DeepE
	D    int
	Deep string
}

// DeepE is embedded twice at one depth, so that its fields are nobody's.
//
//nkv:json
type DeepE struct {
	E    int
	Same string
	Pair [2]int
}

// EmbedOnce embeds one type at two depths: the nearer counts.
//
//nkv:json
type EmbedOnce struct {
	DeepE
	DeepD
}

// EmbedNamed embeds with a tag, so that it is a field like any other.
//
//nkv:json
type EmbedNamed struct {
	Base      `json:"base"`
	*Extra    `json:"extra,omitempty"`
	DeepE     `json:",omitempty"`
	TagLeft   `json:",omitzero"`
	*TagRight `json:",string"`
}

// EmbedOthers embeds types that are no structs.
//
//nkv:json
type EmbedOthers struct {
	NamedInt
	NamedString `json:",omitempty"`
	NamedStrings
	NamedMap `json:"map"`
	*NamedBool
	*NamedArray `json:",omitempty"`
	time.Duration
	State `json:",string"`
}

// EmbedLeft leaves out what it embeds.
//
//nkv:json
type EmbedLeft struct {
	Base  `json:"-"`
	Extra `json:"-,"`
	Name  string
}

// EmbedSelf embeds a pointer to itself.
//
//nkv:json
type EmbedSelf struct {
	*EmbedSelf
	Name string
	N    int
}

// EmbedOmit embeds types that omit fields, behind pointers.
//
//nkv:json
type EmbedOmit struct {
	*OmitZero
	*Quoted `json:"quoted,omitempty"`
	List    []EmbedPointer
	Map     map[string]EmbedHidden
	Anon    struct {
		Base
		*Extra
		More int
	}
}
