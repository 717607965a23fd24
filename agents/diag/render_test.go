package diag_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/types"
)

var update = flag.Bool("update", false, "write the expected texts anew")

// golden compares got with the file of that name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestPicture(t *testing.T) {
	doc := device(t).Document()
	golden(t, "wide.txt", strings.Join(doc.Render(0, false), "\n")+"\n")
	golden(t, "narrow.txt", strings.Join(doc.Render(60, false), "\n")+"\n")
	golden(t, "empty.txt", strings.Join(diag.NewModel().Document().Render(80, false), "\n")+"\n")
}

func TestDocumentAsJSON(t *testing.T) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(device(t).Document()); err != nil {
		t.Fatal(err)
	}
	golden(t, "document.json", out.String())
	if strings.Contains(out.String(), ": null") {
		t.Error("a list is null")
	}
}

var styles = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	doc := device(t).Document()
	for width := 1; width < 200; width++ {
		plain := doc.Render(width, false)
		for _, line := range plain {
			if n := utf8.RuneCountInString(line); n > max(width, 3) {
				t.Fatalf("at width %d a line has %d columns: %q", width, n, line)
			}
		}
		coloured := doc.Render(width, true)
		for i := range coloured {
			coloured[i] = styles.ReplaceAllString(coloured[i], "")
		}
		if diff := cmp.Diff(plain, coloured); diff != "" {
			t.Fatalf("colours change the text at width %d: %s", width, diff)
		}
	}
}

func TestTextFromOutsideCanNotSteerTheTerminal(t *testing.T) {
	m := diag.NewModel()
	evil := "x\x1b[2J\r\n\x07\u202e\u009b1mend"
	m.Apps["a"] = types.AppInstanceConfig{DisplayName: evil, Error: evil}
	m.Ports[evil] = types.NetworkPortConfig{}
	m.ConfigItems[evil] = types.ConfigItem{Value: evil}
	m.ZedAgent[types.StatusKey] = types.ZedAgentStatus{DeviceName: evil, FileState: types.ConfigFileState(evil)}
	lines := m.Document().Render(0, false)
	lines = append(lines,
		diag.Line(time.Time{}, diag.OpCreate, "t", evil, m.Apps["a"], nil),
		diag.Line(time.Time{}, diag.OpModify, "t", evil, m.Apps["a"], types.AppInstanceConfig{}),
		diag.Line(time.Time{}, diag.OpDelete, "t", evil, nil, m.Apps["a"]))
	for _, line := range lines {
		if strings.ContainsAny(line, "\x1b\r\n\x07\u202e\u009b") {
			t.Errorf("%q", line)
		}
	}
}

func TestCredentialsAreNotShown(t *testing.T) {
	const word = "hunter2"
	m := diag.NewModel()
	ds := types.DatastoreConfig{FQDN: "x", Password: word, APIKey: word, CipherData: types.CipherBlock{CipherContextID: word}}
	app := types.AppInstanceConfig{UserData: word, CipherData: types.CipherBlock{CipherContextID: word}}
	net := types.NetworkXObjectConfig{Wireless: types.WirelessConfig{Wifi: []types.WifiConfig{{Identity: word}}}}
	m.Datastores["d"], m.Apps["a"], m.Networks["n"] = ds, app, net
	m.LastGood[types.StatusKey] = types.LastGoodConfig{Config: word}
	data, err := json.Marshal(m.Document())
	if err != nil {
		t.Fatal(err)
	}
	text := string(data) + strings.Join(m.Document().Render(0, false), "\n")
	for _, op := range []diag.Op{diag.OpCreate, diag.OpModify, diag.OpDelete} {
		text += diag.Line(time.Time{}, op, "t", "d", ds, types.DatastoreConfig{})
		text += diag.Line(time.Time{}, op, "t", "a", app, types.AppInstanceConfig{})
		text += diag.Line(time.Time{}, op, "t", "n", types.NetworkXObjectConfig{}, net)
		text += diag.Line(time.Time{}, op, "t", "g", m.LastGood[types.StatusKey], types.LastGoodConfig{})
	}
	if strings.Contains(text, word) {
		t.Error("a credential is shown")
	}
	if !strings.Contains(text, "Password changed") || !strings.Contains(text, "UserData changed") {
		t.Error("the change of a credential is not told")
	}
}

func TestLines(t *testing.T) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 123e6, time.UTC)
	app := types.AppInstanceConfig{UUID: "u", DisplayName: "reader", Activate: true}
	off := app
	off.Activate, off.RestartCounter = false, 2
	for _, test := range []struct {
		op       diag.Op
		now, old any
		want     string
	}{
		{diag.OpCreate, app, nil, "07:08:09.123 + zedagent.AppInstanceConfig u (reader)"},
		{diag.OpModify, off, app, "07:08:09.123 ~ zedagent.AppInstanceConfig u Activate true → false, RestartCounter 0 → 2"},
		{diag.OpDelete, nil, off, "07:08:09.123 - zedagent.AppInstanceConfig u (reader)"},
	} {
		if got := diag.Line(at, test.op, "zedagent.AppInstanceConfig", "u", test.now, test.old); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}
