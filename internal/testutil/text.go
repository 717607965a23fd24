package testutil

import (
	"strings"
	"sync"
)

// Text is what one writes, a log for instance, and another reads. The zero value is
// empty and ready. Safe for concurrent use.
type Text struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

// Write adds to the text.
func (t *Text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
