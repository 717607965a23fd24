package diag

import (
	"strings"
	"unicode/utf8"
)

// minColumn is the narrowest that a column gets before the last one is left
// out, unless its header is longer, and minFirst is that of the first two, which
// say what it is and how it is. gap is the space between two columns.
const (
	minColumn = 10
	minFirst  = 18
	gap       = 2
)

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

// table is a titled list of rows. Columns stand in the order of their
// importance: on a narrow terminal the last ones go first.
type table struct {
	title  string
	note   string // stands behind the title
	header []string
	rows   [][]cell
}

// add adds a row. One whose last cell is bad shows that in its first one too,
// because the last is the first to go.
func (t *table) add(row ...cell) {
	if row[len(row)-1].style == bad && row[0].style == plain {
		row[0].style = bad
	}
	t.rows = append(t.rows, row)
}

// section lays the table out.
func (t table) section(look Look) section {
	s := section{title: t.title, note: t.note}
	widths := t.widths(look.Width)
	header := make([]cell, len(t.header))
	for i, h := range t.header {
		header[i] = cell{h, faint}
	}
	s.header = []string{layOut(header, widths, look.Colour)}
	for _, row := range t.rows {
		worth := max(row[0].style, row[min(1, len(row)-1)].style, row[len(row)-1].style)
		s.items = append(s.items, item{[]string{layOut(row, widths, look.Colour)}, worth})
	}
	return s
}

// widths returns the widths of the columns that are shown.
func (t table) widths(width int) []int {
	widths, least := make([]int, len(t.header)), make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = utf8.RuneCountInString(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(visible(row[i].text)))
		}
		least[i] = min(widths[i], max(minColumn, len(h)))
		if i < 2 {
			least[i] = min(widths[i], minFirst)
		}
	}
	if width <= 0 {
		return widths
	}
	n := len(widths)
	for n > 1 && total(least[:n]) > width {
		n--
	}
	squeeze(widths[:n], least, width)
	return widths[:n]
}

// squeeze makes columns fit into a width. The widest ones give way first, none
// below its least width, but for a single one.
func squeeze(widths, least []int, width int) {
	if len(widths) == 1 {
		widths[0] = min(widths[0], max(width-gap, 1))
		return
	}
	for total(widths) > width {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		next := least[widest] // how far it may give way before another is wider
		for i, w := range widths {
			if i != widest && w <= widths[widest] && w > least[i] {
				next = max(next, w)
			}
		}
		give := max(min(widths[widest]-next, total(widths)-width), 1)
		widths[widest] -= give
	}
}

// total is the width of a row with its indentation and its gaps.
func total(widths []int) int {
	sum := 0
	for _, w := range widths {
		sum += gap + w
	}
	return sum
}

func layOut(row []cell, widths []int, colour bool) string {
	line := ""
	for i, w := range widths {
		text := cut(visible(row[i].text), w)
		if i < len(widths)-1 {
			line += pad("", gap) + paint(text, row[i].style, colour) + pad("", w-utf8.RuneCountInString(text))
		} else {
			line = strings.TrimRight(line+pad("", gap)+paint(text, row[i].style, colour), " ")
		}
	}
	return line
}
