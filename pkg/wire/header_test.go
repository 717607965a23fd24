package wire_test

import (
	"errors"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

func TestHeaderNumbers(t *testing.T) {
	for _, tc := range []struct {
		header  wire.Header
		n       uint64
		present bool
		bad     bool
	}{
		{nil, 0, false, false},
		{wire.Header{}, 0, false, false},
		{wire.Header{"X": {}}, 0, false, false},
		{wire.Header{"X": {"0"}}, 0, true, false},
		{wire.Header{"X": {"18446744073709551615"}}, 1<<64 - 1, true, false},
		{wire.Header{"X": {"18446744073709551616"}}, 0, true, true},
		{wire.Header{"X": {""}}, 0, true, true}, // a condition that can't be read is no missing one
		{wire.Header{"X": {"-1"}}, 0, true, true},
		{wire.Header{"X": {"+1"}}, 0, true, true},
		{wire.Header{"X": {" 1"}}, 0, true, true},
		{wire.Header{"X": {"1_0"}}, 0, true, true},
		{wire.Header{"X": {"0x1"}}, 0, true, true},
		{wire.Header{"x": {"1"}}, 0, false, false},
	} {
		n, present, err := tc.header.Uint("X")
		if present != tc.present || tc.bad != errors.Is(err, wire.ErrInvalidHeader) || !tc.bad && (err != nil || n != tc.n) {
			t.Errorf("%v: %d, %t, %v", tc.header, n, present, err)
		}
	}
	h := wire.Header{}
	h.SetUint("X", 1<<53)
	if n, present, err := h.Uint("X"); n != 1<<53 || !present || err != nil {
		t.Errorf("what SetUint set is %d, %t, %v", n, present, err)
	}
}

func TestHeaderTruth(t *testing.T) {
	for _, tc := range []struct {
		header    wire.Header
		want, bad bool
	}{
		{nil, false, false},
		{wire.Header{"X": {"true"}}, true, false},
		{wire.Header{"X": {"false"}}, false, false},
		{wire.Header{"X": {""}}, false, true},
		{wire.Header{"X": {"1"}}, false, true},
		{wire.Header{"X": {"True"}}, false, true},
	} {
		got, err := tc.header.Bool("X")
		if got != tc.want || tc.bad != errors.Is(err, wire.ErrInvalidHeader) || !tc.bad && err != nil {
			t.Errorf("%v: %t, %v", tc.header, got, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Millisecond, "3600000": time.Hour, "3600001": time.Hour, "18446744073709551615": time.Hour, "18446744073709551616": 0, "-1": 0, "soon": 0,
	} {
		if got := (wire.Header{wire.HeaderRetryAfter: {text}}).RetryAfter(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, tc := range []struct {
		subject, version, verb, target string
		bad                            bool
	}{
		{wire.Subject(wire.VerbPut, "a.T.k"), "v1", "put", "a.T.k", false},
		{wire.Subject(wire.VerbHeads, ""), "v1", "heads", "", false},
		{"nkv.v2.put.a.T.k", "v2", "put", "a.T.k", false},
		{"nkv.v1", "v1", "", "", false},
		{"nkv.", "", "", "", false},
		{"nkv", "", "", "", true},
		{"nkvx.v1.put", "", "", "", true},
		{"", "", "", "", true},
	} {
		version, verb, target, err := wire.ParseSubject(tc.subject)
		if version != tc.version || string(verb) != tc.verb || target != tc.target || tc.bad != errors.Is(err, wire.ErrInvalidSubject) {
			t.Errorf("ParseSubject(%q) = %q, %q, %q, %v", tc.subject, version, verb, target, err)
		}
	}
	for _, tc := range []struct {
		subject, table, key string
		bad                 bool
	}{
		{wire.EventSubject("a.T@s.k"), "a.T@s", "k", false},
		{wire.MarkSubject("a.T"), "a.T", wire.MarkToken, false},
		{"nkv.v1.event.a", "", "", true},
		{"nkv.v2.event.a.T.k", "", "", true},
		{"nkv.v1.put.a.T.k", "", "", true},
	} {
		table, key, err := wire.ParseEventSubject(tc.subject)
		if table != tc.table || key != tc.key || tc.bad != errors.Is(err, wire.ErrInvalidSubject) {
			t.Errorf("ParseEventSubject(%q) = %q, %q, %v", tc.subject, table, key, err)
		}
	}
	for _, path := range universe {
		if !natsMatches(wire.TableEvents(path.Table.String()), wire.EventSubject(path.String())) {
			t.Errorf("TableEvents does not bring %s", path)
		}
	}
}

func TestInboxes(t *testing.T) {
	const instance = "ABCDEFGHIJKLMNOPQRST"
	if got, ok := wire.InboxInstance(wire.InboxPrefix(instance) + ".r.1"); got != instance || !ok {
		t.Errorf("instance of an inbox: %q, %t", got, ok)
	}
	if got, ok := wire.InboxInstance(wire.ProbeSubject(instance)); got != instance || !ok {
		t.Errorf("instance of a probe: %q, %t", got, ok)
	}
	for _, subject := range []string{"", "_INBOX.", "_INBOX." + instance, "_INBOX..r.1", "nkv.v1.put.a.T.k", "_inbox.a.b"} {
		if got, ok := wire.InboxInstance(subject); ok {
			t.Errorf("%q is an inbox of %q", subject, got)
		}
	}
	for text, want := range map[string]bool{
		instance: true, instance[1:]: false, "": false, instance + ".": false, instance + "*": false, instance + ">": false, instance + " ": false, instance + "-_": true,
	} {
		if got := wire.ValidInstance(text); got != want {
			t.Errorf("ValidInstance(%q) = %t", text, got)
		}
	}
}
