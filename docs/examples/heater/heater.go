package heater

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/converge"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/pkg/agent"
)

const (
	// publishTimeout is how long a look waits for the server, for all rooms
	// together. The publication sends the rest when it can.
	publishTimeout = time.Second
	// lookEvery is how often the agent looks although nothing has changed: a
	// temperature grows old without an event.
	lookEvery = 10 * time.Second
)

// Options configure the agent.
type Options struct {
	// Turn turns the relay of a room and returns when that is done; required. It
	// may take long, and is called from several goroutines, but never twice at
	// once for a room. When ctx is done it must return.
	Turn func(ctx context.Context, room string, on bool) error
	// Logger gets what people should know; required. Values are never logged.
	Logger logrus.FieldLogger
}

func (o Options) check() error {
	switch {
	case o.Turn == nil:
		return fmt.Errorf("%w: Turn is nil", ErrInvalidOption)
	case o.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	return nil
}

// Agent heats rooms. It belongs to the event loop of its agent.Agent, but for
// work.
type Agent struct {
	opts  Options
	log   logrus.FieldLogger
	agent *agent.Agent
	loop  *converge.Loop // calls look
	ctx   context.Context
	work  sync.WaitGroup // relays that are being turned

	started      time.Time
	setpoints    map[string]rooms.Setpoint
	temperatures *converge.Table[rooms.Temperature]
	status       *agent.Publication[rooms.HeaterStatus]
	began        wanted.Restart
	relays       map[string]*relay
}

// Run heats until ctx is done, with an agent that was connected under the name
// "heater"; then it returns nil, the agent is closed, and the relays stay as they
// are. It waits for the server, and for another heater to leave. Nothing is turned
// before the panel has told that its table is complete.
func Run(parent context.Context, a *agent.Agent, opts Options) error {
	defer a.Close()
	if err := opts.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(parent)
	h := &Agent{opts: opts, log: opts.Logger, agent: a, ctx: ctx, started: time.Now(), relays: map[string]*relay{}}
	defer h.work.Wait()
	defer cancel()
	if err := h.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	return a.Run(ctx)
}

// open opens the tables. What a former instance published is in the publication
// as soon as it is open.
func (h *Agent) open(ctx context.Context) (err error) {
	h.loop = converge.New(h.agent, "look at the rooms", h.look)
	if h.status, err = wanted.Open(ctx, h.agent, rooms.HeaterStatuses, h.log); err != nil {
		return err
	}
	for room := range h.status.Keys() {
		h.relays[room] = &relay{told: true}
	}
	if h.setpoints, err = converge.Follow(ctx, h.loop, rooms.Setpoints); err != nil {
		return err
	}
	if h.temperatures, err = converge.FollowOptional(ctx, h.loop, rooms.Temperatures); err != nil {
		return err
	}
	_, err = h.agent.Every("look again", lookEvery, func(context.Context) { h.loop.Soon() })
	return err
}

// look compares everything there is with how it should be, and does what is
// missing.
func (h *Agent) look(parent context.Context) {
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	plan := h.plan(time.Now())
	for _, room := range slices.Sorted(maps.Keys(plan)) {
		r := h.relay(room)
		r.told = h.say(ctx, room, plan[room]) || r.told
		if r.told || !plan[room].On {
			h.turn(r, room, plan[room].On)
		}
	}
	var gone wanted.Result
	wanted.Prune(ctx, h.status, plan, &gone)
	for _, err := range gone.Refused {
		h.log.WithError(err).Error("a status is not unpublished")
	}
	maps.DeleteFunc(h.relays, func(room string, r *relay) bool { _, planned := plan[room]; return !planned && !r.busy })
	h.began.Tell(ctx, h.log, h.status)
}

// say publishes how a room stands, and reports whether the server has it.
func (h *Agent) say(ctx context.Context, room string, status rooms.HeaterStatus) bool {
	err := h.status.Publish(ctx, room, status)
	switch {
	case err == nil:
		return true
	case errors.Is(err, agent.ErrUnconfirmed), errors.Is(err, agent.ErrUnavailable),
		errors.Is(err, agent.ErrTableOwned), errors.Is(err, agent.ErrDisconnected):
		// Later: it stays wanted, and the publication sends it when it can.
	default:
		// Never: it is too large, say. What was published before stays.
		h.log.WithError(err).WithField("room", room).Error("a status is not published")
	}
	return false
}
