package agent

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type decodeInner struct {
	When time.Time
	IP   netip.Addr `json:"ip"`
}

type decodeOuter struct {
	N    int
	List []decodeInner
	Map  map[string]uint8
	decodeInner
}

func TestADecodeErrorNamesTheFieldAndShowsNoValue(t *testing.T) {
	for _, tt := range []struct{ data, field, want, found string }{
		{`{"N":"secret"}`, "N", "int", "a string"},
		{`{"N":987654321.5}`, "N", "int", "a number"},
		{`{"n":{}}`, "N", "int", "an object"},
		{`{"List":[{"When":"2026-01-01T00:00:00Z"},{"When":"secret"}]}`, "List.1.When", "time.Time", ""},
		{`{"List":[{"ip":"secret"}]}`, "List.0.ip", "netip.Addr", ""},
		{`{"List":{"secret":1}}`, "List", "[]agent.decodeInner", "an object"},
		{`{"Map":{"k":300}}`, "Map.k", "uint8", "a number"},
		{`{"When":"secret"}`, "When", "time.Time", ""},
		{`[]`, "", "agent.decodeOuter", "an array"},
		{`"secret"`, "", "agent.decodeOuter", "a string"},
		{`{"N":1`, "", "agent.decodeOuter", "no JSON, from byte 6 on"},
	} {
		_, err := decode[decodeOuter]("o.T", "k", []byte(tt.data))
		var got *DecodeError
		if !errors.Is(err, ErrDecode) || !errors.As(err, &got) {
			t.Fatalf("%s: %v", tt.data, err)
		}
		want := &DecodeError{Table: "o.T", Key: "k", Size: len(tt.data), Field: tt.field, Want: tt.want, Found: tt.found}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.data, diff)
		}
		for _, secret := range []string{"secret", "987654321", "300"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the value: %v", err)
			}
		}
	}
}
