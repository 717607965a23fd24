package devconfig

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons for refusing a configuration, to be matched with errors.Is.
var (
	// ErrSyntax: the text is not one complete JSON object. A file that is
	// being written looks like this.
	ErrSyntax = errors.New("not a complete JSON object")
	// ErrType: a field has another JSON type than its protocol buffer type
	// allows.
	ErrType = errors.New("wrong type")
	// ErrKey: an entry has no usable key.
	ErrKey = errors.New("no usable key")
	// ErrDuplicate: two entries have the same key, or an object has the same
	// field twice.
	ErrDuplicate = errors.New("given twice")
)

// maxFindings is how many findings of each kind are kept; more would not help
// anyone who has to repair the file.
const maxFindings = 100

// Finding is one thing that is wrong with a configuration, and where.
type Finding struct {
	// Path leads to the field, for example "networks[1].ip.subnet"; empty: the
	// text as a whole.
	Path string
	// Line and Column count from 1; the column counts bytes.
	Line, Column int
	// Reason is one of the package's sentinel errors; nil for a warning.
	Reason error
	// Text says what is wrong.
	Text string
}

// Error returns place and text in one line.
func (f Finding) Error() string {
	place := fmt.Sprintf("line %d, column %d", f.Line, f.Column)
	if f.Path != "" {
		place = f.Path + " (" + place + ")"
	}
	return place + ": " + f.Text
}

// Unwrap returns the reason.
func (f Finding) Unwrap() error { return f.Reason }

// RefusedError says why a configuration was refused: every finding, in the
// order of the text, at most 100.
type RefusedError struct {
	// Findings is never empty.
	Findings []Finding
	// Omitted is the number of further findings.
	Omitted int
}

// Error returns the findings, joined by "; ".
func (e *RefusedError) Error() string {
	texts := make([]string, 0, len(e.Findings)+1)
	for _, f := range e.Findings {
		texts = append(texts, f.Error())
	}
	if e.Omitted > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", e.Omitted))
	}
	return "device configuration refused: " + strings.Join(texts, "; ")
}

// Unwrap returns the findings.
func (e *RefusedError) Unwrap() []error {
	errs := make([]error, len(e.Findings))
	for i, f := range e.Findings {
		errs[i] = f
	}
	return errs
}
