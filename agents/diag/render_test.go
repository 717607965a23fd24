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
	"github.com/evenkv/nkv/pkg/wire"
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
	for name, look := range map[string]diag.Look{
		"wide.txt": {}, "narrow.txt": {Width: 60}, "live.txt": {Width: 80, Height: 60, Live: true},
		"low.txt": {Width: 80, Height: 23, Live: true}, "ascii.txt": {Width: 160, ASCII: true}, "colour.txt": {Width: 120, Colour: true},
	} {
		golden(t, name, strings.Join(doc.Render(look), "\n")+"\n")
	}
	golden(t, "empty.txt", strings.Join(diag.NewModel().Document().Render(diag.Look{Width: 80}), "\n")+"\n")
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
	for width := 1; width < 200; width += 1 + width/30 {
		plain := doc.Render(diag.Look{Width: width})
		for _, line := range plain {
			if n := utf8.RuneCountInString(line); n > max(width, 3) {
				t.Fatalf("at width %d a line has %d columns: %q", width, n, line)
			}
		}
		coloured := doc.Render(diag.Look{Width: width, Colour: true})
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
	problem := types.Problem{What: evil, Where: evil}
	m.AppStatus[evil] = types.AppInstanceStatus{DisplayName: evil, State: types.SwState(evil), Problem: problem, PID: 1,
		Volumes: []types.AppVolumeStatus{{DisplayName: evil, State: types.SwState(evil)}}, Networks: []types.AppNetworkStatus{{DisplayName: evil, Ready: true, Uplinks: []string{evil}}}}
	m.VolumeStatus[evil] = types.VolumeStatus{DisplayName: evil, State: types.SwState(evil), Problem: problem}
	m.ContentStatus[evil] = types.ContentTreeStatus{DisplayName: evil, State: types.SwState(evil), Problem: problem}
	for _, state := range []types.DownloadState{types.DownloadRunning, types.DownloadFailed, types.DownloadState(evil)} {
		m.Downloads[string(state)] = types.DownloaderStatus{Request: request(evil), State: state, Problem: problem}
	}
	m.Led[types.StatusKey] = types.LedStatus{Blinks: 1, Meaning: evil, File: evil, Error: evil}
	m.Tables = []diag.TableState{{Table: evil, Owner: evil}}
	m.Survey = diag.Survey{Left: 1, Error: evil, Traces: []wire.TraceAnswer{{Owner: &wire.Owner{Agent: evil}, Listeners: []wire.Listener{
		{Agent: evil, Subject: evil, Differs: true, State: &wire.SubscriptionState{Pattern: evil, Pending: 1}}}}}}
	m.ZedAgent[types.StatusKey] = types.ZedAgentStatus{DeviceName: evil, FileState: types.ConfigFileState(evil)}
	var lines []string
	for _, look := range []diag.Look{{}, {Width: 70}, {Width: 100, Live: true}} {
		lines = append(lines, m.Document().Render(look)...)
	}
	lines = append(lines,
		diag.Line(time.Time{}, diag.OpModify, "t", evil, m.Downloads[evil], types.DownloaderStatus{}),
		diag.Line(time.Time{}, diag.OpModify, "t", evil, m.Downloads[string(types.DownloadRunning)], types.DownloaderStatus{}),
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
	text := string(data) + strings.Join(m.Document().Render(diag.Look{}), "\n")
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

// jsonOf returns the JSON of a document.
func jsonOf(t *testing.T, doc diag.Document) string {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestUTF8IsWhatTheLocaleSays(t *testing.T) {
	for _, test := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false}, {"", "", "C", false}, {"", "", "en_US.UTF-8", true}, {"", "", "de_DE.utf8", true},
		{"C", "", "en_US.UTF-8", false}, {"C.UTF-8", "", "C", true}, {"", "POSIX", "en_US.UTF-8", false}, {"", "", "de_DE.ISO-8859-1", false},
	} {
		env := map[string]string{"LC_ALL": test.all, "LC_CTYPE": test.ctype, "LANG": test.lang}
		if got := diag.UTF8(func(name string) string { return env[name] }); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestASCIIIsASCII(t *testing.T) {
	m := device(t)
	m.Apps["z"] = types.AppInstanceConfig{DisplayName: "Förderband…→·█"}
	for _, width := range []int{0, 40, 80} {
		utf, ascii := m.Document().Render(diag.Look{Width: width}), m.Document().Render(diag.Look{Width: width, ASCII: true})
		for i, line := range ascii {
			if strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
				t.Errorf("%q", line)
			}
			if utf8.RuneCountInString(line) != utf8.RuneCountInString(utf[i]) {
				t.Errorf("%q\n%q", line, utf[i])
			}
		}
	}
}
