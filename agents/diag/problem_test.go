package diag_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/types"
)

func TestOneCauseIsToldOnce(t *testing.T) {
	cause := types.Problem{What: "404 Not Found", Where: `content tree "image", https://x/y`, When: noon.Add(-time.Minute)}
	later := cause
	later.When = noon
	m := model()
	m.AppStatus["a"] = types.AppInstanceStatus{DisplayName: "reader", State: types.StateError, Problem: later}
	m.AppStatus["b"] = types.AppInstanceStatus{DisplayName: "writer", State: types.StateError, Problem: later}
	m.VolumeStatus["v"] = types.VolumeStatus{DisplayName: "root", Problem: cause}
	m.ContentStatus["c"] = types.ContentTreeStatus{DisplayName: "image", Problem: cause}
	m.Downloads["c"] = types.DownloaderStatus{Request: request("image"), State: types.DownloadFailed, Problem: cause}
	// The same words about another place, and without one, are other causes.
	m.ContentStatus["d"] = types.ContentTreeStatus{DisplayName: "other", Problem: types.Problem{What: "404 Not Found", Where: `content tree "other"`}}
	m.VolumeStatus["w"] = types.VolumeStatus{DisplayName: "w", Problem: types.Problem{What: "full"}}
	m.VolumeStatus["x"] = types.VolumeStatus{DisplayName: "x", Problem: types.Problem{What: "full"}}
	// What its status repeats of a configuration's error is told once.
	m.Apps["e"] = types.AppInstanceConfig{DisplayName: "e", Error: "odd"}
	m.AppStatus["e"] = types.AppInstanceStatus{DisplayName: "e", Problem: types.Problem{What: "odd", Where: `configuration of application "e"`}}
	m.Apps["f"] = types.AppInstanceConfig{DisplayName: "f", Error: "odd"}
	m.AppStatus["f"] = types.AppInstanceStatus{DisplayName: "f", Problem: types.Problem{What: "it ended", Where: `application "f"`}}
	doc := m.Document()
	want := []diag.ProblemDoc{
		{What: "odd", Where: `configuration of application "e"`, Concerns: []string{"application e"}},
		{What: "it ended", Where: `application "f"`, Concerns: []string{"application f"}},
		{What: "odd", Concerns: []string{"application f"}},
		{What: cause.What, Where: cause.Where, Since: cause.When,
			Concerns: []string{"application reader", "application writer", "volume root", "content tree image", "download image"}},
		{What: "full", Concerns: []string{"volume w"}},
		{What: "full", Concerns: []string{"volume x"}},
		{What: "404 Not Found", Where: `content tree "other"`, Concerns: []string{"content tree other"}},
	}
	if diff := cmp.Diff(want, doc.Problems); diff != "" {
		t.Error(diff)
	}
	errors := []string{
		`application e: configuration of application "e": odd`,
		"application f: it ended",
		"application f: odd",
		`application reader, application writer, volume root, content tree image, download image: content tree "image", https://x/y: 404 Not Found`,
		"volume w: full",
		"volume x: full",
		"content tree other: 404 Not Found",
	}
	if diff := cmp.Diff(errors, doc.Errors); diff != "" {
		t.Error(diff)
	}
	row(t, doc.Render(diag.Look{}), `  content tree "image", https://x/y: 404 Not Found, since 11:59:00; concerns application reader, application writer, volume root`)
	row(t, doc.Render(diag.Look{}), `  content tree "other": 404 Not Found`)
	row(t, doc.Render(diag.Look{}), "Errors (7)")
}

