package eve

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessages(t *testing.T) {
	for text, want := range map[string]Message{
		"request AppStatus":                       {Verb: VerbRequest, Topic: "AppStatus"},
		"hello AppStatus":                         {Verb: VerbHello, Topic: "AppStatus"},
		"hello AppStatus true":                    {Verb: VerbHello, Topic: "AppStatus", Durability: Durable},
		"hello AppStatus false":                   {Verb: VerbHello, Topic: "AppStatus", Durability: Volatile},
		"update AppStatus a2V5 eyJhIjoxfQ==":      {Verb: VerbUpdate, Topic: "AppStatus", Key: "key", Value: []byte(`{"a":1}`)},
		"update AppStatus  ":                      {Verb: VerbUpdate, Topic: "AppStatus", Value: []byte{}},
		"delete AppStatus dGltZXIuY29uZmlnLng=":   {Verb: VerbDelete, Topic: "AppStatus", Key: "timer.config.x"},
		"complete AppStatus":                      {Verb: VerbComplete, Topic: "AppStatus"},
		"restarted AppStatus 9223372036854775807": {Verb: VerbRestarted, Topic: "AppStatus", Restart: 1<<63 - 1},
	} {
		got, err := ParseMessage([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if back, err := got.Append(nil); err != nil || string(back) != text {
			t.Errorf("%s came back as %s, %v", text, back, err)
		}
	}
}

// What newer versions append is taken as the original takes it.
func TestMessagesOfOthers(t *testing.T) {
	for text, want := range map[string]Message{
		"hello T maybe":       {Verb: VerbHello, Topic: "T"},
		"hello T true v2 a b": {Verb: VerbHello, Topic: "T", Durability: Durable},
		"complete T now":      {Verb: VerbComplete, Topic: "T"},
		"delete T aw== x y z": {Verb: VerbDelete, Topic: "T", Key: "k"},
		"restarted T 2 3":     {Verb: VerbRestarted, Topic: "T", Restart: 2},
	} {
		got, err := ParseMessage([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestNoMessages(t *testing.T) {
	for _, text := range []string{
		"", " ", "hello", "hello ", "request", "request T x", "update T", "update T aw==", "update T aw== e30= x", "update T a e30=",
		"update T aw== !", "delete T", "delete T =", "restarted T", "restarted T x", "restarted T -1", "restarted T 9223372036854775808",
		"reboot T", "update T " + strings.Repeat("a", MaxMessage),
	} {
		if got, err := ParseMessage([]byte(text)); !errors.Is(err, ErrMessage) {
			t.Errorf("%.40q: got %+v, %v, want ErrMessage", text, got, err)
		}
	}
	for _, m := range []Message{{Verb: VerbHello}, {Verb: VerbHello, Topic: "a b"}, {Topic: "T"}, {Verb: "x", Topic: "T"}, {Verb: VerbRestarted, Topic: "T", Restart: 1 << 63}} {
		if got, err := m.Append(nil); !errors.Is(err, ErrMessage) {
			t.Errorf("%+v: got %q, %v, want ErrMessage", m, got, err)
		}
	}
}

// The limit is the original's to the byte.
func TestMessageSize(t *testing.T) {
	header := len("update T aw== ")
	most := base64.StdEncoding.DecodedLen(MaxMessage - 1 - header)
	m := Message{Verb: VerbUpdate, Topic: "T", Key: "k", Value: make([]byte, most)}
	text, err := m.Append(nil)
	if err != nil || len(text) >= MaxMessage {
		t.Fatalf("%d bytes: %d, %v", most, len(text), err)
	}
	if _, err := ParseMessage(text); err != nil {
		t.Error(err)
	}
	m.Value = make([]byte, most+3)
	if _, err := m.Append(nil); !errors.Is(err, ErrTooLarge) || strings.Contains(err.Error(), "\x00") {
		t.Errorf("%d bytes: %v, want ErrTooLarge", most+3, err)
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range []string{"request T", "hello T true", "update T aw== e30=", "delete T aw==", "complete T", "restarted T 1", "update T a\nw== e30="} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMessage(text)
		if err != nil {
			if !errors.Is(err, ErrMessage) {
				t.Fatal(err)
			}
			return
		}
		written, err := m.Append(nil)
		if errors.Is(err, ErrTooLarge) && len(text) > MaxMessage-100 {
			return
		}
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		back, err := ParseMessage(written)
		if err != nil {
			t.Fatalf("%q: %v", written, err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatalf("read, written and read (-want +got):\n%s", diff)
		}
	})
}
