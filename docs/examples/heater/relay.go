package heater

import (
	"context"
	"time"
)

// retryPause is the time between two tries to turn a relay.
const retryPause = 5 * time.Second

// relay is what this instance knows of a room's relay. How a former instance left
// it is not known, so each is turned at least once.
type relay struct {
	on, known bool   // as it was turned last
	busy      bool   // it is being turned
	resting   bool   // turning it has failed a moment ago
	problem   string // why it could not be turned; empty: it could
	told      bool   // the server has a status of the room, so that the next instance finds it
}

func (r *relay) isOff() bool { return r.known && !r.on }

func (h *Agent) relay(room string) *relay {
	r := h.relays[room]
	if r == nil {
		r = &relay{}
		h.relays[room] = r
	}
	return r
}

// turn has a relay turned in a goroutine, when it is not as it should be. What
// comes of it is told to the event loop.
func (h *Agent) turn(r *relay, room string, on bool) {
	if r.busy || r.resting || r.known && r.on == on {
		return
	}
	r.busy, r.known = true, false
	h.work.Go(func() {
		err := h.opts.Turn(h.ctx, room, on)
		_ = h.agent.Do("a relay was turned", func(context.Context) { // it fails when the agent has ended
			h.turned(r, room, on, err)
		})
	})
}

// turned takes what came of it; the loop then looks at everything again.
func (h *Agent) turned(r *relay, room string, on bool, err error) {
	r.busy = false
	if err == nil {
		r.on, r.known, r.problem = on, true, ""
	} else {
		h.log.WithError(err).WithField("room", room).Warnf("a relay can't be turned; again in %s", retryPause)
		r.problem, r.resting = err.Error(), true
		h.agent.After("turn a relay again", retryPause, func(context.Context) {
			r.resting = false
			h.loop.Soon()
		})
	}
	h.loop.Soon()
}
