package diag

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/evenkv/nkv/agents/types"
)

// ProgressDoc is how much of something there is.
type ProgressDoc struct {
	// TotalBytes is its size; 0: not known.
	TotalBytes   int64 `json:"totalBytes"`
	CurrentBytes int64 `json:"currentBytes"`
}

// DownloadDoc is one download.
type DownloadDoc struct {
	ContentID string              `json:"contentId"`
	Name      string              `json:"name"`
	State     types.DownloadState `json:"state"`
	// URL is where it comes from, without credentials.
	URL string `json:"url"`
	ProgressDoc
	// ResumedBytes is how much of it was there before the present try.
	ResumedBytes int64 `json:"resumedBytes"`
	// BytesPerSecond is how fast it is; 0: it stands still, or is not known
	// yet.
	BytesPerSecond int64  `json:"bytesPerSecond"`
	Failures       uint32 `json:"failures"`
	// RetryAt is when it is tried again; left out when it is not to be.
	RetryAt time.Time  `json:"retryAt,omitzero"`
	SHA256  string     `json:"sha256"`
	Problem ProblemDoc `json:"problem"`
}

// DownloadTotalsDoc counts the downloads.
type DownloadTotalsDoc struct {
	Running        int   `json:"running"`
	Queued         int   `json:"queued"`
	Failed         int   `json:"failed"`
	Complete       int   `json:"complete"`
	BytesPerSecond int64 `json:"bytesPerSecond"`
}

func (m *Model) downloadDoc(key string, s types.DownloaderStatus) DownloadDoc {
	return DownloadDoc{
		ContentID: key, Name: cmp.Or(s.Request.DisplayName, m.contentName(key), key), State: s.State, URL: redact(s.URL),
		ProgressDoc:  ProgressDoc{TotalBytes: max(s.TotalBytes, 0), CurrentBytes: max(s.CurrentBytes, 0)},
		ResumedBytes: max(s.ResumedBytes, 0), BytesPerSecond: m.Speeds[key].PerSecond(m.Now()),
		Failures: s.Failures, RetryAt: s.RetryAt, SHA256: s.SHA256, Problem: problemDoc(s.Problem),
	}
}

// progress sums up the downloads of contents. When the size of one is not
// known, that of all is not.
func (m *Model) progress(contents ...string) ProgressDoc {
	var sum ProgressDoc
	unknown := false
	slices.Sort(contents)
	for _, id := range slices.Compact(contents) {
		s, ok := m.Downloads[id]
		if !ok {
			continue
		}
		unknown = unknown || s.TotalBytes <= 0
		sum.TotalBytes = plus(sum.TotalBytes, s.TotalBytes)
		sum.CurrentBytes = plus(sum.CurrentBytes, s.CurrentBytes)
	}
	if unknown {
		sum.TotalBytes = 0
	}
	return sum
}

// plus adds what is not negative, up to the largest number.
func plus(a, b int64) int64 {
	b = max(b, 0)
	return a + min(b, math.MaxInt64-a)
}

func downloadTotals(downloads []DownloadDoc) DownloadTotalsDoc {
	var sum DownloadTotalsDoc
	for _, d := range downloads {
		switch d.State {
		case types.DownloadRunning:
			sum.Running++
			sum.BytesPerSecond = plus(sum.BytesPerSecond, d.BytesPerSecond)
		case types.DownloadFailed:
			sum.Failed++
		case types.DownloadComplete:
			sum.Complete++
		default:
			sum.Queued++
		}
	}
	return sum
}

// headline sums up the downloads that are not complete.
func (t DownloadTotalsDoc) headline() cell {
	var parts []string
	style := busy
	if t.Running > 0 {
		part := fmt.Sprintf("%d running", t.Running)
		if t.BytesPerSecond > 0 {
			part += " at " + bytesText(t.BytesPerSecond) + "/s"
		}
		parts = append(parts, part)
	}
	if t.Queued > 0 {
		parts = append(parts, fmt.Sprintf("%d queued", t.Queued))
	}
	if t.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", t.Failed))
		style = bad
	}
	if len(parts) == 0 {
		return cell{}
	}
	return cell{"downloads " + strings.Join(parts, ", "), style}
}

// percent is how much of it there is, 0 to 100; 0 when its size is not known.
func (p ProgressDoc) percent() int {
	if p.TotalBytes <= 0 {
		return 0
	}
	return int(p.of(100))
}

// of returns how many of so many parts are there, rounded down.
func (p ProgressDoc) of(parts int64) int64 {
	hi, lo := bits.Mul64(uint64(max(min(p.CurrentBytes, p.TotalBytes), 0)), uint64(parts))
	n, _ := bits.Div64(hi, lo, uint64(p.TotalBytes))
	return int64(n)
}

func percentText(p ProgressDoc) string { return fmt.Sprintf("%d %%", p.percent()) }

// rank orders downloads by how much they are worth a look.
func (w DownloadDoc) rank() int {
	switch w.State {
	case types.DownloadRunning:
		return 0
	case types.DownloadFailed:
		return 1
	case types.DownloadComplete:
		return 3
	}
	return 2
}

func (w DownloadDoc) style() style {
	switch w.State {
	case types.DownloadRunning:
		return busy
	case types.DownloadFailed:
		return bad
	case types.DownloadComplete:
		return good
	}
	return faint
}

// amount says how much of it there is, in the unit of its size.
func (w DownloadDoc) amount() string {
	if w.TotalBytes <= 0 {
		return bytesText(w.CurrentBytes)
	}
	total, unit := inUnit(w.TotalBytes)
	if unit == "B" {
		return fmt.Sprintf("%d of %d B", w.CurrentBytes, w.TotalBytes)
	}
	return fmt.Sprintf("%.1f of %.1f %s", float64(w.CurrentBytes)*total/float64(w.TotalBytes), total, unit)
}

