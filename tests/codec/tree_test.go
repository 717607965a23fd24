package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// node is a JSON value that can be mutated and spelled in many ways.
type node struct {
	kind  byte     // { [ " or anything else for text that is written as it is
	text  string   // of a string, decoded
	names []string // of an object's members, decoded
	kids  []*node
}

// parse makes a tree of valid JSON.
func parse(src []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	return parseValue(d)
}

func parseValue(d *json.Decoder) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		n := &node{kind: byte(t)}
		for d.More() {
			if t == '{' {
				name, err := d.Token()
				if err != nil {
					return nil, err
				}
				n.names = append(n.names, name.(string))
			}
			kid, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
		_, err := d.Token()
		return n, err
	case string:
		return &node{kind: '"', text: t}, nil
	case nil:
		return &node{text: "null"}, nil
	}
	return &node{text: fmt.Sprint(token)}, nil
}

// all lists a tree's nodes.
func (n *node) all(found []*node) []*node {
	found = append(found, n)
	for _, kid := range n.kids {
		found = kid.all(found)
	}
	return found
}

// copy copies a tree.
func (n *node) copy() *node {
	c := &node{kind: n.kind, text: n.text, names: append([]string(nil), n.names...)}
	for _, kid := range n.kids {
		c.kids = append(c.kids, kid.copy())
	}
	return c
}

// speller writes trees.
type speller struct {
	*dice
	space  int // one in so many gaps gets white space; 0 none
	escape int // one in so many characters is escaped without need; 0 none
	broken int // one in so many strings gets what is no UTF-8, or half a pair; 0 none
	buf    []byte
}

func newSpeller(d *dice) *speller {
	return &speller{dice: d, space: pick(d, []int{0, 0, 1, 4}), escape: pick(d, []int{0, 0, 0, 1, 8}), broken: pick(d, []int{0, 0, 0, 0, 10})}
}

func (s *speller) gap() {
	if s.space > 0 && s.one(s.space) {
		s.buf = append(s.buf, pick(s.dice, []string{" ", "\n", "\t", "\r", " \t\r\n", "\n  "})...)
	}
}

func (s *speller) value(n *node) {
	s.gap()
	switch n.kind {
	case '{', '[':
		s.buf = append(s.buf, n.kind)
		for i, kid := range n.kids {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			if n.kind == '{' {
				s.gap()
				s.string(n.names[i])
				s.gap()
				s.buf = append(s.buf, ':')
			}
			s.value(kid)
		}
		s.gap()
		s.buf = append(s.buf, n.kind+2)
	case '"':
		s.string(n.text)
	default:
		s.buf = append(s.buf, n.text...)
	}
	s.gap()
}

func (s *speller) string(text string) {
	s.buf = append(s.buf, '"')
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case s.escape > 0 && r != utf8.RuneError && s.one(s.escape):
			s.unicode(r)
		case r == '"' || r == '\\':
			s.buf = append(s.buf, '\\', byte(r))
		case r == '/' && s.escape > 0:
			s.buf = append(s.buf, `\/`...)
		case r < ' ':
			if at := strings.IndexRune("\b\f\n\r\t", r); at >= 0 {
				s.buf = append(s.buf, '\\', "bfnrt"[at])
			} else {
				s.unicode(r)
			}
		default:
			s.buf = append(s.buf, text[i:i+size]...) // also what is no UTF-8
		}
		i += size
	}
	if s.broken > 0 && s.one(s.broken) {
		s.buf = append(s.buf, pick(s.dice, []string{
			"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x80", `\ud800`, `\udc00`, `\ud800\ud800`, `\ud83dx`, `\udbff\u0041`, `\ud83d\ude80`, `\uFFFF`, `\u0000`,
			"\x01", `\x`, `\u12`, `\u12g4`, `\U00e9`, "\n", `\'`, `\"`, `\`,
		})...)
	}
	s.buf = append(s.buf, '"')
}

func (s *speller) unicode(r rune) {
	format := `\u%04x`
	if s.one(2) {
		format = `\u%04X`
	}
	if r > 0xffff {
		r -= 0x10000
		s.buf = fmt.Appendf(s.buf, format, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	s.buf = fmt.Appendf(s.buf, format, r)
}
