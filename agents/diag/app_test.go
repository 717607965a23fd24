package diag_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/types"
)

// model returns an empty model whose time is noon.
func model() *diag.Model {
	m := diag.NewModel()
	m.Now = func() time.Time { return noon }
	return m
}

// row returns the line of a picture that has a text.
func row(t *testing.T, lines []string, part string) string {
	t.Helper()
	for _, line := range lines {
		if strings.Contains(line, part) {
			return line
		}
	}
	t.Fatalf("%q is not shown in\n%s", part, strings.Join(lines, "\n"))
	return ""
}

func TestStatesInWords(t *testing.T) {
	for state, want := range map[types.SwState]string{
		"":                         "unknown",
		types.StateInitial:         "waiting",
		types.StateDownloading:     "downloading 43 %",
		types.StateVerifying:       "verifying",
		types.StateLoaded:          "loaded",
		types.StateCreatingVolume:  "creating volume",
		types.StateCreatedVolume:   "ready",
		types.StateAwaitingNetwork: "waiting for network",
		types.StateStartDelayed:    "start delayed",
		types.StateBooting:         "starting",
		types.StateRunning:         "running",
		types.StateRestarting:      "restarting in 3 s",
		types.StateHalting:         "halting",
		types.StateHalted:          "halted",
		types.StateError:           "error, again in 3 s",
		"A_NEWER_ONE":              "A_NEWER_ONE",
	} {
		m := model()
		m.Apps["a"] = types.AppInstanceConfig{DisplayName: "app"}
		m.AppStatus["a"] = types.AppInstanceStatus{State: state, Volumes: []types.AppVolumeStatus{{VolumeID: "v"}, {VolumeID: "w"}}}
		m.Volumes["v"], m.Volumes["w"] = types.VolumeConfig{ContentID: "c"}, types.VolumeConfig{ContentID: "c"}
		m.Downloads["c"] = types.DownloaderStatus{TotalBytes: 1000, CurrentBytes: 439}
		m.Domains["a"] = types.DomainStatus{RestartAt: noon.Add(2001 * time.Millisecond)}
		line := row(t, m.Document().Render(diag.Look{}), "  app ")
		if got := strings.TrimSpace(line[len("  app "):]); !strings.HasPrefix(got, want+"  ") {
			t.Errorf("%s is shown as %q", state, got)
		}
	}
}

