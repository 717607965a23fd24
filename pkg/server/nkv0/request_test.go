package nkv0_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/server/nkv0"
)

// malformed are requests that can't be read: where they are sent, the id that can
// be read all the same, and a word of the reason.
func malformed() map[string]struct {
	subject, body string
	id            uint32
	says          string
} {
	return map[string]struct {
		subject, body string
		id            uint32
		says          string
	}{
		"nothing":                {"pubsub.get", ``, 0, "no JSON"},
		"no JSON":                {"pubsub.get", `GET k`, 0, "no JSON"},
		"cut":                    {"pubsub.get", `{"type":"Get","id":7,"key":"k"`, 0, "no JSON"},
		"two":                    {"pubsub.get", `{"type":"Get","id":7,"key":"k"} {}`, 0, "no JSON"},
		"null":                   {"pubsub.get", `null`, 0, "no JSON object"},
		"list":                   {"pubsub.get", `[]`, 0, "no JSON object"},
		"number":                 {"pubsub.get", `7`, 0, "no JSON object"},
		"deep list":              {"pubsub.get", strings.Repeat("[", 50_000), 0, "no JSON"},
		"deep member":            {"pubsub.get", `{"type":"Get","id":7,"key":"k","x":` + strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_001), 0, "no JSON"},
		"no UTF-8":               {"pubsub.get", "{\"type\":\"Get\",\"id\":7,\"key\":\"\xff\"}", 0, "UTF-8"},
		"empty object":           {"pubsub.get", `{}`, 0, "id"},
		"no id":                  {"pubsub.get", `{"type":"Get","key":"k"}`, 0, "id"},
		"id is text":             {"pubsub.get", `{"type":"Get","id":"7","key":"k"}`, 0, "id"},
		"id is null":             {"pubsub.get", `{"type":"Get","id":null,"key":"k"}`, 0, "id"},
		"id is negative":         {"pubsub.get", `{"type":"Get","id":-1,"key":"k"}`, 0, "id"},
		"id has a fraction":      {"pubsub.get", `{"type":"Get","id":7.0,"key":"k"}`, 0, "id"},
		"id has an exponent":     {"pubsub.get", `{"type":"Get","id":7e0,"key":"k"}`, 0, "id"},
		"id just too large":      {"pubsub.get", `{"type":"Get","id":4294967296,"key":"k"}`, 0, "id"},
		"id huge":                {"pubsub.get", `{"type":"Get","id":` + strings.Repeat("9", 10_000) + `,"key":"k"}`, 0, "id"},
		"id under another name":  {"pubsub.get", `{"type":"Get","ID":7,"key":"k"}`, 0, "id"},
		"no type":                {"pubsub.get", `{"id":7,"key":"k"}`, 7, "type"},
		"type is a number":       {"pubsub.get", `{"type":1,"id":7,"key":"k"}`, 7, "type"},
		"type in small letters":  {"pubsub.get", `{"type":"get","id":7,"key":"k"}`, 7, "type"},
		"unknown type":           {"pubsub.get", `{"type":"Fetch","id":7,"key":"k"}`, 7, `"Get"`},
		"type of another verb":   {"pubsub.get", `{"type":"Put","id":7,"key":"k","value":[1]}`, 7, `"Get"`},
		"a get to put":           {"pubsub.put", `{"type":"Get","id":7,"key":"k"}`, 7, `"Put"`},
		"a subscribe to delete":  {"pubsub.delete", `{"type":"Subscribe","id":7,"key":"k"}`, 7, `"Delete"`},
		"a delete to subscribe":  {"pubsub.subscribe", `{"type":"Delete","id":7,"key":"k"}`, 7, `"Subscribe"`},
		"unknown verb":           {"pubsub.list", `{"type":"List","id":7,"key":"k"}`, 7, "pubsub.list"},
		"no key":                 {"pubsub.get", `{"type":"Get","id":7}`, 7, "key"},
		"key is null":            {"pubsub.get", `{"type":"Get","id":7,"key":null}`, 7, "key"},
		"key is a number":        {"pubsub.get", `{"type":"Get","id":7,"key":1}`, 7, "key"},
		"key is a list":          {"pubsub.get", `{"type":"Get","id":7,"key":["k"]}`, 7, "key"},
		"half a surrogate pair":  {"pubsub.get", `{"type":"Get","id":7,"key":"\ud800"}`, 7, "key"},
		"no value":               {"pubsub.put", `{"type":"Put","id":7,"key":"k"}`, 7, "value"},
		"value is null":          {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":null}`, 7, "value"},
		"value is text":          {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":"AQID"}`, 7, "value"},
		"value is an object":     {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":{"0":1}}`, 7, "value"},
		"value has 256":          {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[1,256]}`, 7, "position 1"},
		"value has a huge one":   {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[` + strings.Repeat("9", 10_000) + `]}`, 7, "position 0"},
		"value has -1":           {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[-1]}`, 7, "position 0"},
		"value has a fraction":   {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[1.5]}`, 7, "position 0"},
		"value has an exponent":  {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[1e2]}`, 7, "position 0"},
		"value has text":         {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":["]"]}`, 7, "position 0"},
		"value has a list":       {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[1,2,[3]]}`, 7, "position 2"},
		"value has truth values": {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[true]}`, 7, "position 0"},
		"value has null":         {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[null]}`, 7, "position 0"},
	}
}

func TestMalformedRequests(t *testing.T) {
	for name, test := range malformed() {
		r, err := nkv0.ParseRequest(test.subject, []byte(test.body))
		if !errors.Is(err, nkv0.ErrInvalid) || !strings.Contains(err.Error(), test.says) || r.ID != test.id {
			t.Errorf("%s: id %d, %v; want id %d and %q", name, r.ID, err, test.id, test.says)
		}
	}
}

func TestRequests(t *testing.T) {
	for name, test := range map[string]struct {
		subject, body string
		want          nkv0.Request
	}{
		"put":           {"pubsub.put", `{"type":"Put","id":7,"key":"k","value":[1,2,3]}`, nkv0.Request{Verb: nkv0.Put, ID: 7, Key: "k", Value: []byte{1, 2, 3}}},
		"put nothing":   {"pubsub.put", `{"type":"Put","id":0,"key":"k","value":[]}`, nkv0.Request{Verb: nkv0.Put, Key: "k", Value: []byte{}}},
		"spaces":        {"pubsub.put", " {\"value\" : [ 0 ,\t10,\n255 ] , \"key\":\"k\",\"id\":7,\"type\":\"Put\" }\n", nkv0.Request{Verb: nkv0.Put, ID: 7, Key: "k", Value: []byte{0, 10, 255}}},
		"get":           {"pubsub.get", `{"type":"Get","id":4294967295,"key":"k"}`, nkv0.Request{Verb: nkv0.Get, ID: 1<<32 - 1, Key: "k"}},
		"delete":        {"pubsub.delete", `{"type":"Delete","id":7,"key":"k"}`, nkv0.Request{Verb: nkv0.Delete, ID: 7, Key: "k"}},
		"subscribe":     {"pubsub.subscribe", `{"type":"Subscribe","id":7,"key":"k"}`, nkv0.Request{Verb: nkv0.Subscribe, ID: 7, Key: "k"}},
		"other members": {"pubsub.get", `{"type":"Get","id":7,"key":"k","value":"x","Key":1,"more":{}}`, nkv0.Request{Verb: nkv0.Get, ID: 7, Key: "k"}},
		"escapes":       {"pubsub.get", `{"\u0074ype":"\u0047et","id":7,"key":"\u00e4\ud83d\ude00\n\\ufffd"}`, nkv0.Request{Verb: nkv0.Get, ID: 7, Key: "ä😀\n\\ufffd"}},
		"U+FFFD itself": {"pubsub.get", "{\"type\":\"Get\",\"id\":7,\"key\":\"\uFFFD\"}", nkv0.Request{Verb: nkv0.Get, ID: 7, Key: "\uFFFD"}},
	} {
		got, err := nkv0.ParseRequest(test.subject, []byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestUpdateIsAsLongAsExpected holds for every byte: a message over the limit is
// recognized before it is made.
func TestUpdateIsAsLongAsExpected(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, value := range [][]byte{nil, {}, {0}, {9, 10}, {99, 100, 255}, all} {
		message, expected := nkv0.Update(value)
		list := bytes.TrimSuffix(bytes.TrimPrefix(message, []byte(`{"msg_type":{"Update":{"value":`)), []byte(`}}}`))
		if len(list) != expected {
			t.Errorf("%d bytes are %d as numbers, expected were %d", len(value), len(list), expected)
		}
	}
}

// FuzzParseRequest: nothing that is sent harms, and what is read is what a decoder
// that knows the form reads.
func FuzzParseRequest(f *testing.F) {
	for _, test := range malformed() {
		if len(test.body) < 1000 {
			f.Add(strings.TrimPrefix(test.subject, "pubsub."), []byte(test.body))
		}
	}
	f.Add("put", []byte(`{"type":"Put","id":7,"key":"a.b ","value":[1,2,255]}`))
	f.Add("subscribe", []byte(`{"type":"Subscribe","id":7,"key":"k"}`))
	f.Fuzz(func(t *testing.T, verb string, body []byte) {
		r, err := nkv0.ParseRequest("pubsub."+verb, body)
		if err != nil {
			if !errors.Is(err, nkv0.ErrInvalid) || r.Value != nil {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		if r.Verb.Subject() != "pubsub."+verb {
			t.Fatalf("a %s was read on pubsub.%s", r.Verb, verb)
		}
		var members map[string]json.RawMessage
		var want struct {
			id    uint32
			key   string
			value []uint16
		}
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(json.Unmarshal(members["id"], &want.id), json.Unmarshal(members["key"], &want.key)); err != nil {
			t.Fatal(err)
		}
		if r.ID != want.id || r.Key != want.key {
			t.Fatalf("read %d and %q; want %d and %q", r.ID, r.Key, want.id, want.key)
		}
		if r.Verb != nkv0.Put {
			return
		}
		if err := json.Unmarshal(members["value"], &want.value); err != nil {
			t.Fatal(err)
		}
		got := make([]uint16, 0, len(r.Value))
		for _, b := range r.Value {
			got = append(got, uint16(b))
		}
		if diff := cmp.Diff(want.value, got); diff != "" {
			t.Fatalf("value (-want +got):\n%s", diff)
		}
	})
}
