package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar shows on a terminal how much of something is done. On anything else it shows
// nothing.
type bar struct {
	out   io.Writer // nil: nowhere
	what  string
	width int
	done  int64
	shown time.Time
}

const (
	barEvery = 100 * time.Millisecond
	barWidth = 30
)

// newBar makes one on standard error, where it is in nobody's way.
func (p *program) newBar(what string) *bar {
	b := &bar{what: what}
	if on := screenOf(p.stderr, true); on.terminal {
		b.out, b.width = p.stderr, on.width
	}
	return b
}

// add tells that n bytes more are done, of about so many.
func (b *bar) add(n, of int64) {
	b.done += n
	if b.out == nil || time.Since(b.shown) < barEvery {
		return
	}
	b.shown = time.Now()
	full := barWidth
	if of > 0 {
		full = int(min(barWidth, b.done*barWidth/of))
	}
	line := fmt.Sprintf("[%s%s] %s %s", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), size(b.done), b.what)
	fmt.Fprintf(b.out, "\r%s\x1b[K", cut(line, max(8, b.width-1))) //nolint:errcheck // it is only to look at
}

// end clears the line.
func (b *bar) end() {
	if b.out != nil && !b.shown.IsZero() {
		io.WriteString(b.out, "\r\x1b[K") //nolint:errcheck // likewise
	}
}
