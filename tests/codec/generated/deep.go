package generated

// Levels nests 17 levels of different types.
//
//nkv:json
type Levels struct {
	Name string
	Next map[string]Level2
}

// Level2 and those that follow are levels of Levels.
//
//nkv:json
type Level2 struct {
	A    int
	Next []Level4
}

// Level4 follows Level2 and its slice.
//
//nkv:json
type Level4 struct {
	B    *bool
	Next *[2]Level6
}

// Level6 follows.
//
//nkv:json
type Level6 struct {
	C    string
	Next map[int]map[string]Level9
}

// Level9 follows.
//
//nkv:json
type Level9 struct {
	D    float32
	Next struct {
		E    []string
		Next []map[string]Level13
	}
}

// Level13 follows.
//
//nkv:json
type Level13 struct {
	F    uint8
	Next **Level14
}

// Level14 follows.
//
//nkv:json
type Level14 struct {
	G    map[string]string
	Next [][]Level17 `json:"next,omitempty"`
}

// Level17 is the innermost.
//
//nkv:json
type Level17 struct {
	H   string
	Own OwnText
	End *Empty
}
