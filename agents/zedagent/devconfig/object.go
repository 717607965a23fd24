package devconfig

import (
	"encoding/base64"
	"fmt"
	"iter"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// object reads the fields of one protocol buffer message from its JSON form.
// An absent message is an object without fields, so that readers need no
// checks. What does not fit is filed with the decoder; the zero value is
// returned in its place.
type object struct {
	d      *decoder
	path   string
	offset int
	fields map[string]*member // by folded name
}

type member struct {
	field
	used    bool
	message *object // the value as a message, once it was read as one
}

// fold makes the camelCase and the snake_case form of a field's name equal.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

func (d *decoder) object(path string, n node) *object {
	o := &object{d: d, path: path, offset: n.offset, fields: map[string]*member{}}
	switch n.kind {
	case kindNull:
		return o
	case kindObject:
	default:
		d.fail(path, n.offset, ErrType, "an object is expected, this is "+n.kind.String())
		return o
	}
	for _, f := range n.fields {
		name := fold(f.name)
		if first, twice := o.fields[name]; twice {
			d.fail(o.sub(f.name), f.offset, ErrDuplicate,
				fmt.Sprintf("the field is given twice, before as %q; remove one", first.name))
			continue
		}
		o.fields[name] = &member{field: f}
	}
	d.objects = append(d.objects, o)
	return o
}

// sub is the path of a field.
func (o *object) sub(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// take returns the value of a field; false when it is absent or null.
func (o *object) take(name string) (node, bool) {
	m, ok := o.fields[fold(name)]
	if !ok {
		return node{offset: o.offset}, false
	}
	m.used = true
	return m.value, m.value.kind != kindNull
}

func (o *object) mismatch(name, want string, n node) {
	o.d.fail(o.sub(name), n.offset, ErrType, want+" is expected, this is "+n.kind.String())
}

// has reports whether the field is there and not null.
func (o *object) has(name string) bool {
	m, ok := o.fields[fold(name)]
	return ok && m.value.kind != kindNull
}

// where returns the offset of a field, for findings about its value.
func (o *object) where(name string) int {
	if m, ok := o.fields[fold(name)]; ok {
		return m.value.offset
	}
	return o.offset
}

// warn files a warning about the value of a field.
func (o *object) warn(name, format string, args ...any) {
	o.d.warn(o.sub(name), o.where(name), fmt.Sprintf(format, args...))
}

func (o *object) str(name string) string {
	n, ok := o.take(name)
	if ok && n.kind != kindString {
		o.mismatch(name, "a text", n)
		return ""
	}
	return n.text
}

// scalar is like str, but takes numbers and booleans as their texts too.
func (o *object) scalar(name string) string {
	n, ok := o.take(name)
	if ok && (n.kind == kindList || n.kind == kindObject) {
		o.mismatch(name, "a text", n)
		return ""
	}
	return n.text
}

func (o *object) boolean(name string) bool {
	n, ok := o.take(name)
	if ok && n.kind != kindBool {
		o.mismatch(name, "true or false", n)
	}
	return ok && n.kind == kindBool && n.text == "true"
}

// integer reads an integer that fits between low and high, given as a number
// or a text, also in the forms 1.0 and 1e3.
func (o *object) integer(name string, low, high *big.Int) *big.Int {
	n, ok := o.take(name)
	if !ok {
		return new(big.Int)
	}
	v, err := integer(n)
	if err == nil && (v.Cmp(low) < 0 || v.Cmp(high) > 0) {
		err = fmt.Errorf("%s does not fit, it must lie between %s and %s", n.text, low, high)
	}
	if err != nil {
		o.d.fail(o.sub(name), n.offset, ErrType, err.Error())
		return new(big.Int)
	}
	return v
}

// maxDigits is longer than any 64-bit number is written.
const maxDigits = 64

func integer(n node) (*big.Int, error) {
	if n.kind != kindNumber && n.kind != kindString {
		return nil, fmt.Errorf("an integer is expected, this is %s", n.kind)
	}
	if len(n.text) > maxDigits {
		return nil, fmt.Errorf("a number of %d digits does not fit", len(n.text))
	}
	if v, ok := new(big.Int).SetString(n.text, 10); ok && !strings.HasPrefix(n.text, "+") {
		return v, nil
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%q is not an integer", n.text)
	}
	v, accuracy := big.NewFloat(f).Int(nil)
	if accuracy != big.Exact {
		return nil, fmt.Errorf("%q is not an integer", n.text)
	}
	return v, nil
}

func (o *object) uint32(name string) uint32 {
	return uint32(o.integer(name, new(big.Int), big.NewInt(1<<32-1)).Uint64())
}

func (o *object) int32(name string) int32 {
	return int32(o.integer(name, big.NewInt(-1<<31), big.NewInt(1<<31-1)).Int64())
}

func (o *object) uint64(name string) uint64 {
	return o.integer(name, new(big.Int), new(big.Int).SetUint64(1<<64-1)).Uint64()
}

func (o *object) int64(name string) int64 {
	return o.integer(name, big.NewInt(-1<<63), big.NewInt(1<<63-1)).Int64()
}

// bytes reads base64 text, in the standard or the URL alphabet, padded or not.
func (o *object) bytes(name string) []byte {
	n, ok := o.take(name)
	if !ok {
		return nil
	}
	if n.kind != kindString {
		o.mismatch(name, "base64 text", n)
		return nil
	}
	return o.d.base64(o.sub(name), n)
}

func (d *decoder) base64(path string, n node) []byte {
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(n.text, "="))
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		d.fail(path, n.offset, ErrType, "not base64: "+err.Error())
		return nil
	}
	if len(data) == 0 {
		return nil
	}
	return data
}

