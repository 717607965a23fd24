package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is what stdout is.
type screen struct {
	terminal bool
	colored  bool
	width    int // columns; 0: not limited
}

func screenOf(out io.Writer, noColor bool) screen {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return screen{}
	}
	s := screen{terminal: true, width: 80}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		s.width = width
	}
	s.colored = !noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// isTerminal reports whether a person can be asked on in.
func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Colours, as the numbers of ECMA-48's SGR.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	faint  = "2"
)

func (s screen) paint(color, text string) string {
	if !s.colored || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// fit cuts a line to the screen's width, less what stands before it.
func (s screen) fit(text string, before int) string {
	if s.width == 0 {
		return text
	}
	return cut(text, max(8, s.width-before))
}

// cut shortens text to at most width runes.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}

// cutMiddle does so in the middle, since names that begin alike differ at their
// ends.
func cutMiddle(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// printable makes text that came from elsewhere harmless to a terminal: control
// characters but line ends are shown, not obeyed.
func printable(text string) string {
	unsafe := func(r rune) bool { return unicode.IsControl(r) && r != '\n' || r == utf8.RuneError }
	if strings.IndexFunc(text, unsafe) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unsafe(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// indented sets lines under a first one.
func indented(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n"
}
