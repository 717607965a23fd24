package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkv/nkv/tests/codec/generated"
	"github.com/evenkv/nkv/tests/codec/plain"
)

// What is nested too deeply to be read again is not written, and what is not, is.
func TestDeepValues(t *testing.T) {
	subjects, err := generatedSubjects()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects {
		if s.name != "List" && s.name != "Tree" && s.name != "Directory" {
			continue
		}
		for _, depth := range []int{1000, 9_998, 9_999, 10_000, 10_001, 10_002, 10_003, 30_000} {
			t.Run(fmt.Sprintf("%s/%d", s.name, depth), func(t *testing.T) {
				v := nested(s.plain, depth)
				src, err := json.Marshal(v.Interface())
				if err != nil {
					t.Fatal(err)
				}
				readable := json.Unmarshal(src, reflect.New(s.plain).Interface()) == nil
				got, err := s.encode(nil, v)
				if (err == nil) != readable || err == nil && !bytes.Equal(got, src) {
					t.Errorf("encode: got %s, error %v; encoding/json reads it again: %t", short(got), err, readable)
				}
				if _, _, err := checkDecode(s, src, reflect.New(s.plain)); err != nil && readable {
					t.Error(err)
				}
				if s.decode(reflect.New(s.plain), src) == nil != readable {
					t.Errorf("decode accepts: %t, want %t", !readable, readable)
				}
			})
		}
	}
}

// nested makes a value that is about so many levels deep in JSON.
func nested(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t)
	at := v.Elem()
	switch t.Name() {
	case "List":
		for range depth - 1 {
			next := at.FieldByName("Next")
			next.Set(reflect.New(t))
			at = next.Elem()
		}
	case "Tree":
		for range depth / 2 {
			kids := at.FieldByName("Children")
			kids.Set(reflect.MakeSlice(kids.Type(), 1, 1))
			at = kids.Index(0)
		}
	case "Directory":
		src := strings.Repeat("[", 500) + strings.Repeat("]", 500)
		lists := at.FieldByName("Lists")
		if err := json.Unmarshal([]byte(src), lists.Addr().Interface()); err != nil {
			panic(err)
		}
		for range depth - 500 {
			outer := reflect.MakeSlice(lists.Type(), 1, 1)
			outer.Index(0).Set(lists)
			lists.Set(outer)
		}
	}
	return v
}

// A value that contains itself in memory, but not in JSON, is like any other.
func TestFieldsThatLeadBackAreLeftOut(t *testing.T) {
	const src = `{"Name":"a","kids":[{"Name":"b","kids":[{"Name":"c","Base":{"Name":"","N":0}}],"Base":{"Name":"x","N":1}},{"Name":"d","Base":{}}],"Base":{}}`
	var p plain.Child
	var g generated.Child
	for _, v := range []any{&p, &g} {
		if err := json.Unmarshal([]byte(src), v); err != nil {
			t.Fatal(err)
		}
	}
	p.Knot()
	g.Knot()
	want, err := json.Marshal(&p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.AppendJSON(nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %s, error %v, want %s", got, err, want)
	}
	c := g.DeepCopy()
	if got, err := c.AppendJSON(nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("copy: got %s, error %v, want %s", got, err, want)
	}
	if !c.Equal(g) {
		t.Error("the copy is not equal to its original")
	}
	if c.Kids[0].Parent != nil {
		t.Error("the copy refers to what is not its own")
	}
}

// A value that contains itself in JSON is an error, as in encoding/json.
func TestValuesWithoutAnEndAreRefused(t *testing.T) {
	list := &generated.List{}
	list.Next = list
	self := &generated.EmbedSelf{Name: "written once"}
	self.EmbedSelf = self
	dir := generated.Dir{}
	dir["."] = dir
	if out, err := list.AppendJSON(nil); err == nil {
		t.Errorf("list: got %s", short(out))
	}
	if out, err := (&generated.Directory{Root: dir}).AppendJSON(nil); err == nil {
		t.Errorf("map: got %s", short(out))
	}
	if out, err := self.AppendJSON(nil); err != nil || string(out) != `{"Name":"written once","N":0}` {
		t.Errorf("embedded: got %s, error %v", out, err)
	}
}
