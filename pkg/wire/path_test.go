package wire_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/wire"
)

func TestTokenIsOneToOne(t *testing.T) {
	for _, tc := range []struct{ text, token string }{
		{"a", "a"},
		{"AZaz09-_", "AZaz09-_"},
		{"a.b", "a%2Eb"},
		{"a b", "a%20b"},
		{"%", "%25"},
		{"%2E", "%252E"},
		{"*", "%2A"},
		{">", "%3E"},
		{"$mark", "%24mark"},
		{"a@b", "a%40b"},
		{"a/b:c", "a%2Fb%3Ac"},
		{"a+b", "a%2Bb"},
		{"tab\tnl\nnul\x00", "tab%09nl%0Anul%00"},
		{"\x7f", "%7F"},
		{"grün", "grün"},
		{"鍵", "鍵"},
		{"😀.", "😀%2E"},
		{"\uFFFD", "\uFFFD"},
	} {
		if got := wire.EncodeToken(tc.text); got != tc.token {
			t.Errorf("EncodeToken(%q) = %q, want %q", tc.text, got, tc.token)
		}
		got, err := wire.DecodeToken(tc.token)
		if err != nil || got != tc.text {
			t.Errorf("DecodeToken(%q) = %q, %v, want %q", tc.token, got, err, tc.text)
		}
	}
}

func TestTokenRefusesWhatIsNotCanonical(t *testing.T) {
	for name, token := range map[string]string{
		"empty":                     "",
		"lower case escape":         "a%2eb",
		"escape of a letter":        "%61",
		"escape of a digit":         "%30",
		"escape of a dash":          "%2D",
		"escape of a high byte":     "%C3%BC",
		"escape ends early":         "a%2",
		"escape ends at once":       "a%",
		"escape of no hex":          "a%G0",
		"dot":                       "a.b",
		"space":                     "a b",
		"wildcard":                  "*",
		"rest":                      ">",
		"mark":                      wire.MarkToken,
		"at":                        "a@b",
		"new line":                  "a\nb",
		"null":                      "a\x00b",
		"not UTF-8":                 "a\xffb",
		"half a rune":               "a\xc3",
		"surrogate":                 "\xed\xa0\x80",
		"overlong":                  "\xc0\xaf",
		"plus for a space":          "a+b",
		"escaped and not UTF-8":     "%2E\xff",
		"percent within an escape":  "%%25",
		"lower and upper in one":    "%2Eb%2f",
		"second digit not in upper": "%2a",
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := wire.DecodeToken(token); !errors.Is(err, wire.ErrInvalidPath) {
				t.Errorf("DecodeToken(%q) = %q, %v, want ErrInvalidPath", token, text, err)
			}
		})
	}
}

func TestPathAndTable(t *testing.T) {
	for _, tc := range []struct {
		path wire.Path
		text string
	}{
		{wire.Path{wire.Table{Agent: "a", Topic: "T"}, "k"}, "a.T.k"},
		{wire.Path{wire.Table{Agent: "a", Topic: "T", Scope: "s"}, "k"}, "a.T@s.k"},
		{wire.Path{wire.Table{Agent: "a.b", Topic: "T@U", Scope: "s@."}, ".k."}, "a%2Eb.T%40U@s%40%2E.%2Ek%2E"},
		{wire.Path{wire.Table{Agent: "ä", Topic: "ö", Scope: "ü"}, "ß"}, "ä.ö@ü.ß"},
		{wire.Path{wire.Table{Agent: "a", Topic: "T"}, "$mark"}, "a.T.%24mark"},
	} {
		if got := tc.path.String(); got != tc.text {
			t.Errorf("String() = %q, want %q", got, tc.text)
		}
		if err := tc.path.Validate(); err != nil {
			t.Errorf("%s: %v", tc.text, err)
		}
		path, err := wire.ParsePath(tc.text)
		if err != nil {
			t.Errorf("ParsePath(%q): %v", tc.text, err)
		}
		if diff := cmp.Diff(tc.path, path); diff != "" {
			t.Errorf("ParsePath(%q) (-want +got):\n%s", tc.text, diff)
		}
		name, key, ok := wire.SplitPath(tc.text)
		table, err := wire.ParseTable(name)
		if err != nil || !ok || table != tc.path.Table {
			t.Errorf("ParseTable(%q) = %v, %v", name, table, err)
		}
		if text, err := wire.DecodeToken(key); err != nil || text != tc.path.Key {
			t.Errorf("key of %q = %q, %v", tc.text, text, err)
		}
	}
}

func TestPathRefuses(t *testing.T) {
	for _, text := range []string{
		"", ".", "..", "a", "a.b", "a..k", ".b.k", "a.b.", "a.b.k.", "a.b.c.d", "a.@.k", "a.@s.k", "a.T@.k",
		"a.T@s@u.k", "a@s.T.k", "a.T.k@s", "a.*.k", "*.T.k", "a.T.>", "a.T.$mark", "a.T.k\n", "a.T. k", "a.T.%6B",
	} {
		if path, err := wire.ParsePath(text); !errors.Is(err, wire.ErrInvalidPath) {
			t.Errorf("ParsePath(%q) = %v, %v, want ErrInvalidPath", text, path, err)
		}
	}
	for _, text := range []string{"", ".", "a", "a.", ".T", "a.T.", "a.T.k", "a.T@", "a.@s", "a.T@s@u", "a@s.T", "*.T", "a.*", "a.>", ">"} {
		if table, err := wire.ParseTable(text); !errors.Is(err, wire.ErrInvalidPath) {
			t.Errorf("ParseTable(%q) = %v, %v, want ErrInvalidPath", text, table, err)
		}
	}
}

