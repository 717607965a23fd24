package devconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"
)

// maxDepth is how deep objects and lists may nest. The format needs 10; the
// limit keeps a hostile text from exhausting the stack.
const maxDepth = 100

// kind is the JSON type of a node.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindObject
)

// String names the kind as a message says it.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a text", "a list", "an object"}[k]
}

// node is one JSON value with its place in the text.
type node struct {
	kind   kind
	offset int     // of its first byte
	text   string  // of a text or number; "true" or "false" of a boolean
	items  []node  // of a list
	fields []field // of an object, in the order of the text
}

// field is one member of an object.
type field struct {
	name   string
	offset int
	value  node
}

// lines finds line and column of an offset.
type lines struct {
	starts []int // offset of the first byte of each line
}

func newLines(data []byte) lines {
	starts := []int{0}
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	return lines{starts}
}

func (l lines) at(offset int) (line, column int) {
	line = sort.SearchInts(l.starts, offset+1)
	return line, offset - l.starts[line-1] + 1
}

// parseJSON reads data into a tree of nodes. The error is a Finding that
// wraps ErrSyntax.
func parseJSON(data []byte) (node, error) {
	at := newLines(data)
	refuse := func(offset int, text string) error {
		line, column := at.at(min(offset, len(data)))
		return Finding{Line: line, Column: column, Reason: ErrSyntax, Text: text}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return node{}, refuse(0, "the file is empty")
	}
	if !utf8.Valid(data) {
		return node{}, refuse(invalidUTF8(data), "not UTF-8")
	}
	// The tokenizer below is lenient about nothing, but only a full check
	// tells where the text breaks.
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		offset := len(data)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			offset = int(syntax.Offset) - 1
		}
		return node{}, refuse(max(offset, 0), err.Error())
	}
	p := &treeParser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	root, err := p.value(0)
	if err != nil {
		return node{}, refuse(int(p.dec.InputOffset()), err.Error())
	}
	if root.kind != kindObject {
		return node{}, refuse(root.offset, "an object is expected, this is "+root.kind.String())
	}
	return root, nil
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// treeParser builds nodes from tokens.
type treeParser struct {
	data []byte
	dec  *json.Decoder
}

// start returns the offset of the next token: the decoder's own offset is the
// end of the one before.
func (p *treeParser) start() int {
	i := int(p.dec.InputOffset())
	for i < len(p.data) {
		switch p.data[i] {
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		default:
			return i
		}
	}
	return i
}

func (p *treeParser) value(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	n := node{offset: p.start()}
	token, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return node{}, err
	}
	switch t := token.(type) {
	case bool:
		n.kind, n.text = kindBool, fmt.Sprint(t)
	case json.Number:
		n.kind, n.text = kindNumber, t.String()
	case string:
		n.kind, n.text = kindString, t
	case json.Delim:
		if t == '[' {
			return p.list(n, depth)
		}
		return p.object(n, depth)
	}
	return n, nil
}

func (p *treeParser) list(n node, depth int) (node, error) {
	n.kind = kindList
	for p.dec.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
	}
	_, err := p.dec.Token() // the closing bracket
	return n, err
}

func (p *treeParser) object(n node, depth int) (node, error) {
	n.kind = kindObject
	for p.dec.More() {
		f := field{offset: p.start()}
		token, err := p.dec.Token()
		if err != nil {
			return node{}, err
		}
		f.name, _ = token.(string) // the check before let nothing else through
		if f.value, err = p.value(depth + 1); err != nil {
			return node{}, err
		}
		n.fields = append(n.fields, f)
	}
	_, err := p.dec.Token() // the closing brace
	return n, err
}
