package codec

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/evenkv/nkv/tests/codec/plain"
)

// mutator makes JSON that is nearly right.
type mutator struct {
	*dice
	names []string // that members may get
}

func newMutator(d *dice) *mutator { return &mutator{dice: d, names: fieldNames()} }

// fieldNames are the names of all fields of the corpus, in Go and in their tags.
var fieldNames = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	for _, t := range plain.Types() {
		for _, f := range reflect.VisibleFields(t) {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			seen[f.Name], seen[tag] = true, true
		}
	}
	return slices.Sorted(maps.Keys(seen))
})

// numbers are spellings of numbers, right and wrong.
var numbers = []string{
	"0", "-0", "1", "-1", "1.0", "1.5", "1e3", "1E+3", "10e-1", "1e0", "0.0", "0e0", "-0.0", "127", "128", "-128", "-129", "255", "256", "32768", "-32769", "65536",
	"2147483648", "-2147483649", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
	"18446744073709551615", "18446744073709551616", "1e400", "-1e400", "1e-400", "3.5e38", "1e39", "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2e-324",
	"0.1e1", "123456789012345678901234567890", "0.30000000000000004", "16777217", "9007199254740993", "2.2250738585072011e-308", "1.00000017881393421514957253748434595763683319091796875001",
	"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "1_0", "--1", "Infinity", "NaN", "-01", "1.e1", "00", "1 2",
}

