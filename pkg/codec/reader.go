package codec

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth is how deep values may be nested, as in encoding/json.
const maxDepth = 10000

// Errors of reading. They say what kind of JSON was found, never the value: values
// may be secret.
var (
	// ErrSyntax: the text is not JSON.
	ErrSyntax = errors.New("not JSON")
	// ErrType: a value is of another kind than its field takes.
	ErrType = errors.New("another kind of JSON is expected")
)

// Reader reads JSON from front to back. Its methods read one thing each and leave
// the reader before the next; after an error it is of no use.
type Reader struct {
	data  []byte
	at    int
	depth int
}

// NewReader returns a reader of one JSON value.
func NewReader(data []byte) Reader { return Reader{data: data} }

// End returns an error unless only white space is left.
func (r *Reader) End() error {
	if r.space(); r.at < len(r.data) {
		return r.syntax()
	}
	return nil
}

// syntax is the error for a text that is not JSON, in the words of encoding/json,
// which says where.
func (r *Reader) syntax() error {
	var raw json.RawMessage
	if err := json.Unmarshal(r.data, &raw); err != nil {
		return err
	}
	return ErrSyntax // part of a value that was taken apart before
}

func (r *Reader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\n', '\t', '\r':
			r.at++
		default:
			return
		}
	}
}

// peek returns the first byte of the next token; 0: there is none.
func (r *Reader) peek() byte {
	if r.at < len(r.data) && r.data[r.at] > ' ' {
		return r.data[r.at]
	}
	if r.space(); r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

// mismatch is the error for a value of another kind than it should be: when the
// text is JSON at all.
func (r *Reader) mismatch() error {
	found := "something else"
	switch c := r.peek(); {
	case c == '{':
		found = "an object"
	case c == '[':
		found = "an array"
	case c == '"':
		found = "a string"
	case c == 't' || c == 'f':
		found = "true or false"
	case c == 'n':
		found = "null"
	case c == '-' || '0' <= c && c <= '9':
		found = "a number"
	}
	if err := r.Skip(); err != nil {
		return err
	}
	return &TypeError{Found: found}
}

// literal reads a literal of which the first byte was seen.
func (r *Reader) literal(text string) error {
	if len(r.data)-r.at < len(text) || string(r.data[r.at:r.at+len(text)]) != text {
		return r.syntax()
	}
	r.at += len(text)
	return nil
}

// Null reads null, when that is next. A malformed one is found by what is read in
// its stead.
func (r *Reader) Null() bool {
	return r.peek() == 'n' && r.literal("null") == nil
}

// OpenObject reads the start of an object; more: it has members.
func (r *Reader) OpenObject() (more bool, err error) { return r.open('{', '}') }

// OpenArray reads the start of an array; more: it has elements.
func (r *Reader) OpenArray() (more bool, err error) { return r.open('[', ']') }

func (r *Reader) open(start, end byte) (more bool, err error) {
	if r.peek() != start {
		return false, r.mismatch()
	}
	r.at++
	if r.depth++; r.depth > maxDepth {
		return false, r.syntax()
	}
	if r.peek() == end {
		r.at++
		r.depth--
		return false, nil
	}
	return true, nil
}

// MoreMembers reads what stands behind a member; more: another follows.
func (r *Reader) MoreMembers() (more bool, err error) { return r.more('}') }

// MoreElements reads what stands behind an element; more: another follows.
func (r *Reader) MoreElements() (more bool, err error) { return r.more(']') }

func (r *Reader) more(end byte) (more bool, err error) {
	switch r.peek() {
	case ',':
		r.at++
		return true, nil
	case end:
		r.at++
		r.depth--
		return false, nil
	}
	return false, r.syntax()
}

// Name reads a member's name and the colon behind it. The name is valid until the
// next call.
func (r *Reader) Name() ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.syntax()
	}
	name, err := r.text()
	if err != nil {
		return nil, err
	}
	if r.peek() != ':' {
		return nil, r.syntax()
	}
	r.at++
	return name, nil
}

// text reads a string of which the quote was seen, and returns its bytes: those of
// the input where nothing is escaped.
func (r *Reader) text() ([]byte, error) {
	start := r.at + 1
	data := r.data
	i := start
	for text := unsafeString(data); i+8 <= len(data) && plainWord(word(text, i)); {
		i += 8
	}
	for ; i < len(data); i++ {
		c := data[i]
		switch {
		case c == '"':
			r.at = i + 1
			return data[start:i], nil
		case c == '\\' || c >= utf8.RuneSelf:
			return r.unquote(start, i)
		case c < ' ':
			return nil, r.syntax()
		}
	}
	return nil, r.syntax()
}