// left says how long it will still take; empty when that is not known.
func (w DownloadDoc) left() string {
	if w.BytesPerSecond <= 0 || w.TotalBytes <= w.CurrentBytes {
		return ""
	}
	seconds := float64(w.TotalBytes-w.CurrentBytes) / float64(w.BytesPerSecond)
	d := time.Duration(min(seconds*float64(time.Second), math.MaxInt64/2))
	return wait(d) + " left"
}

// facts are what stands after the bar of a download under way.
func (w DownloadDoc) facts() []string {
	facts := []string{w.amount(), "", w.left(), ""}
	if w.BytesPerSecond > 0 {
		facts[1] = bytesText(w.BytesPerSecond) + "/s"
	}
	if w.ResumedBytes > 0 {
		facts[3] = bytesText(w.ResumedBytes) + " resumed"
	}
	return facts
}

// note is what stands after the bar of any other.
func (d Document) note(w DownloadDoc) string {
	switch w.State {
	case types.DownloadComplete:
		return "complete, " + bytesText(max(w.TotalBytes, w.CurrentBytes))
	case types.DownloadFailed:
		note := "failed"
		if in := d.in(w.RetryAt); in != "" {
			note += ", again" + in
		}
		if w.Failures > 1 {
			note += fmt.Sprintf(", %d times in a row", w.Failures)
		}
		return together(": ", note, w.Problem.text())
	case types.DownloadQueued:
		if w.CurrentBytes > 0 {
			return "queued, " + w.amount()
		}
	}
	return cmp.Or(string(w.State), "unknown")
}

// Widths of the parts of a download's line: name, bar, and what stands behind
// it. Besides these are indentation, gaps, brackets and the percentage.
const (
	maxName = 32
	minBar  = 8
	maxBar  = 30
	minTail = 12
	besides = 14
)

func (d Document) downloadSection(look Look) section {
	s := section{title: "Downloads"}
	ranked := slices.Clone(d.Downloads)
	slices.SortStableFunc(ranked, func(a, b DownloadDoc) int { return cmp.Compare(a.rank(), b.rank()) })
	name := 0
	for _, w := range ranked {
		name = max(name, utf8.RuneCountInString(visible(w.Name)))
	}
	name, bar, room := min(name, maxName), maxBar, math.MaxInt
	if look.Width > 0 {
		name = min(name, max(look.Width/4, 8))
		room = look.Width - name - besides - minBar
	}
	facts, longest := factsWithin(ranked, room)
	for _, w := range ranked {
		if w.State != types.DownloadRunning {
			longest = max(longest, min(utf8.RuneCountInString(d.note(w)), look.Width/3))
		}
	}
	if look.Width > 0 {
		bar = max(min(maxBar, look.Width-name-besides-longest), minBar)
		if room < minTail {
			bar = 0
		}
	}
	for i, w := range ranked {
		tail := facts[i]
		if w.State != types.DownloadRunning {
			tail = visible(d.note(w))
		}
		s.items = append(s.items, item{lines: []string{w.line(look, name, bar, tail)}})
	}
	return s
}

// factsWithin puts the facts of the downloads under way below each other, as
// many of them as fit, and says how wide they are.
func factsWithin(downloads []DownloadDoc, room int) (lines []string, width int) {
	var widths [4]int
	for _, w := range downloads {
		if w.State == types.DownloadRunning {
			for i, fact := range w.facts() {
				widths[i] = max(widths[i], len(fact))
			}
		}
	}
	shown := 0
	for shown < len(widths) && width+widths[shown] <= room {
		if widths[shown] > 0 {
			width += gap + widths[shown]
		}
		shown++
	}
	width = max(width-gap, 0)
	lines = make([]string, len(downloads))
	for i, w := range downloads {
		if w.State != types.DownloadRunning {
			continue
		}
		for j, fact := range w.facts()[:shown] {
			if widths[j] > 0 {
				lines[i] += padLeft(fact, widths[j]) + "  "
			}
		}
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines, width
}

// line is one download: its name, its bar of so many columns, and a tail.
func (w DownloadDoc) line(look Look, name, columns int, tail string) string {
	parts := []cell{{text: "  " + pad(cut(visible(w.Name), name), name)}}
	percent := "    -"
	if w.TotalBytes > 0 || w.State == types.DownloadComplete {
		percent = padLeft(percentText(w.shown()), 5)
	}
	if columns > 0 {
		parts = append(parts, cell{text: "  ["}, cell{bar(w.shown(), columns), w.style()}, cell{text: "]"})
	}
	parts = append(parts, cell{text: " " + percent + "  "}, cell{tail, w.style()})
	line, used := "", 0
	for _, p := range parts {
		if look.Width > 0 {
			p.text = cut(p.text, max(look.Width-used, 0))
		}
		used += utf8.RuneCountInString(p.text)
		line += paint(p.text, p.style, look.Colour)
	}
	return strings.TrimRight(line, " ")
}

// shown is what the bar shows: a complete download is full, whatever its size.
func (w DownloadDoc) shown() ProgressDoc {
	if w.State == types.DownloadComplete {
		return ProgressDoc{1, 1}
	}
	return w.ProgressDoc
}

// bar draws a progress bar of so many columns, in eighths of one.
func bar(p ProgressDoc, columns int) string {
	if p.TotalBytes <= 0 {
		return strings.Repeat(" ", columns)
	}
	eighths := int(p.of(int64(columns) * 8))
	b := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		b += string([]rune(" ▏▎▍▌▋▊▉")[part])
	}
	return pad(b, columns)
}