func TestLongErrorsAreWrapped(t *testing.T) {
	m := model()
	m.VolumeStatus["v"] = types.VolumeStatus{DisplayName: "v", Problem: types.Problem{What: "one two three four five six seven eight nine ten"}}
	m.VolumeStatus["w"] = types.VolumeStatus{DisplayName: "w", Problem: types.Problem{What: strings.Repeat("x", 300)}}
	want := []string{
		"Errors (2)",
		"  volume v: one two three four",
		"    five six seven eight nine",
		"    ten",
		"  volume w: " + strings.Repeat("x", 18),
		"    " + strings.Repeat("x", 26),
		"    " + strings.Repeat("x", 26),
		"    " + strings.Repeat("x", 25) + "…",
		"",
	}
	lines := m.Document().Render(diag.Look{Width: 30})
	for len(lines) > 0 && lines[0] != want[0] {
		lines = lines[1:]
	}
	if diff := cmp.Diff(want, lines[:min(len(want), len(lines))]); diff != "" {
		t.Error(diff)
	}
	low := m.Document().Render(diag.Look{Width: 30, Height: 20})
	row(t, low, "  volume v: one two three fou…")
}

func TestCredentialsInURLsAreNotShown(t *testing.T) {
	for text, want := range map[string]string{
		"https://who:hunter2@host/path":                  "https://***@host/path",
		"https://hunter2@host":                           "https://***@host",
		"get https://who:hun/ter2@host/path: refused":    "get https://***@host/path: refused",
		"https://host:8080/a@b":                          "https://host:8080/a@b",
		"https://host/images@2/x":                        "https://host/images@2/x",
		"https://host/x?sig=hunter2&y=hunter2 (again)":   "https://host/x?*** (again)",
		`Get "https://host/x?sig=hunter2": EOF`:          `Get "https://host/x?***": EOF`,
		"images/x.qcow2?token=hunter2":                   "images/x.qcow2?***",
		"ftp://a:hunter2@one and docker://b:hunter2@two": "ftp://***@one and docker://***@two",
		"what? that = this":                              "what? that = this",
		"a@b.example, c:d@e":                             "a@b.example, c:d@e",
		"https://who:hunter2@host?x=1@2":                 "https://***@host?***",
		"https://":                                       "https://",
	} {
		m := model()
		problem := types.Problem{What: "what: " + text, Where: "where: " + text, When: noon}
		m.AppStatus["a"] = types.AppInstanceStatus{Problem: problem}
		m.VolumeStatus["a"] = types.VolumeStatus{Problem: problem}
		m.ContentTrees["a"] = types.ContentTreeConfig{RelativeURL: text, Error: text, DatastoreIDs: []string{"a"}}
		m.ContentStatus["a"] = types.ContentTreeStatus{Problem: problem}
		m.Datastores["a"] = types.DatastoreConfig{FQDN: text, Error: text}
		download := types.DownloaderStatus{URL: text, State: types.DownloadFailed, Problem: problem, Request: types.DownloaderConfig{RelativeURL: text}}
		m.Downloads["a"] = download
		m.ConfigItems["a"] = types.ConfigItem{Value: text}
		m.ZedAgent[types.StatusKey] = types.ZedAgentStatus{Error: text, Warnings: []string{text}, PublishErrors: []string{text}, FileState: "invalid"}
		m.Networks["a"] = types.NetworkXObjectConfig{Error: text}
		m.Offline = text
		m.Survey.Error, m.Survey.Left = text, 1
		doc := m.Document()
		if got := doc.Downloads[0].URL; got != want {
			t.Errorf("%q is shown as %q", text, got)
		}
		shown := jsonOf(t, doc) + strings.Join(doc.Render(diag.Look{}), "\n")
		for _, op := range []diag.Op{diag.OpCreate, diag.OpModify, diag.OpDelete} {
			shown += diag.Line(noon, op, "t", "k", download, types.DownloaderStatus{})
			shown += diag.Line(noon, op, "t", "k", m.ConfigItems["a"], types.ConfigItem{})
			shown += diag.Line(noon, op, "t", "k", types.ConfigItem{}, m.ConfigItems["a"])
			shown += diag.Line(noon, op, "t", "k", m.AppStatus["a"], types.AppInstanceStatus{})
		}
		if strings.Contains(shown, "hunter2") {
			t.Errorf("of %q a credential is shown:\n%s", text, shown)
		}
	}
}
