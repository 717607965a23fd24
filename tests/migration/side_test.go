package migration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
	"github.com/evenkv/nkv/tests/migration/original"
)

// side is an agent that publishes a table, the old way or the new one. When a
// call has returned nil, the change has happened.
type side interface {
	put(key, value string) error
	delete(key string) error
	restarted(counter int) error
	values() map[string]string
	counter() int
	end(rng *rand.Rand) // as a process ends, or in peace
}

// old is an agent with the original's library.
type old struct{ *original.Publisher }

func (o old) put(key, value string) error { return o.Publish(key, value) }
func (o old) delete(key string) error     { return o.Unpublish(key) }
func (o old) restarted(counter int) error { return o.Restarted(counter) }
func (o old) values() map[string]string   { return o.Values() }
func (o old) counter() int                { return o.Counter() }
func (o old) end(*rand.Rand)              { o.Kill() }

// startOld waits for the way to be free, as an agent does that is started again
// and again.
func startOld(d *device, name original.Name, durable bool) (side, error) {
	var p *original.Publisher
	var err error
	testutil.Holds(patience, func() bool {
		p, err = original.Publish(d.root(), name, durable)
		return !errors.Is(err, original.ErrInUse) && !errors.Is(err, os.ErrNotExist) // the socket may go while it looks
	})
	return old{p}, err
}

// moved is an agent that is a client of the server.
type moved struct {
	p   *process
	pub *client.Publication
}

func startMoved(d *device, name original.Name, durable bool) (side, error) {
	p, err := d.connect(name.Agent)
	if err != nil {
		return nil, err
	}
	var options []client.OpenOption
	if durable {
		options = append(options, client.DurableTable())
	}
	table := wire.Table{Agent: name.Agent, Scope: name.Scope, Topic: name.Topic}
	var pub *client.Publication
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	testutil.Holds(patience, func() bool {
		pub, err = p.Open(ctx, table, options...)
		return err == nil || !errors.Is(err, client.ErrTableOwned)
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return moved{p, pub}, nil
}

// confirmed calls until the server has acknowledged, over its restarts.
func confirmed(call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := call(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func (m moved) put(key, value string) error {
	return confirmed(func(ctx context.Context) error { return m.pub.Put(ctx, key, []byte(value)) })
}

func (m moved) delete(key string) error {
	return confirmed(func(ctx context.Context) error {
		err := m.pub.Delete(ctx, key)
		if errors.Is(err, client.ErrNotFound) {
			return nil
		}
		return err
	})
}

func (m moved) restarted(counter int) error {
	return confirmed(func(ctx context.Context) error { return m.pub.Restarted(ctx, uint64(counter)) })
}

func (m moved) values() map[string]string {
	values := map[string]string{}
	for key, value := range m.pub.All() {
		values[key] = string(value)
	}
	return values
}

func (m moved) counter() int { return int(m.pub.Restarts()) }

func (m moved) end(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		m.p.kill()
	} else {
		m.p.Close()
	}
}

// keys are such as were collapsed once.
var keys = []string{
	"a", "a.b", "a.b.c", "timer.config.interval", "global", "..", "x@y", "with space", "ü", "restarted", "k.json", "1", "2", "3", strings.Repeat("k", 200),
}

// value returns a value of a kind that gets lost easily; n makes it new.
func value(rng *rand.Rand, n int) string {
	switch rng.IntN(20) {
	case 0:
		return fmt.Sprintf(`{"id":18446744073709551615,"n":%d,"pubsub-large-certs":%q}`, n, strings.Repeat("c", 70_000))
	case 1:
		return fmt.Sprintf(`{"list":[{"pubsub-large-x":{"id":9007199254740993}}],"n":%d}`, n)
	case 2:
		return fmt.Sprintf(`{"n":%d,"padding":%q}`, n, strings.Repeat("p", 45_000))
	}
	return fmt.Sprintf(`{"z":18446744073709551615,"n":%d,"a":9007199254740993,"f":1.10,"at":%q}`, n, time.Unix(int64(n), 5).UTC().Format(time.RFC3339Nano))
}
