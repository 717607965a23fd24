package wanted

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/evenkv/nkv/pkg/agent"
)

// Result counts what was done. Its zero value is ready to use.
type Result struct {
	// Put and Deleted are the keys that were published and unpublished.
	Put, Deleted int
	// Pending are those of them that the server has not acknowledged yet: it
	// can't be reached or refuses changes now. The publication goes on trying.
	Pending int
	// Refused says why the server will not take a key at all.
	Refused []error
}

// Put publishes every value that differs from what is wanted already, in the order
// of the keys. A key that an earlier call left pending is wanted, so it is not
// counted again; who needs the acknowledgement calls Publish.
//
// The deadline of ctx is for all keys together. When it is over, the rest is
// handed to the publication without waiting.
func Put[T any](ctx context.Context, pub *agent.Publication[T], values map[string]T, result *Result) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		if now, ok := pub.Get(key); ok && reflect.DeepEqual(now, v) {
			continue
		}
		result.Put++
		result.file(pub.Publish(ctx, key, v))
	}
}

// Changed returns the values that are not in before or differ from it. Who calls
// Put often with many values compares them with what it put last in this way:
// that is much cheaper than with what is published, and a key that the server
// refuses is not tried again before its value has changed.
func Changed[T any](before, values map[string]T) map[string]T {
	changed := map[string]T{}
	for key, v := range values {
		if old, ok := before[key]; !ok || !reflect.DeepEqual(old, v) {
			changed[key] = v
		}
	}
	return changed
}

// Prune unpublishes every key that is not in values, in their order. See Put
// for ctx.
func Prune[T any](ctx context.Context, pub *agent.Publication[T], values map[string]T, result *Result) {
	for key := range pub.Keys() {
		if _, keep := values[key]; keep {
			continue
		}
		err := pub.Unpublish(ctx, key)
		if errors.Is(err, agent.ErrNotFound) {
			continue // it went away meanwhile
		}
		result.Deleted++
		result.file(err)
	}
}

// file sorts an error of the publication: with some of them the change is
// still wanted and will be made.
func (r *Result) file(err error) {
	switch {
	case err == nil:
	case errors.Is(err, agent.ErrUnconfirmed), errors.Is(err, agent.ErrUnavailable),
		errors.Is(err, agent.ErrDisconnected), errors.Is(err, agent.ErrTableOwned):
		r.Pending++
	default:
		r.Refused = append(r.Refused, err)
	}
}
