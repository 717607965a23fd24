package wanted

import (
	"context"
	"errors"

	"github.com/sirupsen/logrus"
)

// Restart tells the readers of an agent's tables, once, that the agent has
// published all it knew after its start. Its zero value is ready to use.
type Restart struct{ told bool }

// Tell raises the restart counters the first time that it is called. When the
// server can't be reached, the publications tell it later.
func (r *Restart) Tell(ctx context.Context, log logrus.FieldLogger, pubs ...interface{ Restarted(context.Context) error }) {
	if r.told {
		return
	}
	r.told = true
	var errs []error
	for _, pub := range pubs {
		errs = append(errs, pub.Restarted(ctx))
	}
	if err := errors.Join(errs...); err != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		log.WithError(err).Warn("the readers are not told of the agent's start yet")
	}
}
