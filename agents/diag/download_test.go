package diag_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestBars(t *testing.T) {
	status := func(state types.DownloadState, current, total int64) types.DownloaderStatus {
		return types.DownloaderStatus{Request: request("x"), State: state, CurrentBytes: current, TotalBytes: total}
	}
	for _, test := range []struct {
		status types.DownloaderStatus
		full   int
		part   string
		ascii  string
		tail   string
	}{
		{status(types.DownloadRunning, 0, 100), 0, "", "", "  0 %  0 of 100 B"},
		{status(types.DownloadRunning, 1, 10_000), 0, "", "", "  0 %  0.0 of 9.8 KiB"},
		{status(types.DownloadRunning, 54, 100), 16, "▏", " ", " 54 %  54 of 100 B"},
		{status(types.DownloadRunning, 57, 100), 17, "", "", " 57 %  57 of 100 B"},
		{status(types.DownloadRunning, 9_999, 10_000), 29, "▉", "-", " 99 %  9.8 of 9.8 KiB"},
		{status(types.DownloadRunning, math.MaxInt64/2, math.MaxInt64), 14, "▉", "-", " 49 %  4.0 of 8.0 EiB"},
		{status(types.DownloadRunning, 200, 100), 30, "", "", "100 %  200 of 100 B"},
		{status(types.DownloadRunning, 200, 0), 0, "", "", "    -  200 B"},
		{status(types.DownloadQueued, 0, 0), 0, "", "", "    -  queued"},
		{status(types.DownloadQueued, 25, 100), 7, "▌", "-", " 25 %  queued, 25 of 100 B"},
		{status(types.DownloadFailed, 30, 100), 9, "", "", " 30 %  failed"},
		{status(types.DownloadComplete, 30, 0), 30, "", "", "100 %  complete, 30 B"},
		{status("newer", 0, 0), 0, "", "", "    -  newer"},
	} {
		m := model()
		m.Downloads["x"] = test.status
		for _, ascii := range []bool{false, true} {
			bar := strings.Repeat("█", test.full) + test.part
			if ascii {
				bar = strings.Repeat("#", test.full) + test.ascii
			}
			want := "  x  [" + bar + strings.Repeat(" ", 30-utf8.RuneCountInString(bar)) + "] " + test.tail
			if got := row(t, m.Document().Render(diag.Look{ASCII: ascii}), "  x  "); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		}
	}
}

func TestFailedDownloadsSayWhenTheyAreTriedAgain(t *testing.T) {
	m := model()
	m.Downloads["x"] = types.DownloaderStatus{Request: request("x"), State: types.DownloadFailed, Failures: 2, RetryAt: noon.Add(12 * time.Second),
		Problem: types.Problem{What: "404 Not Found", Where: `content tree "x"`}}
	for after, want := range map[time.Duration]string{
		0:                "failed, again in 12 s, 2 times in a row: content tree",
		11 * time.Second: "failed, again in 1 s, 2 times in a row: content tree",
		12 * time.Second: "failed, 2 times in a row: content tree",
		-time.Hour:       "failed, again in 1 h, 2 times in a row: content tree",
	} {
		m.Now = func() time.Time { return noon.Add(after) }
		row(t, m.Document().Render(diag.Look{}), want)
	}
}

func TestSpeed(t *testing.T) {
	type add struct {
		after time.Duration
		bytes int64
	}
	for name, test := range map[string]struct {
		adds []add
		now  time.Duration
		want int64
	}{
		"nothing":               {nil, 0, 0},
		"one status":            {[]add{{0, 100}}, time.Second, 0},
		"two":                   {[]add{{0, 100}, {time.Second, 300}}, time.Second, 200},
		"it stands":             {[]add{{0, 100}, {time.Second, 300}}, 4 * time.Second, 50},
		"it stands for long":    {[]add{{0, 100}, {time.Second, 300}}, 7 * time.Second, 0},
		"only what is recent":   {[]add{{0, 0}, {time.Second, 1e6}, {10 * time.Second, 1e6}, {11 * time.Second, 1e6 + 10}}, 11 * time.Second, 10},
		"it began anew":         {[]add{{0, 1000}, {time.Second, 10}, {2 * time.Second, 30}}, 2 * time.Second, 20},
		"the clock went back":   {[]add{{time.Hour, 10}, {0, 20}, {time.Second, 40}}, time.Second, 20},
		"asked before it began": {[]add{{0, 10}, {time.Second, 20}}, -time.Second, 0},
		"the same instant":      {[]add{{0, 10}, {0, 20}}, 0, 0},
		"huge":                  {[]add{{0, 0}, {1, math.MaxInt64}}, 1, math.MaxInt64 / 2},
		"from below nothing":    {[]add{{0, math.MinInt64}, {time.Second, math.MaxInt64}}, time.Second, math.MaxInt64 / 2},
	} {
		var s diag.Speed
		for _, a := range test.adds {
			s.Add(noon.Add(a.after), a.bytes)
		}
		got := s.PerSecond(noon.Add(test.now))
		if math.Abs(float64(got)-float64(test.want)) > 1e-9*float64(test.want) {
			t.Errorf("%s: %d bytes a second, want %d", name, got, test.want)
		}
	}
	// A status each millisecond is more than is kept.
	var s diag.Speed
	for i := range int64(10_000) {
		s.Add(noon.Add(time.Duration(i)*time.Millisecond), i)
	}
	if got := s.PerSecond(noon.Add(9999 * time.Millisecond)); got != 1000 {
		t.Errorf("%d bytes a second", got)
	}
}

