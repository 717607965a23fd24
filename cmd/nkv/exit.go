package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server/access"
	"github.com/evenkv/nkv/pkg/wire"
)

// Exit codes: what happened, for scripts.
const (
	exitDone        = 0   // found, or done
	exitNotFound    = 1   // no such key or table, or nothing matches
	exitUsage       = 2   // the command line can't be understood
	exitUnreachable = 3   // no server, or no answer from it
	exitRefused     = 4   // the server, or the person asked, refused
	exitFailed      = 5   // something on this side, such as a full disk
	exitInterrupted = 130 // by a signal, before it was done
)

const exitHelp = `Exit codes: 0 found or done; 1 not found; 2 usage; 3 server unreachable, or it
does not answer; 4 refused (owned, fence, revision, too large, forbidden,
unavailable); 5 failed on this side; 130 interrupted.`

// usageError is a command line that can't be understood.
type usageError struct {
	err  error
	hint string // what to write instead; may have several lines; may be empty
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// Errors that decide on an exit code by themselves.
var (
	errNothing   = errors.New("nothing found")
	errDeclined  = errors.New("nothing was changed")
	errUnhealthy = errors.New("the server does not take all changes")
)

// exitCode tells what happened.
func exitCode(ctx context.Context, err error) int {
	var usage *usageError
	var away *unreachableError
	var refused *client.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &away):
		return exitUnreachable
	case errors.As(err, &refused):
		return refusalCode(refused)
	case errors.Is(err, client.ErrForbidden), errors.Is(err, errMayNot), errors.Is(err, access.ErrName):
		return exitRefused
	case errors.Is(err, access.ErrUnknown):
		return exitNotFound
	case errors.Is(err, access.ErrFile):
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, errNothing), errors.Is(err, client.ErrNotFound):
		return exitNotFound
	case errors.Is(err, errDeclined), errors.Is(err, errUnhealthy), errors.Is(err, client.ErrTooLarge):
		return exitRefused
	case errors.Is(err, wire.ErrInvalidPath), errors.Is(err, wire.ErrInvalidPattern), errors.Is(err, client.ErrInvalidOption):
		return exitUsage
	case errors.Is(err, client.ErrDisconnected), errors.Is(err, client.ErrNoAnswer),
		errors.Is(err, client.ErrUnconfirmed), errors.Is(err, client.ErrUnavailable):
		return exitUnreachable
	}
	return exitFailed
}

// refusalCode is the exit code of what the server said.
func refusalCode(refused *client.Error) int {
	switch {
	case errors.Is(refused, client.ErrNotFound):
		return exitNotFound
	case errors.Is(refused, client.ErrInvalid):
		return exitUsage
	}
	return exitRefused
}

// explain tells a person what went wrong and what to do.
func (p *program) explain(err error) {
	text := "nkv: " + printable(err.Error()) + "\n"
	var usage *usageError
	var away *unreachableError
	switch {
	case errors.As(err, &usage) && usage.hint != "":
		text += indented(usage.hint)
	case errors.As(err, &away):
		text += indented(away.hint())
	case errors.Is(err, client.ErrUnconfirmed):
		text += indented("it happened entirely or not at all: look with nkv get, then try again")
	case errors.Is(err, client.ErrForbidden) && errors.Is(err, client.ErrDisconnected):
		text += indented("say who you are: " + client.EnvNKey + "=FILE with an nkey's seed, or " + client.EnvUser + " and " + client.EnvPassword + "; and as which agent: --name")
	case errors.Is(err, client.ErrTableOwned):
		text += indented("its owner changes it; --force takes the table from the owner")
	case errors.Is(err, client.ErrNoAnswer):
		text += indented("is the server busy or stopped? see nkv health, or wait longer with --timeout")
	}
	fmt.Fprint(p.stderr, text) //nolint:errcheck // there is nobody left to tell
}
