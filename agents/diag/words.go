package diag

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// words says a state in people's words.
func words(s types.SwState) cell {
	switch s {
	case "":
		return cell{"unknown", faint}
	case types.StateInitial:
		return cell{"waiting", busy}
	case types.StateDownloading:
		return cell{"downloading", busy}
	case types.StateVerifying:
		return cell{"verifying", busy}
	case types.StateLoaded:
		return cell{"loaded", good}
	case types.StateCreatingVolume:
		return cell{"creating volume", busy}
	case types.StateCreatedVolume:
		return cell{"ready", good}
	case types.StateAwaitingNetwork:
		return cell{"waiting for network", busy}
	case types.StateStartDelayed:
		return cell{"start delayed", busy}
	case types.StateBooting:
		return cell{"starting", busy}
	case types.StateRunning:
		return cell{"running", good}
	case types.StateRestarting:
		return cell{"restarting", busy}
	case types.StateHalting:
		return cell{"halting", busy}
	case types.StateHalted:
		return cell{"halted", faint}
	case types.StateError:
		return cell{"error", bad}
	}
	return cell{string(s), busy}
}

// stateOf says the state of something that content is fetched for.
func stateOf(s types.SwState, d ProgressDoc, configured bool) cell {
	c := words(s)
	if s == types.StateDownloading && d.TotalBytes > 0 {
		c.text += " " + percentText(d)
	}
	if !configured {
		c.text += ", removed"
	}
	return c
}

// size writes a number of bytes in its largest unit of 1024.
func size(n int64) cell {
	if n <= 0 {
		return cell{"-", faint}
	}
	f, unit := inUnit(n)
	return text(strconv.FormatFloat(f, 'g', 4, 64) + " " + unit)
}

// inUnit returns a number of bytes in its largest unit of 1024.
func inUnit(n int64) (f float64, unit string) {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return f, units[i]
}

// bytesText writes a number of bytes with one decimal, so that it keeps its
// width while it grows.
func bytesText(n int64) string {
	f, unit := inUnit(max(n, 0))
	if unit == "B" {
		return strconv.FormatInt(max(n, 0), 10) + " B"
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// clamped makes a number that is too large for an int64 the largest.
func clamped(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// count writes a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// span writes a time in its largest unit; a negative one, after a clock was
// set, is none.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// wait writes a time that is still to pass, rounded up.
func wait(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return span(min(d, math.MaxInt64-time.Second) + time.Second - 1)
}

// in says when something comes; empty when that is over or not known.
func (d Document) in(at time.Time) string {
	if w := wait(at.Sub(d.At)); !at.IsZero() && w != "" {
		return " in " + w
	}
	return ""
}

// since says since when something has been so: live for how long, else the
// time of day in UTC, with the date when that is another.
func (d Document) since(at time.Time, live bool) string {
	if at.IsZero() {
		return ""
	}
	if live {
		return "for " + span(d.At.Sub(at))
	}
	at = at.UTC()
	if at.Format(time.DateOnly) == d.At.UTC().Format(time.DateOnly) {
		return "since " + at.Format(time.TimeOnly)
	}
	return "since " + at.Format(time.DateTime)
}

// together joins the parts that are not empty.
func together(separator string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
