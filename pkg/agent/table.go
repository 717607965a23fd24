package agent

import (
	"fmt"
	"reflect"

	"github.com/evenkv/nkv/pkg/wire"
)

// Table declares a table, once, for its owner and its readers: what type its
// values have, whose it is, and whether it lasts. Declare it in a package that
// both share, so that they can't disagree.
type Table[T any] struct {
	// Owner is the agent that publishes it: 1 to 255 bytes.
	Owner string
	// Topic is the name of T unless set: 1 to 255 bytes.
	Topic string
	// Scope tells tables of one owner and topic apart; empty: there is one.
	Scope string
	// Durable tables survive power loss; others survive the death of any process,
	// but not a reboot.
	Durable bool
}

// In returns the table with this scope.
func (t Table[T]) In(scope string) Table[T] {
	t.Scope = scope
	return t
}

// Name returns the table's full name.
func (t Table[T]) Name() wire.Table {
	name := wire.Table{Agent: t.Owner, Topic: t.Topic, Scope: t.Scope}
	if name.Topic == "" {
		name.Topic = reflect.TypeFor[T]().Name()
	}
	return name
}

// String returns the table's full name, encoded as in paths.
func (t Table[T]) String() string { return t.Name().String() }

// check refuses names and types that can't be.
func (t Table[T]) check() (shape, error) {
	if err := t.Name().Validate(); err != nil {
		return shape{}, fmt.Errorf("%w: table of %s: %w", ErrInvalidOption, reflect.TypeFor[T](), err)
	}
	return shapeOf(reflect.TypeFor[T]())
}
