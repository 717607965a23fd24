package diag

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// minColumn is the narrowest that a column gets before the last one is left
// out; gap is the space between two.
const (
	minColumn = 6
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
	header []string
	rows   [][]cell
}

// lines lays the table out for a terminal of the given width; 0: unlimited.
func (t table) lines(width int, colour bool) []string {
	out := []string{paint(fit(t.title, width), bold, colour)}
	widths := t.widths(width)
	header := make([]cell, len(t.header))
	for i, h := range t.header {
		header[i] = cell{h, faint}
	}
	for _, row := range append([][]cell{header}, t.rows...) {
		out = append(out, layOut(row, widths, colour))
	}
	return out
}

func fit(text string, width int) string {
	if width <= 0 {
		return text
	}
	return cut(text, width)
}

// widths returns the widths of the columns that are shown. The widest ones
// give way first.
func (t table) widths(width int) []int {
	widths := make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = utf8.RuneCountInString(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(visible(row[i].text)))
		}
	}
	if width <= 0 {
		return widths
	}
	for total(widths) > width && len(widths) > 1 {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] > minColumn {
			widths[widest]--
			continue
		}
		widths = widths[:len(widths)-1]
	}
	if len(widths) == 1 {
		widths[0] = min(widths[0], max(width-gap, 1))
	}
	return widths
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