func TestAppsOfWhichNotAllIsKnown(t *testing.T) {
	m := model()
	m.Apps["configured"] = types.AppInstanceConfig{DisplayName: "configured", Activate: true}
	m.AppStatus["status"] = types.AppInstanceStatus{DisplayName: "status", State: types.StateHalting, PID: 3}
	m.Domains["domain"] = types.DomainStatus{DisplayName: "domain", State: types.StateRunning, PID: 4}
	m.Apps["both"] = types.AppInstanceConfig{DisplayName: "both"}
	m.Domains["both"] = types.DomainStatus{State: types.StateRunning, PID: 5}
	m.Metrics["metric"] = types.DomainMetric{PID: 6}
	m.AppStatus["nameless"] = types.AppInstanceStatus{}
	doc := m.Document()
	type app struct {
		Name       string
		State      types.SwState
		Configured bool
		Wanted     bool
		PID        int
	}
	var got []app
	for _, a := range doc.Apps {
		got = append(got, app{a.Name, a.State, a.Configured, a.Wanted, a.PID})
	}
	want := []app{
		{"", "", false, false, 0},
		{"both", "", true, false, 5},
		{"configured", "", true, true, 0},
		{"domain", types.StateRunning, false, false, 4},
		{"status", types.StateHalting, false, false, 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	lines := doc.Render(diag.Look{})
	for name, want := range map[string]string{
		"  configured ": "unknown", "  both ": "unknown", "  nameless ": "unknown, removed",
		"  domain ": "running, removed", "  status ": "halting, removed",
	} {
		if line := row(t, lines, name); !strings.Contains(line, want+"  ") {
			t.Errorf("%q is not in %q", want, line)
		}
	}
}

func TestAppHeadline(t *testing.T) {
	app := func(state types.SwState, wanted bool) types.AppInstanceStatus {
		return types.AppInstanceStatus{State: state, Wanted: wanted}
	}
	for _, test := range []struct {
		want string
		apps map[string]types.AppInstanceStatus
	}{
		{"no applications", nil},
		{"applications 1 of 1 wanted run", map[string]types.AppInstanceStatus{"a": app(types.StateRunning, true)}},
		{"applications 0 of 0 wanted run", map[string]types.AppInstanceStatus{"a": app(types.StateHalted, false), "b": app(types.StateRunning, false)}},
		{"applications 3 of 4 wanted run, 1 in error", map[string]types.AppInstanceStatus{"a": app(types.StateRunning, true), "b": app(types.StateRunning, true),
			"c": app(types.StateRunning, true), "d": app(types.StateError, true)}},
		{"applications 0 of 1 wanted run, 1 in error", map[string]types.AppInstanceStatus{"a": app(types.StateError, false), "b": app(types.StateBooting, true)}},
	} {
		m := model()
		m.AppStatus = test.apps
		if got := strings.TrimSpace(row(t, m.Document().Render(diag.Look{}), "applications")); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	m := model()
	m.Apps["a"] = types.AppInstanceConfig{Activate: true}
	row(t, m.Document().Render(diag.Look{}), "  1 application: zedmanager has not published yet")
}

func TestProcessorPercent(t *testing.T) {
	at := func(pid int, cpu uint64, after time.Duration) types.DomainMetric {
		return types.DomainMetric{PID: pid, CPUNanoseconds: cpu, Sampled: noon.Add(after), ResidentBytes: 7}
	}
	percent := func(p float64) *float64 { return &p }
	for name, test := range map[string]struct {
		before, now types.DomainMetric
		pid         int
		want        *float64
		used        uint64
	}{
		"two samples":          {at(1, 5e9, 0), at(1, 6e9, 10*time.Second), 1, percent(10), 6e9},
		"more than one":        {at(1, 0, 0), at(1, 25e8, time.Second), 1, percent(250), 25e8},
		"rounded":              {at(1, 0, 0), at(1, 123456789, time.Second), 1, percent(12.3), 123456789},
		"idle":                 {at(1, 5, 0), at(1, 5, time.Second), 1, percent(0), 5},
		"one sample":           {types.DomainMetric{}, at(1, 6, 0), 1, nil, 6},
		"another process":      {at(1, 5, 0), at(2, 6, time.Second), 2, nil, 6},
		"a dead one's samples": {at(1, 5, 0), at(1, 6, time.Second), 2, nil, 0},
		"no process":           {at(0, 5, 0), at(0, 6, time.Second), 0, nil, 0},
		"the clock went back":  {at(1, 5, 0), at(1, 6, -time.Second), 1, nil, 6},
		"the same instant":     {at(1, 5, 0), at(1, 6, 0), 1, nil, 6},
		"counted down":         {at(1, 7, 0), at(1, 6, time.Second), 1, nil, 6},
		"huge":                 {at(1, 0, 0), at(1, math.MaxUint64, 1), 1, percent(math.Round(float64(uint64(math.MaxUint64))*100*10) / 10), math.MaxUint64},
	} {
		t.Run(name, func(t *testing.T) {
			m := model()
			m.AppStatus["a"] = types.AppInstanceStatus{DisplayName: "app", PID: test.pid, State: types.StateRunning}
			m.EarlierMetrics["a"], m.Metrics["a"] = test.before, test.now
			doc := m.Document()
			if diff := cmp.Diff(test.want, doc.Apps[0].CPUPercent); diff != "" || doc.Apps[0].CPUNanoseconds != test.used {
				t.Errorf("%s, used %d", diff, doc.Apps[0].CPUNanoseconds)
			}
			if _, err := json.Marshal(doc); err != nil {
				t.Error(err)
			}
			doc.Render(diag.Look{})
		})
	}
}

func TestNumbersAndTimesBeyondReason(t *testing.T) {
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -12*3600))
	early := time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 12*3600))
	for _, n := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		for _, at := range []time.Time{{}, early, noon.Add(-time.Hour), noon, noon.Add(time.Hour), far} {
			m := model()
			problem := types.Problem{What: "broken", Where: "x", When: at}
			m.Apps["a"] = types.AppInstanceConfig{FixedResources: types.VMConfig{MemoryKiB: n, VCPUs: uint32(n)}}
			m.AppStatus["a"] = types.AppInstanceStatus{State: types.StateRestarting, PID: int(n), StartedAt: at, Problem: problem}
			m.Domains["a"] = types.DomainStatus{Starts: uint32(n), Failures: uint32(n), RestartAt: at}
			m.EarlierMetrics["a"] = types.DomainMetric{PID: int(n), Sampled: noon}
			m.Metrics["a"] = types.DomainMetric{PID: int(n), CPUNanoseconds: uint64(n), ResidentBytes: uint64(n), Sampled: at}
			m.VolumeStatus["v"] = types.VolumeStatus{SizeBytes: n, State: types.StateDownloading, ContentID: "d", Problem: problem}
			m.ContentStatus["d"] = types.ContentTreeStatus{SizeBytes: n, State: types.StateDownloading, Problem: problem}
			m.Led[types.StatusKey] = types.LedStatus{Blinks: uint32(n)}
			for _, state := range []types.DownloadState{types.DownloadRunning, types.DownloadFailed, types.DownloadQueued, types.DownloadComplete, "", "new"} {
				for i, total := range []int64{n, math.MaxInt64, 1, 0} {
					m.Downloads["d"+string(state)+fmt.Sprint(i)] = types.DownloaderStatus{State: state, TotalBytes: total, CurrentBytes: n, ResumedBytes: n,
						Failures: uint32(n), RetryAt: at, Problem: problem}
				}
			}
			m.Survey.At = at
			doc := m.Document()
			if _, err := json.Marshal(doc); err != nil {
				t.Fatalf("%d, %s: %v", n, at, err)
			}
			for _, w := range doc.Downloads {
				if w.TotalBytes < 0 || w.CurrentBytes < 0 || w.ResumedBytes < 0 || w.BytesPerSecond < 0 {
					t.Errorf("%d, %s: %+v", n, at, w)
				}
			}
			for _, look := range []diag.Look{{}, {Width: 40, Live: true}, {Width: 200, Height: 9, Live: true, Colour: true, ASCII: true}} {
				text := strings.Join(doc.Render(look), "\n")
				if strings.Contains(text, "in -") || strings.Contains(text, "in 0 s") || strings.Contains(text, "for -") || strings.Contains(text, "NaN") || strings.Contains(text, "-9") {
					t.Errorf("%d, %s:\n%s", n, at, text)
				}
			}
		}
	}
}