// unquote reads the rest of a string that is not plain ASCII from i on.
func (r *Reader) unquote(start, i int) ([]byte, error) {
	data := r.data
	plain := true // up to here it stands as it is
	for j := i; j < len(data); j++ {
		switch c := data[j]; {
		case c == '"':
			r.at = j + 1
			if plain && utf8.Valid(data[start:j]) {
				return data[start:j], nil
			}
			return unescape(data[start:j]), nil
		case c == '\\':
			plain = false
			n := escape(data[j:])
			if n == 0 {
				return nil, r.syntax()
			}
			j += n - 1
		case c < ' ':
			return nil, r.syntax()
		}
	}
	return nil, r.syntax()
}

// escape returns the length of the escape sequence that a text begins with; 0: it
// is none.
func escape(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(data) >= 6 && unit(data) >= 0 {
			return 6
		}
	}
	return 0
}

// unit returns the number of the sequence \uXXXX that a text begins with; -1: it
// is none.
func unit(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range data[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape returns the bytes that a string without its quotes stands for. Its
// escape sequences were checked. What is no UTF-8 becomes U+FFFD.
func unescape(data []byte) []byte {
	out := make([]byte, 0, len(data)+2*utf8.UTFMax)
	for i := 0; i < len(data); {
		c := data[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(data[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		if c != '\\' {
			out = append(out, c)
			i++
			continue
		}
		i += 2
		switch c := data[i-1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := unit(data[i-2:])
			i += 4
			if utf16.IsSurrogate(r) {
				pair := utf16.DecodeRune(r, unit(data[i:]))
				if pair != unicode.ReplacementChar {
					i += 6
				}
				r = pair
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return out
}

// number reads a number of which the first byte was seen.
func (r *Reader) number() ([]byte, error) {
	data, i := r.data, r.at
	if data[i] == '-' {
		i++
	}
	switch {
	case i < len(data) && data[i] == '0':
		i++
	case i < len(data) && '1' <= data[i] && data[i] <= '9':
		for i < len(data) && '0' <= data[i] && data[i] <= '9' {
			i++
		}
	default:
		return nil, r.syntax()
	}
	if i < len(data) && data[i] == '.' {
		first := i + 1
		for i++; i < len(data) && '0' <= data[i] && data[i] <= '9'; {
			i++
		}
		if i == first {
			return nil, r.syntax()
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		first := i
		for i < len(data) && '0' <= data[i] && data[i] <= '9' {
			i++
		}
		if i == first {
			return nil, r.syntax()
		}
	}
	literal := data[r.at:i]
	r.at = i
	return literal, nil
}

// numeric returns the number that is next; nil and no error: it is null.
func (r *Reader) numeric() ([]byte, error) {
	switch c := r.peek(); {
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	case c == 'n':
		return nil, r.literal("null")
	}
	return nil, r.mismatch()
}

// Skip reads a value, whatever it is.
func (r *Reader) Skip() error {
	switch c := r.peek(); {
	case c == '{':
		more, err := r.OpenObject()
		for more && err == nil {
			if _, err = r.Name(); err != nil {
				break
			}
			if err = r.Skip(); err == nil {
				more, err = r.MoreMembers()
			}
		}
		return err
	case c == '[':
		more, err := r.OpenArray()
		for more && err == nil {
			if err = r.Skip(); err == nil {
				more, err = r.MoreElements()
			}
		}
		return err
	case c == '"':
		_, err := r.text()
		return err
	case c == '-' || '0' <= c && c <= '9':
		_, err := r.number()
		return err
	case c == 't':
		return r.literal("true")
	case c == 'f':
		return r.literal("false")
	case c == 'n':
		return r.literal("null")
	}
	return r.syntax()
}

// Raw reads a value and returns its text, which is part of the input.
func (r *Reader) Raw() ([]byte, error) {
	r.space()
	start := r.at
	if err := r.Skip(); err != nil {
		return nil, err
	}
	return r.data[start:r.at], nil
}

// parseInt reads a decimal of at most 64 bits.
func parseInt(literal []byte, bits int) (int64, bool) {
	if len(literal) < 19 { // it can't overflow
		var n int64
		digits := literal
		if literal[0] == '-' {
			digits = literal[1:]
		}
		for _, c := range digits {
			if c < '0' || c > '9' {
				return 0, false
			}
			n = n*10 + int64(c-'0')
		}
		if literal[0] == '-' {
			n = -n
		}
		shift := uint(64 - bits)
		return n, n<<shift>>shift == n
	}
	n, err := strconv.ParseInt(unsafeString(literal), 10, bits)
	return n, err == nil
}

func parseUint(literal []byte, bits int) (uint64, bool) {
	if len(literal) < 19 {
		var n uint64
		for _, c := range literal {
			if c < '0' || c > '9' {
				return 0, false
			}
			n = n*10 + uint64(c-'0')
		}
		return n, n <= math.MaxUint64>>uint(64-bits)
	}
	n, err := strconv.ParseUint(unsafeString(literal), 10, bits)
	return n, err == nil
}

// unsafeString is the bytes as a string that must not outlive them.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
