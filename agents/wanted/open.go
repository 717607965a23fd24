package wanted

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/agent"
)

// ownedPause is the time between two tries to open a table that another
// instance of the agent owns. There is no event for its leaving.
const ownedPause = time.Second

// Open opens a table for publishing. It waits as long as ctx allows: for the
// server, and for another instance of the agent, which the log names, to
// leave. Other errors are those of agent.Publish.
func Open[T any](ctx context.Context, a *agent.Agent, table agent.Table[T], log logrus.FieldLogger) (*agent.Publication[T], error) {
	for told := false; ; told = true {
		pub, err := agent.Publish(ctx, a, table)
		if !errors.Is(err, agent.ErrTableOwned) || ctx.Err() != nil {
			return pub, err
		}
		if !told {
			log.WithError(err).Warnf("waiting until table %s is free", table)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(ownedPause):
		}
	}
}