func TestLimits(t *testing.T) {
	name := strings.Repeat("n", wire.MaxName)
	wide := strings.Repeat("ä", wire.MaxName/2) // two bytes each, nothing to encode
	dots := strings.Repeat(".", wire.MaxName)   // three bytes each when encoded
	for _, tc := range []struct {
		what string
		path wire.Path
		ok   bool
	}{
		{"longest names", wire.Path{wire.Table{name, name, name}, name}, true},
		{"longest names of wide runes", wire.Path{wire.Table{wide, wide, wide}, wide}, true},
		{"key of a byte", wire.Path{wire.Table{"a", "T", ""}, "k"}, true},
		{"key too long", wire.Path{wire.Table{"a", "T", ""}, name + "n"}, false},
		{"agent too long", wire.Path{wire.Table{name + "n", "T", ""}, "k"}, false},
		{"topic too long", wire.Path{wire.Table{"a", name + "n", ""}, "k"}, false},
		{"scope too long", wire.Path{wire.Table{"a", "T", name + "n"}, "k"}, false},
		{"key empty", wire.Path{wire.Table{"a", "T", ""}, ""}, false},
		{"agent empty", wire.Path{wire.Table{"", "T", ""}, "k"}, false},
		{"topic empty", wire.Path{wire.Table{"a", "", "s"}, "k"}, false},
		{"a key of dots", wire.Path{wire.Table{"a", "T", ""}, dots}, true},
		{"too long only when encoded", wire.Path{wire.Table{dots, "T", ""}, dots}, false},
		{"not UTF-8", wire.Path{wire.Table{"a", "T", ""}, "\xff"}, false},
		{"agent not UTF-8", wire.Path{wire.Table{"\xc3", "T", ""}, "k"}, false},
	} {
		t.Run(tc.what, func(t *testing.T) {
			err := tc.path.Validate()
			if tc.ok != (err == nil) || err != nil && !errors.Is(err, wire.ErrInvalidPath) {
				t.Errorf("Validate: %v, want ok %t", err, tc.ok)
			}
			_, err = wire.ParsePath(tc.path.String())
			if tc.ok != (err == nil) || err != nil && !errors.Is(err, wire.ErrInvalidPath) {
				t.Errorf("ParsePath: %v, want ok %t", err, tc.ok)
			}
		})
	}
	exact := wire.Path{wire.Table{"a", strings.Repeat(".", 255), ""}, strings.Repeat(".", 85)}
	exact.Key += strings.Repeat("k", wire.MaxPath-len(exact.String()))
	if n := len(exact.String()); n != wire.MaxPath {
		t.Fatalf("the path has %d bytes, want %d", n, wire.MaxPath)
	}
	if err := exact.Validate(); err != nil {
		t.Errorf("a path of exactly %d bytes: %v", wire.MaxPath, err)
	}
	exact.Key += "k"
	if err := exact.Validate(); !errors.Is(err, wire.ErrInvalidPath) {
		t.Errorf("a path of %d bytes: %v, want ErrInvalidPath", wire.MaxPath+1, err)
	}
}

func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", "a", "%", "%2E", "%2e", "a.b", "grün", "\xff", "%25%32", "$mark", "%C3%BC", "\xed\xa0\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if text, err := wire.DecodeToken(s); err == nil {
			if again := wire.EncodeToken(text); again != s {
				t.Errorf("%q decodes to %q, which encodes to %q", s, text, again)
			}
		} else if !errors.Is(err, wire.ErrInvalidPath) {
			t.Errorf("DecodeToken(%q): %v", s, err)
		}
		token := wire.EncodeToken(s)
		if strings.ContainsAny(token, ".*> \t\r\n$@") {
			t.Errorf("EncodeToken(%q) = %q", s, token)
		}
		text, err := wire.DecodeToken(token)
		if want := s != "" && utf8.ValidString(s); want != (err == nil) || want && text != s {
			t.Errorf("%q encodes to %q, which decodes to %q, %v", s, token, text, err)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"", "a.T.k", "a.T@s.k", "a.T", "a..k", "a.T@.k", "a.T@@.k", "a.%2E.k", "*.>", "a.T@s@t.k", "ä.ö@ü.ß"} {
		f.Add(seed, "a", "T", "", "k")
	}
	f.Add("", "a.b", "T@U", "s@.", ".k.")
	f.Fuzz(func(t *testing.T, s, agent, topic, scope, key string) {
		if path, err := wire.ParsePath(s); err == nil {
			if path.String() != s || path.Validate() != nil {
				t.Errorf("%q parses to %#v, which is %q, %v", s, path, path.String(), path.Validate())
			}
		} else if !errors.Is(err, wire.ErrInvalidPath) {
			t.Errorf("ParsePath(%q): %v", s, err)
		}
		if table, err := wire.ParseTable(s); err == nil && (table.String() != s || table.Validate() != nil) {
			t.Errorf("%q parses to %#v, which is %q, %v", s, table, table.String(), table.Validate())
		}
		path := wire.Path{Table: wire.Table{Agent: agent, Topic: topic, Scope: scope}, Key: key}
		again, err := wire.ParsePath(path.String())
		switch valid := path.Validate(); {
		case valid == nil && (err != nil || again != path):
			t.Errorf("%#v is %q, which parses to %#v, %v", path, path.String(), again, err)
		case valid != nil && err == nil && again == path:
			t.Errorf("%#v is not valid (%v) but its text parses to it", path, valid)
		}
	})
}
