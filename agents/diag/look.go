package diag

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Look is how a document is laid out as text.
type Look struct {
	// Width is the number of columns; 0: unlimited.
	Width int
	// Height is the number of lines that there is room for; 0: unlimited. Where
	// it is not enough, long sections are shortened.
	Height int
	// Colour says that colours are shown.
	Colour bool
	// Live says that time goes on: how long something has been so is told
	// instead of since when.
	Live bool
	// ASCII says that nothing but ASCII may be written.
	ASCII bool
}

const (
	// minItems is how much of a section is shown however low the picture is.
	minItems = 3
	// lowHeight is the height below which no line is wasted.
	lowHeight = 30
)

// low reports whether there is little room.
func (l Look) low() bool { return l.Height > 0 && l.Height < lowHeight }

// section is a titled part of the picture.
type section struct {
	title  string
	note   string   // stands behind the title
	header []string // what stands above the items
	items  []item
}

// item is one thing in a section.
type item struct {
	lines []string // one or more
	style style    // how much it is worth a look
}

// first returns the n items that are most worth a look, in their order.
func (s section) first(n int) []item {
	if n == len(s.items) {
		return s.items
	}
	places := make([]int, len(s.items))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(s.items[b].style, s.items[a].style) })
	places = places[:n]
	slices.Sort(places)
	items := make([]item, n)
	for i, place := range places {
		items[i] = s.items[place]
	}
	return items
}

// shown is how many items are shown when at most most may be; 0: all may. One
// that would be missing alone is shown too.
func (s section) shown(most int) int {
	if most > 0 && len(s.items) > most+1 {
		return most
	}
	return len(s.items)
}

// lines returns the section with the items that are shown.
func (s section) lines(look Look, most int) []string {
	n := s.shown(most)
	title := fmt.Sprintf("%s (%d)", s.title, len(s.items))
	if n < len(s.items) {
		title = fmt.Sprintf("%s (%d of %d)", s.title, n, len(s.items))
	}
	out := append([]string{look.paint(together(", ", title, s.note), bold)}, s.header...)
	if !look.low() {
		out = append([]string{""}, out...)
	}
	for _, i := range s.first(n) {
		out = append(out, i.lines...)
	}
	return out
}

// most returns how many items of each section fit on the screen below the
// head; 0: all.
func (l Look) most(head int, sections []section) int {
	longest := 0
	for _, s := range sections {
		longest = max(longest, len(s.items))
	}
	if l.Height <= 0 || longest == 0 {
		return 0
	}
	tooMany := sort.Search(longest, func(i int) bool {
		sum := head
		for _, s := range sections {
			sum += len(s.lines(l, i+1))
		}
		return sum > l.Height
	})
	return max(tooMany, minItems, l.Height/8)
}

// picture puts head and sections together.
func (l Look) picture(head []string, sections []section) []string {
	lines := head
	most := l.most(len(head), sections)
	for _, s := range sections {
		lines = append(lines, s.lines(l, most)...)
	}
	if l.ASCII {
		for i, line := range lines {
			lines[i] = ascii(line)
		}
	}
	return lines
}

// paint makes a text fit for the terminal, cuts it to the width and gives it
// its style.
func (l Look) paint(text string, s style) string {
	text = visible(text)
	if l.Width > 0 {
		text = cut(text, l.Width)
	}
	return paint(text, s, l.Colour)
}

// wrapped breaks a text into at most most lines; those after the first are
// indented further. What is longer is cut.
func (l Look) wrapped(text string, most int, s style) []string {
	const indent, further = "  ", "    "
	rest := []rune(visible(text))
	if l.Width <= 0 {
		return []string{paint(indent+string(rest), s, l.Colour)}
	}
	var out []string
	for len(rest) > 0 && len(out) < most {
		before := indent
		if len(out) > 0 {
			before = further
		}
		room := max(l.Width-len(before), 1)
		if len(rest) <= room || len(out) == most-1 {
			out = append(out, paint(cut(before+string(rest), max(l.Width, 1)), s, l.Colour))
			break
		}
		line := string(rest[:room])
		if i := strings.LastIndexByte(line, ' '); i > room/2 && rest[room] != ' ' {
			line = line[:i]
		}
		out = append(out, paint(cut(before+line, max(l.Width, 1)), s, l.Colour))
		rest = []rune(strings.TrimLeft(string(rest[len([]rune(line)):]), " "))
	}
	return out
}