// message reads a nested message. Reading it again yields the same object.
func (o *object) message(name string) *object {
	n, _ := o.take(name)
	m, ok := o.fields[fold(name)]
	if !ok {
		return o.d.object(o.sub(name), n)
	}
	if m.message == nil {
		m.message = o.d.object(o.sub(name), n)
	}
	return m.message
}

// items yields the elements of a repeated field with their paths.
func (o *object) items(name string) iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		n, ok := o.take(name)
		if !ok {
			return
		}
		if n.kind != kindList {
			o.mismatch(name, "a list", n)
			return
		}
		for i, item := range n.items {
			path := fmt.Sprintf("%s[%d]", o.sub(name), i)
			if item.kind == kindNull {
				o.d.fail(path, item.offset, ErrType, "null stands in a list; remove it")
				continue
			}
			if !yield(path, item) {
				return
			}
		}
	}
}

// messages yields the messages of a repeated field.
func (o *object) messages(name string) iter.Seq[*object] {
	return func(yield func(*object) bool) {
		for path, item := range o.items(name) {
			if !yield(o.d.object(path, item)) {
				return
			}
		}
	}
}

// texts reads a repeated text; nil when there is none.
func (o *object) texts(name string) []string {
	var list []string
	for path, item := range o.items(name) {
		if item.kind != kindString {
			o.d.fail(path, item.offset, ErrType, "a text is expected, this is "+item.kind.String())
			continue
		}
		list = append(list, item.text)
	}
	return list
}

// pems reads a repeated bytes field that holds PEM texts.
func (o *object) pems(name string) []string {
	var list []string
	for path, item := range o.items(name) {
		if item.kind != kindString {
			o.d.fail(path, item.offset, ErrType, "base64 text is expected, this is "+item.kind.String())
			continue
		}
		if data := o.d.base64(path, item); data != nil {
			list = append(list, string(data))
		}
	}
	return list
}

// textMap reads a map of texts; nil when it is empty. The names are data and
// stand as they are.
func (o *object) textMap(name string) map[string]string {
	n, ok := o.take(name)
	if !ok {
		return nil
	}
	if n.kind != kindObject {
		o.mismatch(name, "an object", n)
		return nil
	}
	texts := map[string]string{}
	for _, f := range n.fields {
		path := o.sub(name) + "." + f.name
		if _, twice := texts[f.name]; twice {
			o.d.fail(path, f.offset, ErrDuplicate, "the name is given twice; remove one")
		}
		switch f.value.kind {
		case kindList, kindObject, kindNull:
			o.d.fail(path, f.value.offset, ErrType, "a text is expected, this is "+f.value.kind.String())
		default:
			texts[f.name] = f.value.text
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// enum reads an enumeration, given as a number or a name. An absent one is
// number 0, as protocol buffers have it.
func enum[T ~string](o *object, name string, names map[int64]T) T {
	n, ok := o.take(name)
	if !ok {
		return names[0]
	}
	return enumNode(o.d, o.sub(name), n, names)
}

func enumNode[T ~string](d *decoder, path string, n node, names map[int64]T) T {
	switch n.kind {
	case kindNumber:
		v, err := integer(n)
		if err != nil || !v.IsInt64() {
			d.fail(path, n.offset, ErrType, fmt.Sprintf("%s is not an enumeration's number", n.text))
			return names[0]
		}
		if known, ok := names[v.Int64()]; ok {
			return known
		}
		d.note(path, n.offset, fmt.Sprintf("%s is a number that this build does not know", n.text))
		return T(v.String())
	case kindString:
		for _, known := range names {
			if n.text == string(known) {
				return known
			}
		}
		if v, err := strconv.ParseInt(n.text, 10, 64); err == nil && names[v] != "" {
			return names[v]
		}
		d.note(path, n.offset, fmt.Sprintf("%q is a name that this build does not know", n.text))
		return T(n.text)
	}
	d.fail(path, n.offset, ErrType, "a number or a name is expected, this is "+n.kind.String())
	return names[0]
}
