package access

import (
	"errors"
	"fmt"
)

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrFile: the agents file can't be read or says something that can't be; the
	// message names the line.
	ErrFile = errors.New("invalid agents file")
	// ErrCredentials: nobody is known who would prove it in this way.
	ErrCredentials = errors.New("credentials are not valid")
	// ErrBusy: too many passwords are being checked, or too many were wrong.
	ErrBusy = errors.New("too many logins")
	// ErrName: the identity may not connect under this agent's name.
	ErrName = errors.New("not one of the identity's agents")
	// ErrDenied: the asker may not read or write that; see Denied.
	ErrDenied = errors.New("denied")
	// ErrUnknown: the file has no such identity.
	ErrUnknown = errors.New("unknown identity")
)

// Denied is what a rule does not allow. It matches ErrDenied.
type Denied struct {
	Who  string // identity and agent
	What string // "read a.T", "write a.T"
	Rule string // the rule that says so, and where it stands
}

// Error says who may not do what, and why.
func (d *Denied) Error() string {
	return fmt.Sprintf("denied: %s may not %s: %s", d.Who, d.What, d.Rule)
}

// Unwrap returns ErrDenied.
func (d *Denied) Unwrap() error { return ErrDenied }
