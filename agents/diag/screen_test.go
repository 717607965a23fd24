package diag_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
)

// terminal understands the few sequences that a Screen uses.
type terminal struct {
	t              *testing.T
	width, height  int
	lines          []string // what was scrolled away included
	column         int      // cursor's; behind a full line it stays on the last
	row, top       int      // cursor's line; first line on the screen
	hidden, noWrap bool
}

func (s *terminal) Write(data []byte) (int, error) {
	rest := string(data)
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "\x1b["):
			end := strings.IndexAny(rest, "ABCDHJKhlm")
			s.control(rest[2:end], rest[end])
			rest = rest[end+1:]
		case rest[0] == '\r':
			s.column = 0
			rest = rest[1:]
		case rest[0] == '\n':
			s.row++
			s.grow()
			rest = rest[1:]
		default:
			end := strings.IndexAny(rest, "\x1b\r\n")
			s.print([]rune(rest[:end]))
			rest = rest[end:]
		}
	}
	return len(data), nil
}

// print writes over what is there.
func (s *terminal) print(text []rune) {
	line := []rune(s.lines[s.row])
	line = append(line[:s.column:s.column], append(text, line[min(s.column+len(text), len(line)):]...)...)
	s.lines[s.row] = string(line)
	s.column = min(s.column+len(text), s.width-1)
}

func (s *terminal) grow() {
	for s.row >= len(s.lines) {
		s.lines = append(s.lines, "")
	}
	s.top = max(s.top, s.row-s.height+1)
}

func (s *terminal) control(args string, final byte) {
	switch args + string(final) {
	case "?25l", "?25h":
		s.hidden = final == 'l'
	case "?7l", "?7h":
		s.noWrap = final == 'l'
	case "K":
		line := []rune(s.lines[s.row])
		s.lines[s.row] = string(line[:min(s.column, len(line))])
	case "J":
		for i := s.row; i < len(s.lines); i++ {
			s.lines[i] = ""
		}
	default:
		n, err := strconv.Atoi(args)
		if err != nil || final != 'A' {
			s.t.Errorf("unexpected sequence %q%c", args, final)
		}
		s.row = max(s.row-n, s.top)
	}
}

func (s *terminal) picture() []string {
	end := len(s.lines)
	for end > 0 && s.lines[end-1] == "" {
		end--
	}
	return append([]string{}, s.lines[:end]...)
}

func TestScreenRedrawsInPlace(t *testing.T) {
	term := &terminal{t: t, width: len("line 10 is full"), height: 6, lines: []string{"$ diag"}}
	term.row = 1
	term.grow()
	screen := diag.NewScreen(term)
	draw := func(want []string, lines ...string) {
		t.Helper()
		if err := screen.Draw(lines, term.height); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]string{"$ diag"}, want...), term.picture()); diff != "" {
			t.Error(diff)
		}
	}
	draw([]string{"one", "two"}, "one", "two")
	if !term.hidden || !term.noWrap {
		t.Error("the cursor stays visible, or long lines wrap")
	}
	draw([]string{"line 10 is full"}, "line 10 is full")
	draw([]string{"1"}, "1")
	draw([]string{"a", "b", "c"}, "a", "b", "c")
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprint("line ", i))
	}
	draw([]string{"line 0", "line 1", "line 2", "line 3", "… 16 more lines"}, many...)
	draw([]string{"line 0", "line 1", "line 2", "line 3", "… 16 more lines"}, many...)
	draw([]string{"end"}, "end")
	for range 2 {
		if err := screen.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if term.hidden || term.noWrap {
		t.Error("the terminal is not given back as it was")
	}
	if diff := cmp.Diff([]string{"$ diag", "end"}, term.picture()); diff != "" {
		t.Error(diff)
	}
}
