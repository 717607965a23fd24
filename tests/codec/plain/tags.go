package plain

//lint:file-ignore SA5008 odd tags are what is tested

// OddNames has names that encoding/json takes although they are odd.
//
//nkv:json
type OddNames struct {
	Space    int    `json:"a b"`
	Lead     int    `json:" lead"`
	HTML     int    `json:"<a>&b"`
	Dollar   int    `json:"$ref"`
	Dots     int    `json:"a.b.c/d"`
	Punct    int    `json:"!#$%&()*+-./:;<=>?@[]^_{|}~"`
	Umlaut   int    `json:"größe"`
	Japanese string `json:"温度"`
	Digits   int    `json:"0123"`
	Dash     int    `json:"-,"`
	Kelvin   int    `json:"kelvins"`
	Astral   int    `json:"𝒳"`
	Greek    int    `json:"Σίσυφος"`
	Dotless  int    `json:"ıİ"`
	Empty    string `json:""`
	Comma    string `json:","`
	Other    string `yaml:"x" json:"y,omitempty" xml:"z"`
	Upper    string `json:"STRASSE"`
}

// RefusedNames has names that encoding/json refuses, so that the field's own
// name counts.
//
//nkv:json
type RefusedNames struct {
	Quote     int `json:"a\"b"`
	Backslash int `json:"a\\b"`
	Apostroph int `json:"a'b"`
	Backtick  int `json:"a\u0060b,omitempty"`
	Control   int `json:"a\tb"`
	Symbol    int `json:"a€b"`
	Emoji     int `json:"🙂,string"`
	Joiner    int `json:"a\u200db"`
	Mark      int `json:"e\u0301"`
	NoKey     int `jsonx:"a"`
	Accent    int `json:"\x60"`
}

// OddOptions has options that encoding/json ignores.
//
//nkv:json
type OddOptions struct {
	Unknown   int    `json:"a,inline"`
	Double    int    `json:"b,,string"`
	Case      int    `json:"c,OmitEmpty"`
	Twice     int    `json:"d,omitempty,omitempty"`
	Empty     int    `json:"e,,omitempty,"`
	Together  int    `json:"f,omitempty,string,omitzero"`
	Only      string `json:",string"`
	Colon     int    `json:"g,format:hex"`
	Joined    int    `json:"h,omitemptystring"`
	SpaceTail int    `json:"i,string,"`
}

// Dashes leaves fields out, or does not.
//
//nkv:json
type Dashes struct {
	Gone     string         `json:"-"`
	GoneMap  map[string]int `json:"-"`
	Kept     string         `json:"-,"`
	Dash     string         `json:"--"`
	hidden   string         `json:"-"`
	cache    map[string]int `json:"-"`
	children []*Dashes      `json:"-"`
	Shown    int
}

// Reset empties what does not travel.
func (d *Dashes) Reset() { d.hidden, d.cache, d.children = "", nil, nil }

// CaseTwins has names that differ in case alone.
//
//nkv:json
type CaseTwins struct {
	ID   int
	Id   string
	Name string `json:"NAME"`
	Nam2 int    `json:"name"`
	Nam3 []int  `json:"nAmE"`
	Kb   *int   `json:"kb"`
	KB   bool   `json:"KB"`
	S1   string `json:"size"`
	S2   string `json:"ſize"`
}

// Foreign has names in other alphabets.
//
//nkv:json
type Foreign struct {
	Größe       int
	Température float64
	Имя         string
	Ω           *float64
	Ångström    string `json:",omitempty"`
	ÄÖÜ         []string
	Ключ        map[string]int
	Éa, Èa      bool
}
