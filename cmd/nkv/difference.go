package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how deep a comparison goes into a value; what is deeper is compared
// as a whole.
const deepest = 32

// difference is one field that two values have differently. A field is written as
// its names with dots between, and [n] for the elements of arrays; empty: the
// whole value.
type difference struct {
	Op    string          `json:"op"` // "add", "remove" or "change"
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old,omitempty"`
	New   json.RawMessage `json:"new,omitempty"`
}

// differences compares two JSON values; nil stands for none. The first value of a
// key differs from none by its fields.
func differences(old, new []byte) []difference {
	var d comparison
	d.compare("", compact(old), compact(new), 0)
	return d.found
}

// compact drops the white space of JSON, so that equal values have equal bytes.
func compact(value []byte) json.RawMessage {
	if value == nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return value
	}
	return b.Bytes()
}

// comparison collects differences.
type comparison struct{ found []difference }

func (c *comparison) compare(field string, old, new json.RawMessage, depth int) {
	if bytes.Equal(old, new) && (old == nil) == (new == nil) {
		return
	}
	if old == nil || new == nil {
		if depth == 0 && c.whole(old, new) {
			return
		}
		c.add(field, old, new)
		return
	}
	if depth < deepest && old[0] == new[0] {
		switch old[0] {
		case '{':
			c.objects(field, old, new, depth)
			return
		case '[':
			c.arrays(field, old, new, depth)
			return
		}
	}
	c.add(field, old, new)
}

func (c *comparison) add(field string, old, new json.RawMessage) {
	op := "change"
	switch {
	case old == nil:
		op = "add"
	case new == nil:
		op = "remove"
	}
	c.found = append(c.found, difference{op, field, old, new})
}

// whole lists the fields of an object that is new or gone as a whole.
func (c *comparison) whole(old, new json.RawMessage) bool {
	added, err := members(new)
	removed, failed := members(old)
	if err != nil || failed != nil || len(added)+len(removed) == 0 {
		return false
	}
	for _, m := range removed {
		c.add(join("", m.name), m.value, nil)
	}
	for _, m := range added {
		c.add(join("", m.name), nil, m.value)
	}
	return true
}

// objects compares by name, in the order of the new one; what is gone comes
// first.
func (c *comparison) objects(field string, old, new json.RawMessage, depth int) {
	before, err := members(old)
	after, failed := members(new)
	if err != nil || failed != nil {
		c.add(field, old, new)
		return
	}
	was, is := byName(before), byName(after)
	for _, m := range before {
		if _, stays := is[m.name]; !stays {
			c.add(join(field, m.name), m.value, nil)
		}
	}
	for _, m := range after {
		c.compare(join(field, m.name), was[m.name], m.value, depth+1)
	}
}

// arrays compares the elements between those that are equal at the beginnings and
// at the ends one by one, so that an insertion is one difference.
func (c *comparison) arrays(field string, old, new json.RawMessage, depth int) {
	before, err := elements(old)
	after, failed := elements(new)
	if err != nil || failed != nil {
		c.add(field, old, new)
		return
	}
	head, least := 0, min(len(before), len(after))
	for head < least && bytes.Equal(before[head], after[head]) {
		head++
	}
	tail := 0
	for tail < least-head && bytes.Equal(before[len(before)-1-tail], after[len(after)-1-tail]) {
		tail++
	}
	for i := head; i < max(len(before), len(after))-tail; i++ {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case i >= len(after)-tail:
			c.add(at, before[i], nil)
		case i >= len(before)-tail:
			c.add(at, nil, after[i])
		default:
			c.compare(at, before[i], after[i], depth+1)
		}
	}
}

// member is a named part of an object.
type member struct {
	name  string
	value json.RawMessage
}

func byName(all []member) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(all))
	for _, one := range all {
		m[one.name] = one.value
	}
	return m
}

// members lists the members of an object in their order; of a name that comes
// twice the last counts. Anything else has none.
func members(value json.RawMessage) ([]member, error) {
	if len(value) == 0 || value[0] != '{' {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var all []member
	at := map[string]int{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // names are strings in JSON
		m := member{name: name}
		if err := decoder.Decode(&m.value); err != nil {
			return nil, err
		}
		if i, twice := at[name]; twice {
			all[i] = m
			continue
		}
		at[name] = len(all)
		all = append(all, m)
	}
	return all, nil
}

func elements(value json.RawMessage) (all []json.RawMessage, err error) {
	return all, json.Unmarshal(value, &all)
}

// join adds a name to a field; one that could be mistaken for several is quoted.
func join(field, name string) string {
	if name == "" || strings.ContainsAny(name, ".[]\" \n") {
		return field + "[" + strconv.Quote(name) + "]"
	}
	if field == "" {
		return name
	}
	return field + "." + name
}

// line writes a difference for people.
func (d difference) line(s screen) string {
	field := printable(d.Field)
	if field != "" {
		field += ": "
	}
	switch d.Op {
	case "add":
		return s.paint(green, s.fit("+ "+field+oneLine(d.New), 4))
	case "remove":
		return s.paint(red, s.fit("- "+field+oneLine(d.Old), 4))
	}
	old, new := oneLine(d.Old), oneLine(d.New)
	if s.width > 0 {
		room := s.width - 4 - len("~ ") - utf8.RuneCountInString(field) - utf8.RuneCountInString(" → ")
		old, new = cutBoth(old, new, max(8, room/2))
	}
	return s.paint(yellow, s.fit("~ "+field+old+" → "+new, 4))
}

// cutBoth shortens two texts to at most width runes each, so that where they
// begin to differ is to be seen.
func cutBoth(old, new string, width int) (string, string) {
	a, b := []rune(old), []rune(new)
	if len(a) <= width && len(b) <= width {
		return old, new
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	if skip := same - width/4; same >= width/2 && skip > 1 {
		old, new = "…"+string(a[skip:]), "…"+string(b[skip:])
	}
	return cut(old, width), cut(new, width)
}
