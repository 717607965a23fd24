package diag

import (
	"fmt"
	"io"
	"strings"
)

// Control sequences of ECMA-48 and of the DEC VT terminals.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[K" // from the cursor on, its column included
	clearBelow = "\x1b[J" // from the cursor to the end of the screen
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
)

// Screen draws a picture of several lines on a terminal, each over the one
// before. It belongs to one goroutine.
type Screen struct {
	out   io.Writer
	drawn int // lines of the picture on the screen
	begun bool
}

// NewScreen returns a screen that draws on out from where its cursor is.
func NewScreen(out io.Writer) *Screen { return &Screen{out: out} }

// Draw replaces the picture. When it has more lines than height, the last line
// says how many are missing; height 0: unlimited. All is written at once, so
// that nobody sees half a picture.
func (s *Screen) Draw(lines []string, height int) error {
	if height > 0 && len(lines) > height-1 {
		shown := max(height-2, 0)
		lines = append(lines[:shown:shown], fmt.Sprintf("… %d more lines", len(lines)-shown))
	}
	var b strings.Builder
	if !s.begun {
		b.WriteString(hideCursor + wrapOff)
		s.begun = true
	}
	if up := s.drawn; up > 0 {
		if height > 0 {
			up = min(up, height-1) // the rest was scrolled away when the terminal shrank
		}
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	b.WriteString("\r")
	for _, line := range lines {
		b.WriteString(clearLine + line + "\r\n") // not behind it: that would take the last column of a full line
	}
	b.WriteString(clearBelow)
	s.drawn = len(lines)
	_, err := io.WriteString(s.out, b.String())
	return err
}

// Close leaves the last picture on the terminal and gives the cursor back. It
// may be called again.
func (s *Screen) Close() error {
	if !s.begun {
		return nil
	}
	s.begun = false
	_, err := io.WriteString(s.out, wrapOn+showCursor)
	return err
}
