package heater

import (
	"cmp"
	"time"

	"github.com/evenkv/nkv/docs/examples/heater/rooms"
)

const (
	// band is how far below its setpoint a room may be before it is heated, in
	// degrees: a relay does not live long when it is turned all the time.
	band = 0.5
	// fresh is how long a temperature counts. A sensor that died must not heat
	// the house.
	fresh = 10 * time.Minute
)

// plan says how every room should stand. It does not matter what has changed, in
// which order, or what a former instance had begun.
func (h *Agent) plan(now time.Time) map[string]rooms.HeaterStatus {
	plan := map[string]rooms.HeaterStatus{}
	for room, setpoint := range h.setpoints {
		plan[room] = h.decide(room, setpoint, now)
	}
	for room := range h.status.Keys() {
		if _, wanted := h.setpoints[room]; !wanted && !h.relay(room).isOff() {
			plan[room] = rooms.HeaterStatus{Problem: h.relay(room).problem} // off first, then unpublished
		}
	}
	return plan
}

func (h *Agent) decide(room string, setpoint rooms.Setpoint, now time.Time) rooms.HeaterStatus {
	before, _ := h.status.Get(room) // of this instance, or of a former one
	status := rooms.HeaterStatus{Setpoint: setpoint.Celsius, On: before.On, Problem: h.relay(room).problem}
	t, known := h.temperatures.Values[room]
	switch {
	case !known && !h.temperatures.Complete() && now.Sub(h.started) < fresh:
		// The sensor has not told all it knows: the room stays as it was.
	case !known || now.Sub(t.Measured) >= fresh:
		status.On = false
		status.Problem = cmp.Or(status.Problem, "its temperature is not known")
	case t.Celsius < setpoint.Celsius-band:
		status.On = true
	case t.Celsius >= setpoint.Celsius:
		status.On = false
	}
	return status
}