func TestTimesAreCounted(t *testing.T) {
	m := model()
	m.Apps["a"] = types.AppInstanceConfig{DisplayName: "app"}
	m.AppStatus["a"] = types.AppInstanceStatus{State: types.StateRestarting}
	m.Domains["a"] = types.DomainStatus{RestartAt: noon.Add(3 * time.Second)}
	m.VolumeStatus["v"] = types.VolumeStatus{DisplayName: "vol", State: types.StateError, Problem: types.Problem{What: "full", When: noon}}
	for _, test := range []struct {
		after                time.Duration
		restart, live, plain string
	}{
		{-time.Minute, "restarting in 1 min", "full, for 0 s", "full, since 12:00:00"}, // the clock was set
		{0, "restarting in 3 s", "full, for 0 s", "full, since 12:00:00"},
		{2999 * time.Millisecond, "restarting in 1 s", "full, for 2 s", "full, since 12:00:00"},
		{3 * time.Second, "restarting  ", "full, for 3 s", "full, since 12:00:00"},
		{61 * time.Second, "restarting  ", "full, for 1 min", "full, since 12:00:00"},
		{time.Hour, "restarting  ", "full, for 1 h", "full, since 12:00:00"},
		{12 * time.Hour, "restarting  ", "full, for 12 h", "full, since 2024-05-06 12:00:00"},
		{72 * time.Hour, "restarting  ", "full, for 3 days", "full, since 2024-05-06 12:00:00"},
	} {
		m.Now = func() time.Time { return noon.Add(test.after) }
		doc := m.Document()
		live, once := doc.Render(diag.Look{Live: true}), doc.Render(diag.Look{})
		row(t, live, test.restart)
		row(t, live, "volume vol: "+test.live)
		row(t, once, "volume vol: "+test.plain)
	}
}

func TestOnlyWhatCountsIsDrawnAgain(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(m *diag.Model)
		want bool
	}{
		"nothing": {func(*diag.Model) {}, false},
		"a problem": {func(m *diag.Model) {
			m.VolumeStatus["v"] = types.VolumeStatus{Problem: types.Problem{What: "x", When: noon}}
		}, true},
		"an error without time":  {func(m *diag.Model) { m.Volumes["v"] = types.VolumeConfig{Error: "x"} }, false},
		"a download":             {func(m *diag.Model) { m.Downloads["d"] = types.DownloaderStatus{State: types.DownloadRunning} }, true},
		"one that is complete":   {func(m *diag.Model) { m.Downloads["d"] = types.DownloaderStatus{State: types.DownloadComplete} }, false},
		"another try":            {func(m *diag.Model) { m.Downloads["d"] = types.DownloaderStatus{RetryAt: noon.Add(1)} }, true},
		"one that is due":        {func(m *diag.Model) { m.Downloads["d"] = types.DownloaderStatus{RetryAt: noon} }, false},
		"a restart":              {func(m *diag.Model) { m.Domains["a"] = types.DomainStatus{RestartAt: noon.Add(1)} }, true},
		"a survey":               {func(m *diag.Model) { m.Survey.At = noon.Add(-5 * time.Second) }, false},
		"one that is stale":      {func(m *diag.Model) { m.Survey.At = noon.Add(-6 * time.Second) }, true},
		"an application running": {func(m *diag.Model) { m.AppStatus["a"] = types.AppInstanceStatus{State: types.StateRunning} }, false},
	} {
		m := model()
		test.set(m)
		if got := m.Document().Counts(); got != test.want {
			t.Errorf("%s counts: %v", name, got)
		}
	}
}

func TestTheDocumentSurvivesJSON(t *testing.T) {
	doc := device(t).Document()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var back diag.Document
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&back); err != nil {
		t.Fatal(err)
	}
	for _, look := range []diag.Look{{}, {Width: 100, Live: true}} {
		if diff := cmp.Diff(doc.Render(look), back.Render(look)); diff != "" {
			t.Error(diff)
		}
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(data) {
		t.Errorf("%v: %s", err, cmp.Diff(string(data), string(again)))
	}
	if strings.Contains(string(data), "null") {
		t.Error("a list is null")
	}
}
