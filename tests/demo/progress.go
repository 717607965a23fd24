package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
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
// on a terminal, a line for each step of it elsewhere.
type progress struct {
	out      *os.File
	terminal bool
	shown    string
	last     standing
}

func newProgress(out *os.File) *progress {
	return &progress{out: out, terminal: out != nil && term.IsTerminal(int(out.Fd()))}
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
	if s.running != p.last.running || s.wanted != p.last.wanted || s.loaded != p.last.loaded || s.trees != p.last.trees {
		fmt.Fprintln(p.out, text)
		p.last = s
	}
}

// clear makes place for the step's own line.
func (p *progress) clear() {
	if p.shown != "" {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = ""
	}
}
