package generated

// Empty has no fields.
//
//nkv:json
type Empty struct{}

// Empties holds empty structs.
//
//nkv:json
type Empties struct {
	Empty
	One   Empty
	Ptr   *Empty
	Many  []Empty
	Map   map[string]Empty
	Omit  Empty    `json:",omitempty"`
	Zero  Empty    `json:",omitzero"`
	None  struct{} `json:"none"`
	Nones [3]struct{}
}

// Tree contains itself in a slice.
//
//nkv:json
type Tree struct {
	Name     string
	Weight   float64 `json:"w,omitempty"`
	Children []Tree  `json:"children,omitempty"`
}

// List contains itself behind a pointer.
//
//nkv:json
type List struct {
	N    int   `json:"n"`
	Next *List `json:"next"`
}

// Twins contains itself behind pointers to pointers and in arrays of pointers.
//
//nkv:json
type Twins struct {
	Left  **Twins
	Pair  [2]*Twins
	Value *int
}

// Directory holds a map of itself.
//
//nkv:json
type Directory struct {
	Root  Dir
	Files map[string]*Directory `json:"files,omitempty"`
	Lists Lists
	Mode  uint32
}

// Dir is a map of itself.
type Dir map[string]Dir

// Lists is a slice of itself.
type Lists []Lists

// Primary and Standby contain one another.
//
//nkv:json
type Primary struct {
	Name    string
	Standby *Standby
}

// Standby is the other half.
//
//nkv:json
type Standby struct {
	Name      string
	Primaries map[string]Primary
	Embedded  []struct {
		*Primary
		Since int
	} `json:"emb,omitempty"`
}

// Child knows its parent, which JSON leaves out: in memory it contains itself.
//
//nkv:json
type Child struct {
	Name   string
	Kids   []*Child `json:"kids,omitempty"`
	Parent *Child   `json:"-"`
	first  *Child   `json:"-"`
	Base   struct {
		*EmbedSelf
		Owner *Child `json:"-"`
	}
}

// Knot links children to their parents.
func (c *Child) Knot() {
	c.first = c
	for _, kid := range c.Kids {
		kid.Parent, kid.Base.Owner, kid.first = c, c, c.first
		kid.Knot()
	}
}
