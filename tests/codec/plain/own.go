package plain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errOwn = errors.New("refused by its own method")

// UUID has text methods on an array.
type UUID [16]byte

// MarshalText writes the usual form.
func (u UUID) MarshalText() ([]byte, error) {
	s := hex.EncodeToString(u[:])
	return []byte(s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]), nil
}

// UnmarshalText takes the usual form.
func (u *UUID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "-", ""))
	if err != nil || len(b) != len(u) {
		return fmt.Errorf("%w: %d bytes of text are no UUID", errOwn, len(text))
	}
	copy(u[:], b)
	return nil
}

// Severity is an enumeration that is written as text.
type Severity uint8

var severities = []string{"debug", "info", "warning", "<error>"}

// MarshalText names a severity, unless it has no name.
func (s Severity) MarshalText() ([]byte, error) {
	if int(s) >= len(severities) {
		return nil, fmt.Errorf("%w: severity %d", errOwn, uint8(s))
	}
	return []byte(severities[s]), nil
}

// UnmarshalText takes a name.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severities {
		if name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("%w: severity %q", errOwn, text)
}

// VirtMode is an enumeration whose methods have pointer receivers.
type VirtMode int

// MarshalText writes a prefix.
func (m *VirtMode) MarshalText() ([]byte, error) {
	return strconv.AppendInt([]byte("mode&"), int64(*m), 10), nil
}

// UnmarshalText needs the prefix.
func (m *VirtMode) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimPrefix(string(text), "mode&"))
	*m = VirtMode(n)
	return err
}

// OwnEnum is a string that is written in other letters.
type OwnEnum string

// MarshalText writes bytes that may be no UTF-8.
func (e OwnEnum) MarshalText() ([]byte, error) { return []byte("\xff" + e), nil }

// UnmarshalText keeps what it gets.
func (e *OwnEnum) UnmarshalText(text []byte) error {
	*e = OwnEnum(bytes.TrimPrefix(text, []byte("\ufffd")))
	return nil
}

// OwnText is a struct that is written as text.
type OwnText struct{ word string }

// MarshalText refuses one word.
func (t OwnText) MarshalText() ([]byte, error) {
	if t.word == "refuse" {
		return nil, errOwn
	}
	return []byte(t.word), nil
}

// UnmarshalText refuses one word.
func (t *OwnText) UnmarshalText(text []byte) error {
	if string(text) == "refuse" {
		return errOwn
	}
	t.word = string(text)
	return nil
}

// OwnJSON is a struct that is written as an array with white space.
type OwnJSON struct {
	N    int
	Text string
	seen int
}

// MarshalJSON has a value receiver.
func (o OwnJSON) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(o.Text)
	return fmt.Appendf(nil, " [ %d ,\n\t%s ] ", o.N, text), err
}

// UnmarshalJSON counts its calls, so that it shows what it was called with.
func (o *OwnJSON) UnmarshalJSON(src []byte) error {
	o.seen += len(src)
	if string(src) == "null" {
		o.N--
		return nil
	}
	pair := []any{&o.N, &o.Text}
	if err := json.Unmarshal(src, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errOwn
	}
	return nil
}

// OwnPtr is a struct that is written as a string, through pointers alone.
type OwnPtr struct{ Host string }

// MarshalJSON has a pointer receiver.
func (o *OwnPtr) MarshalJSON() ([]byte, error) { return json.Marshal("@" + o.Host) }

// UnmarshalJSON takes a string or an object.
func (o *OwnPtr) UnmarshalJSON(src []byte) error {
	if len(src) > 0 && src[0] == '"' {
		var s string
		if err := json.Unmarshal(src, &s); err != nil {
			return err
		}
		o.Host = strings.TrimPrefix(s, "@")
		return nil
	}
	type bare OwnPtr
	return json.Unmarshal(src, (*bare)(o))
}

// OwnRaw writes what it holds, valid or not.
type OwnRaw string

// MarshalJSON does not look at what it writes.
func (o OwnRaw) MarshalJSON() ([]byte, error) { return []byte(o), nil }

// UnmarshalJSON keeps what it reads, white space included.
func (o *OwnRaw) UnmarshalJSON(src []byte) error {
	*o = OwnRaw(src)
	return nil
}

// OwnList is a slice with methods of its own.
type OwnList []int

// MarshalJSON writes the length, also of nil.
func (l OwnList) MarshalJSON() ([]byte, error) { return json.Marshal(len(l)) }

// UnmarshalJSON makes a slice.
func (l *OwnList) UnmarshalJSON(src []byte) error {
	var n uint8
	if err := json.Unmarshal(src, &n); err != nil {
		return err
	}
	*l = make(OwnList, n)
	return nil
}

// OwnMap is a map with methods of its own.
type OwnMap map[string]int

// MarshalText writes the sum.
func (m OwnMap) MarshalText() ([]byte, error) {
	sum := 0
	for _, n := range m {
		sum += n
	}
	return strconv.AppendInt(nil, int64(sum), 10), nil
}

// UnmarshalText makes a map.
func (m *OwnMap) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	*m = OwnMap{"sum": n}
	return err
}

// OwnBoth has text and JSON methods: JSON's count.
type OwnBoth struct{ N int }

// MarshalJSON writes a number.
func (o OwnBoth) MarshalJSON() ([]byte, error) { return json.Marshal(o.N) }

// UnmarshalJSON takes a number.
func (o *OwnBoth) UnmarshalJSON(src []byte) error { return json.Unmarshal(src, &o.N) }

// MarshalText is for keys.
func (o OwnBoth) MarshalText() ([]byte, error) {
	return strconv.AppendInt([]byte("#"), int64(o.N), 10), nil
}

// UnmarshalText is for keys.
func (o *OwnBoth) UnmarshalText(text []byte) (err error) {
	o.N, err = strconv.Atoi(strings.TrimPrefix(string(text), "#"))
	return err
}

// OwnByte is a byte with text methods: a slice of it is no []byte when written.
type OwnByte byte

// MarshalText writes hexadecimal digits.
func (b OwnByte) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%02x", byte(b)), nil }

// UnmarshalText takes hexadecimal digits.
func (b *OwnByte) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 8)
	*b = OwnByte(n)
	return err
}

// WriteOnly has a method for writing alone.
type WriteOnly struct {
	A int
	B string
}

// MarshalJSON writes an object with other names.
func (w WriteOnly) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"a": w.A, "b": w.B, "<": 0})
}

// ReadOnly has a method for reading alone.
type ReadOnly struct{ A int }

// UnmarshalJSON takes what there is.
func (r *ReadOnly) UnmarshalJSON(src []byte) error {
	r.A += len(src)
	return nil
}

// WriteText has a text method for writing alone.
type WriteText int

// MarshalText writes a word.
func (w WriteText) MarshalText() ([]byte, error) { return []byte("w" + strconv.Itoa(int(w))), nil }

// ReadText has a text method for reading alone.
type ReadText int

// UnmarshalText counts.
func (r *ReadText) UnmarshalText(text []byte) error {
	*r = ReadText(len(text))
	return nil
}

// MarshalText writes both numbers.
func (k PortKey) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d/%d", k.Proto, k.Port), nil
}

// UnmarshalText takes both numbers.
func (k *PortKey) UnmarshalText(text []byte) error {
	proto, port, _ := strings.Cut(string(text), "/")
	a, err := strconv.ParseUint(proto, 10, 8)
	if err != nil {
		return err
	}
	b, err := strconv.ParseUint(port, 10, 16)
	k.Proto, k.Port = uint8(a), uint16(b)
	return err
}