func TestAThousandDownloads(t *testing.T) {
	m := model()
	for i := range 1000 {
		state := types.DownloadComplete
		switch i {
		case 500:
			state = types.DownloadRunning
		case 600, 601:
			state = types.DownloadFailed
		case 700:
			state = types.DownloadQueued
		}
		m.Downloads[fmt.Sprint(i)] = types.DownloaderStatus{Request: request(fmt.Sprintf("image %04d", i)), State: state, TotalBytes: 100, CurrentBytes: int64(i % 100)}
	}
	m.AppStatus["a"] = types.AppInstanceStatus{DisplayName: "app"}
	m.Led[types.StatusKey] = types.LedStatus{Blinks: 1}
	doc := m.Document()
	if !slices.IsSortedFunc(doc.Downloads, func(a, b diag.DownloadDoc) int { return strings.Compare(a.Name, b.Name) }) || len(doc.Downloads) != 1000 {
		t.Error("the document's list is not complete and sorted")
	}
	if n := len(doc.Render(diag.Look{Width: 80})); n < 1000 {
		t.Errorf("only %d lines are shown where there is room for all", n)
	}
	for _, height := range []int{23, 49} {
		lines := doc.Render(diag.Look{Width: 80, Height: height, Live: true})
		if len(lines) > height {
			t.Errorf("%d lines are shown in %d", len(lines), height)
		}
		if height-len(lines) > 1 {
			t.Errorf("%d of %d lines are left empty", height-len(lines), height)
		}
		var order []string
		for _, line := range lines {
			if _, name, ok := strings.Cut(line, "  image "); ok {
				order = append(order, name[:4])
			}
		}
		if diff := cmp.Diff([]string{"0500", "0600", "0601", "0700", "0000"}, order[:5]); diff != "" {
			t.Errorf("what happens is not first: %s", diff)
		}
		row(t, lines, fmt.Sprintf("Downloads (%d of 1000)", len(order)))
		row(t, lines, "downloads 1 running, 1 queued, 2 failed")
	}
}

func TestDownloadsFitEveryWidth(t *testing.T) {
	m := model()
	m.Speeds["a"] = &diag.Speed{}
	m.Speeds["a"].Add(noon.Add(-time.Second), 0)
	m.Speeds["a"].Add(noon, 3*mebi)
	m.Downloads["a"] = types.DownloaderStatus{Request: request(strings.Repeat("long name ", 9)), State: types.DownloadRunning,
		TotalBytes: 9 * mebi, CurrentBytes: 3 * mebi, ResumedBytes: mebi}
	m.Downloads["b"] = types.DownloaderStatus{Request: request("short"), State: types.DownloadFailed,
		Problem: types.Problem{What: strings.Repeat("very bad ", 30)}}
	facts := []string{"3.0 of 9.0 MiB", "3.0 MiB/s", "2 s left", "1.0 MiB resumed"}
	most := 0
	for width := 1; width < 200; width += 1 + width/100 {
		lines := m.Document().Render(diag.Look{Width: width})
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > width {
				t.Fatalf("at width %d a line has %d columns: %q", width, n, line)
			}
		}
		if width < 45 {
			continue
		}
		line := row(t, lines, "33 %")
		shown := 0
		for shown < len(facts) && strings.Contains(line, facts[shown]) {
			shown++
		}
		if _, tail, _ := strings.Cut(line, "]"); strings.Contains(tail, "…") {
			t.Errorf("at width %d a fact is cut: %q", width, line)
		}
		if shown < most || !strings.Contains(line, "[█") {
			t.Errorf("at width %d less is shown: %q", width, line)
		}
		most = max(most, shown)
	}
	if most != len(facts) {
		t.Errorf("at most %d facts are shown", most)
	}
}

// On a low terminal there is no room for what is as it should be.
func TestALowPictureLeavesOutWhatHasNothingToTell(t *testing.T) {
	m := model()
	m.Downloads["a"] = types.DownloaderStatus{State: types.DownloadComplete, TotalBytes: 10, CurrentBytes: 10}
	m.Survey = survey()
	m.Survey.Left, m.Survey.Traces = 0, []wire.TraceAnswer{
		{Table: wire.TableInfo{Table: "nim.NetworkPortStatus"}, Owner: &wire.Owner{Agent: "nim", Connection: 1}},
	}
	shows := func(height int, title string) bool {
		return strings.Contains(strings.Join(m.Document().Render(diag.Look{Width: 80, Height: height}), "\n"), title)
	}
	for _, title := range []string{"Downloads (1)", "Agents (1)"} {
		if shows(23, title) || !shows(40, title) {
			t.Errorf("%s: at 23 lines %t, at 40 lines %t", title, shows(23, title), shows(40, title))
		}
	}
	m.Downloads["a"] = types.DownloaderStatus{State: types.DownloadRunning, TotalBytes: 10, CurrentBytes: 1}
	m.Survey.Traces[0].Owner.Connection = 0
	for _, title := range []string{"Downloads (1)", "Agents (1)"} {
		if !shows(23, title) {
			t.Errorf("%s is not shown although it tells something", title)
		}
	}
}

// A title takes as much room as the one item that it would say is missing.
func TestNoItemIsMissingAlone(t *testing.T) {
	m := model()
	for i, title := range []string{"Ports (1)", "Ports (2)", "Ports (3)", "Ports (4)", "Ports (3 of 5)"} {
		label := fmt.Sprint(i)
		m.Ports[label] = types.NetworkPortConfig{}
		row(t, m.Document().Render(diag.Look{Width: 80, Height: 9}), title)
	}
}
