package contentserver

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Fault is what goes wrong with a name. Its zero value: nothing does.
type Fault struct {
	// Corrupt makes the byte in the middle differ, and the ETag with it.
	Corrupt bool
	// Status answers with this HTTP status and no content; 0: it does not.
	Status int
	// BreakAfter closes the connection after so many bytes of each answer; 0: it
	// stays.
	BreakAfter int64
	// StallAfter sends nothing more after so many bytes of each answer, until
	// the client leaves; 0: all is sent.
	StallAfter int64
	// NoRanges answers requests for a part with the whole.
	NoRanges bool
	// WeakETag makes the ETag a weak one, with which nothing can be resumed.
	WeakETag bool
}

// Faults is a set of faults by name. Changes take effect with the next request.
// Its zero value is ready to use; its methods are safe for concurrent use.
type Faults struct {
	mu     sync.Mutex // guards byName
	byName map[string]Fault
}

// Set sets what goes wrong with a name; the zero value: nothing does any more.
func (f *Faults) Set(name string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byName == nil {
		f.byName = map[string]Fault{}
	}
	f.byName[name] = fault
}

// Of returns what goes wrong with a name.
func (f *Faults) Of(name string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byName[name]
}

// ReadList returns the names in a file, one a line. A file that is not there
// has none.
func ReadList(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of names: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		names = append(names, strings.TrimRight(line, "\r\n"))
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" }), nil
}
