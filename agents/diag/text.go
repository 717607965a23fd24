package diag

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// style is how a piece of text looks on a terminal that has colours.
type style int

const (
	plain style = iota
	bold
	faint
	good
	busy
	bad
)

// sequences of ECMA-48 (Select Graphic Rendition).
func (s style) sequence() string {
	switch s {
	case bold:
		return "\x1b[1m"
	case good:
		return "\x1b[32m"
	case busy:
		return "\x1b[33m"
	case bad:
		return "\x1b[31m"
	case faint:
		return "\x1b[2m"
	}
	return ""
}

const styleEnd = "\x1b[0m"

// paint gives text its style.
func paint(text string, s style, colour bool) string {
	if !colour || s == plain || text == "" {
		return text
	}
	return s.sequence() + text + styleEnd
}

// visible makes a text fit for a terminal: what is not printable becomes '·',
// so that a name can't move the cursor or hide its neighbours.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}

// UTF8 reports whether the locale writes UTF-8: whether the first of LC_ALL,
// LC_CTYPE and LANG that is set says so.
func UTF8(getenv func(name string) string) bool {
	locale := cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"))
	locale = strings.ToUpper(strings.ReplaceAll(locale, "-", ""))
	return strings.Contains(locale, "UTF8")
}

// ascii writes a text in ASCII, a character for each.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case r == '█':
			return '#'
		case strings.ContainsRune("▌▋▊▉", r):
			return '-'
		case strings.ContainsRune("▏▎▍", r):
			return ' '
		case r == '…':
			return '~'
		case r == '·':
			return '.'
		case r == '→':
			return '>'
		}
		return '?'
	}, text)
}

// cut shortens a text to width columns, ending it with '…'. A rune counts as
// one column.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width <= 0 {
		return ""
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}

// pad fills a text up to width columns.
func pad(text string, width int) string {
	if missing := width - utf8.RuneCountInString(text); missing > 0 {
		return text + strings.Repeat(" ", missing)
	}
	return text
}

// padLeft fills a text up to width columns, before it.
func padLeft(text string, width int) string {
	if missing := width - utf8.RuneCountInString(text); missing > 0 {
		return strings.Repeat(" ", missing) + text
	}
	return text
}