// literals are whole values, right and wrong.
var literals = []string{
	"null", "true", "false", `""`, `"null"`, `"true"`, `"1"`, `"-1"`, `" 1"`, `"1.0"`, `"1e3"`, `"x"`, `"\"x\""`, `"\"\\ud800\""`, `"\"`, `"nul"`, `"truex"`, `"f"`, `"01"`, `"1 "`, `"+1"`, `"-"`,
	`"NaN"`, `"256"`, `"\u006eull"`, `"[]"`, `"{}"`, `"\"null\""`, `"\u0031"`, `"\ud83d\ude80"`, `"1e999"`, `"0x10"`, `"1_000"`, `"\"a\nb\""`, `"\"\u0001\""`, `"\"unended"`,
	"[]", "{}", "[null]", "[[]]", "[{}]", `{"":null}`, `[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]`, `{"a":1,"a":null,"b":{}}`, `["",1,null,true,[],{}]`,
	`"AQID"`, `"AQI="`, `"AQ="`, `"AQI"`, `"A\nQ\r\nID"`, `"AQ\u0049D"`, `"AQI=AQI="`, `"_-8="`, `"=="`, `"@a"`, `"debug"`, `"<error>"`, `"mode&7"`, `"refuse"`, `"#7"`, `"6/80"`, `"0f"`,
	`"8d1c5f8e-1c1a-4a1e-9b1f-3c0c8b7f6a5d"`, `"8D1C5F8E1C1A4A1E9B1F3C0C8B7F6A5D"`, `"10.1.2.3"`, `"::1"`, `"::FFFF:1.2.3.4"`, `"fe80::1%eth0"`, `"10.0.0.1:80"`, `"[::1]:80"`, `"10.0.0.0/8"`,
	`"2020-02-30T00:00:00Z"`, `"2020-01-02T03:04:05.123456789+05:30"`, `"2020-01-02T03:04:05,5Z"`, `"2020-01-02t03:04:05z"`, `"2020-01-02T03:04:60Z"`, `"2020-01-02T3:04:05Z"`,
	`"2020-01-02T03:04:05+24:00"`, `"2020-01-02T03:04:05.Z"`, `"2020-01-02T03:04:05.1234567891234Z"`, `"\u0032020-01-02T03:04:05Z"`, `"0000-01-01T00:00:00Z"`, `"2020-01-02T03:04:05-00:00"`,
	"nul", "truE", "nulls", "tru", "NULL", "{", "}", "[", "]", "[1,]", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{1:2}`, `{a:1}`, "[1 2]", "'a'", "undefined", "", "//", "[,1]", `{"a" 1}`, `"a" "b"`,
}

// deepText is JSON of a depth near the limit of encoding/json, in two forms.
func (m *mutator) deepText() string {
	depth := 9_996 + m.n(8)
	if m.one(2) {
		return strings.Repeat("[", depth) + strings.Repeat("]", depth)
	}
	return strings.Repeat(`{"a":[`, depth/2) + strings.Repeat("]}", depth/2)
}

// any makes a value of any sort.
func (m *mutator) any() *node {
	switch m.n(8) {
	case 0:
		return &node{text: "null"}
	case 1, 2:
		return &node{text: pick(m.dice, numbers)}
	case 3:
		f := filler{dice: m.dice, budget: 1}
		return &node{kind: '"', text: f.text()}
	case 4:
		if m.one(60) {
			return &node{text: m.deepText()}
		}
		return &node{kind: '{', names: []string{m.name(), m.name()}, kids: []*node{m.any(), m.any()}}
	case 5:
		return &node{kind: '[', kids: []*node{m.any(), m.any()}}
	}
	return &node{text: pick(m.dice, literals)}
}

func (m *mutator) name() string {
	if m.one(4) {
		return pick(m.dice, texts)
	}
	return pick(m.dice, m.names)
}

// otherCase writes a name with other letters that fold to the same, or nearly.
func (m *mutator) otherCase(name string) string {
	switch m.n(6) {
	case 0:
		return strings.ToUpper(name)
	case 1:
		return strings.ToLower(name)
	case 2:
		return strings.NewReplacer("s", "ſ", "S", "ſ", "k", "\u212a", "K", "\u212a").Replace(name)
	case 3:
		return name + pick(m.dice, []string{" ", "\x00", "x", "\ufffd", "\xff", "s", "ß"})
	}
	runes := []rune(name)
	for i, r := range runes {
		if m.one(2) {
			runes[i] = unicode.SimpleFold(r)
		}
	}
	return string(runes)
}

// mutate changes a tree in one place.
func (m *mutator) mutate(root *node) {
	all := root.all(nil)
	n := pick(m.dice, all)
	if len(n.kids) == 0 || m.one(3) {
		m.leaf(n, all)
		return
	}
	i := m.n(len(n.kids))
	if n.kind == '{' {
		m.member(n, i, all)
		return
	}
	switch m.n(5) {
	case 0:
		n.kids = append(n.kids, n.kids[i].copy())
	case 1:
		n.kids = append(n.kids, m.any())
	case 2:
		n.kids = slices.Delete(n.kids, i, i+1)
	case 3:
		n.kids[i] = &node{text: "null"}
	case 4:
		n.kids[i] = pick(m.dice, all).copy()
	}
}

// leaf turns a value into another.
func (m *mutator) leaf(n *node, all []*node) {
	switch m.n(8) {
	case 0:
		*n = node{text: "null"}
	case 1:
		*n = node{kind: '[', kids: []*node{n.copy()}}
	case 2:
		*n = node{kind: '{', names: []string{m.name()}, kids: []*node{n.copy()}}
	case 3:
		if n.kind == 0 {
			*n = node{kind: '"', text: n.text} // 1 becomes "1"
		} else if n.kind == '"' {
			*n = node{text: n.text} // and the other way round
		}
	case 4:
		if n.kind == '"' {
			n.text += pick(m.dice, texts)
		} else if n.kind == 0 {
			n.text += pick(m.dice, []string{".0", ".0", ".0", "e0", "e1", "E-1", "0", ".5", "00000000000000000000", "e", "."})
		}
	case 5:
		*n = *pick(m.dice, all).copy()
	default:
		*n = *m.any()
	}
}

// member changes an object's members.
func (m *mutator) member(n *node, i int, all []*node) {
	add := func(name string, kid *node) {
		at := m.n(len(n.kids) + 1)
		n.names, n.kids = slices.Insert(n.names, at, name), slices.Insert(n.kids, at, kid)
	}
	switch m.n(10) {
	case 0:
		add(n.names[i], n.kids[i].copy())
	case 1:
		add(n.names[i], m.any())
	case 2:
		add(n.names[i], &node{text: "null"})
	case 3:
		add(m.otherCase(n.names[i]), n.kids[m.n(len(n.kids))].copy())
	case 4:
		n.names[i] = m.otherCase(n.names[i])
	case 5:
		n.names, n.kids = slices.Delete(n.names, i, i+1), slices.Delete(n.kids, i, i+1)
	case 6:
		add(m.name(), m.any())
	case 7:
		n.names[i] = m.name()
	case 8:
		j := m.n(len(n.kids))
		n.kids[i], n.kids[j] = n.kids[j], n.kids[i]
	case 9:
		add(n.names[i], pick(m.dice, all).copy())
	}
}

// text changes what was written, without regard to its form.
func (m *mutator) text(src []byte) []byte {
	at := m.n(len(src) + 1)
	switch m.n(9) {
	case 0:
		return src[:at]
	case 1:
		return append(src, pick(m.dice, []string{" ", "x", "{}", ",", "\x00", "]", "}", "\n\n", "null", "\ufeff", "//", "\xa0", "\v"})...)
	case 2:
		return append([]byte(pick(m.dice, []string{"\ufeff", "\ufeff", "\x00", "\xff\xfe", "1", ",", "\f"})), src...)
	case 3, 4:
		if at < len(src) {
			src[at] = m.byte()
		}
	case 5:
		if at < len(src) {
			return slices.Delete(src, at, at+1)
		}
	case 6:
		return slices.Insert(src, at, pick(m.dice, []byte("\"\\{}[],:0-.eEntf \xff\x00\x1f/u")))
	case 7:
		end := at + m.n(len(src)-at+1)
		return slices.Insert(src, at, bytes.Clone(src[at:end])...)
	case 8:
		end := at + m.n(len(src)-at+1)
		return slices.Delete(src, at, end)
	}
	return src
}

// spoil returns another text, made of valid JSON by one to four mutations.
func (m *mutator) spoil(tree *node) []byte {
	t := tree.copy()
	for range 1 + m.n(4) {
		m.mutate(t)
	}
	s := newSpeller(m.dice)
	s.value(t)
	if m.one(4) {
		return m.text(s.buf)
	}
	return s.buf
}
