package codec

import "strings"

// TypeError says that a value is of another kind than its field takes. It matches
// ErrType.
type TypeError struct {
	// Field is the path of the field in JSON, dotted; empty: the value as a whole.
	Field string
	// Found is the kind of JSON that stands there.
	Found string
	// Reason is why a type refused its value; nil: it is of the wrong kind.
	Reason error
}

// Error names the field and what was found.
func (e *TypeError) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(ErrType.Error())
	if e.Found != "" {
		b.WriteString("; it holds " + e.Found)
	}
	return b.String()
}

// Is reports whether target is ErrType.
func (e *TypeError) Is(target error) bool { return target == ErrType }

// Unwrap returns the reason.
func (e *TypeError) Unwrap() error { return e.Reason }

// In says in which member an error happened.
func In(err error, name []byte) error {
	e, ok := err.(*TypeError)
	if !ok {
		return err
	}
	inner := *e
	inner.Field = strings.TrimSuffix(string(name)+"."+e.Field, ".")
	return &inner
}
