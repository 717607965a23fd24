package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/evenkv/nkv/pkg/client"
)

// printJSON prints one document. Values go through it as they are: numbers keep
// all their digits.
func printJSON(out io.Writer, document any, indent string) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// document prints the one JSON document of a verb, for people's eyes where a
// person reads it.
func (p *program) document(document any) error {
	if p.screen.terminal {
		return printJSON(p.stdout, document, "  ")
	}
	return printJSON(p.stdout, document, "")
}

// print prints text.
func (p *program) print(text string) error {
	if _, err := io.WriteString(p.stdout, text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// entryJSON is a key with its value, for scripts.
type entryJSON struct {
	Path     string `json:"path"`  // encoded
	Table    string `json:"table"` // encoded
	Key      string `json:"key"`   // text
	Revision uint64 `json:"revision"`
	value
}

// value is a value as it stands in JSON output.
type value struct {
	Value json.RawMessage `json:"value,omitempty"` // as it is stored
	Bytes *[]byte         `json:"bytes,omitempty"` // in base64, instead of a value that is no JSON
}

func newEntryJSON(e client.Entry) entryJSON {
	return entryJSON{Path: e.Path.String(), Table: e.Path.Table.String(), Key: e.Path.Key, Revision: e.Revision, value: valueOf(e.Value)}
}

func valueOf(bytes []byte) value {
	if isJSON(bytes) {
		return value{Value: bytes}
	}
	return value{Bytes: &bytes}
}

func isJSON(value []byte) bool { return utf8.Valid(value) && json.Valid(value) }

// column is one of a listing.
type column struct {
	title string
	right bool // aligned to the right: a number
}

// listing is text in columns.
type listing struct {
	columns []column
	rows    [][]string
}

func (l *listing) add(cells ...string) { l.rows = append(l.rows, cells) }

// What remains of the first column, and of a last one of text, on a narrow screen.
const (
	firstColumn = 16
	lastColumn  = 16
)

// draw returns the listing's lines, the first column cut where the screen is
// narrow.
func (l *listing) draw(s screen) string {
	widths := make([]int, len(l.columns))
	for i, c := range l.columns {
		widths[i] = utf8.RuneCountInString(c.title)
		for _, row := range l.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	if s.width > 0 {
		total := 2 * (len(widths) - 1)
		for i, w := range widths {
			if i == len(widths)-1 && !l.columns[i].right {
				w = min(w, lastColumn) // the rest of it is cut with the line
			}
			total += w
		}
		widths[0] = min(widths[0], max(firstColumn, widths[0]-(total-s.width)))
	}
	var b strings.Builder
	titles := make([]string, len(l.columns))
	for i, c := range l.columns {
		titles[i] = c.title
	}
	b.WriteString(s.paint(bold, s.fit(l.line(titles, widths), 0)) + "\n")
	for _, row := range l.rows {
		b.WriteString(s.fit(l.line(row, widths), 0) + "\n")
	}
	return b.String()
}

func (l *listing) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		cell = cutMiddle(cell, widths[i])
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if l.columns[i].right {
			b.WriteString(space + cell)
		} else {
			b.WriteString(cell + space)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n)/1024, 0
	for f >= 1023.95 && unit < 3 {
		f, unit = f/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGT"[unit])
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
