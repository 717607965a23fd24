package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	// width is that of a terminal, in characters.
	width = 80
	// lineEvery is the least time between two lines of progress where there is no
	// terminal: a step that takes no longer needs none.
	lineEvery = 2 * time.Second
)

// barWidth is the width of the bar that shows how much of all downloads is there.
const barWidth = 24

// standing is how far the device has come, for people who wait.
type standing struct {
	running, wanted int   // applications
	loaded, trees   int   // content trees
	bytes, total    int64 // of the downloads that run
}

// progress shows how far the device has come below the step that runs: in place
// on a terminal; elsewhere with a line now and then, when a step takes long.
type progress struct {
	out      *os.File
	terminal bool
	shown    string
	last     standing
	told     time.Time // when a line was written, or a step ended
}

func newProgress(out *os.File) *progress {
	return &progress{out: out, terminal: out != nil && term.IsTerminal(int(out.Fd())), told: time.Now()}
}

func (p *progress) show(s standing) {
	if p.out == nil || s.wanted == 0 && s.trees == 0 {
		return
	}
	text := fmt.Sprintf("    applications %d of %d, content %d of %d", s.running, s.wanted, s.loaded, s.trees)
	if p.terminal {
		if s.total > 0 {
			full := int(s.bytes * barWidth / s.total)
			text += fmt.Sprintf("  [%s%s] %3d %%", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), s.bytes*100/s.total)
		}
		if text != p.shown {
			fmt.Fprintf(p.out, "\r\x1b[K%s", text)
			p.shown = text
		}
		return
	}
	standing := standing{running: s.running, wanted: s.wanted, loaded: s.loaded, trees: s.trees}
	if standing != p.last && time.Since(p.told) >= lineEvery {
		fmt.Fprintln(p.out, text)
		p.last, p.told = standing, time.Now()
	}
}

// clear makes place for the step's own line.
func (p *progress) clear() {
	p.told = time.Now()
	if p.shown != "" {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = ""
	}
}

// wrapped breaks a text between words, so that no line is wider than a terminal
// but for words that are; lines after the first begin with indent.
func wrapped(text, indent string) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > width && used > len(indent):
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
