package heater_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/docs/examples/heater"
	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
	"github.com/evenkv/nkv/pkg/server"
)

func publishPanel(h *house) *agenttest.Publication[rooms.Setpoint] {
	return agenttest.Publish(h.Server, rooms.Setpoints)
}

// TestARestart: the next instance goes on with what it finds.
func TestARestart(t *testing.T) {
	h := newHouse(t)
	h.complete()
	stop := h.start()
	for _, room := range []string{"attic", "hall"} {
		h.panel.Put(room, rooms.Setpoint{Celsius: 21})
		h.is(room, 15)
		h.status.Await("heat", on(room))
	}
	stop()
	h.is("hall", 20.7)      // neither cold nor warm: it stays as it was
	h.panel.Delete("attic") // nobody turns it off meanwhile
	h.Settled()
	h.relays.calls()
	h.status.Calls()
	h.start()
	h.status.Await("the end of what is not wanted", gone("attic"))
	h.status.AwaitCall("restarted 2")
	h.Settled()
	if diff := cmp.Diff(map[string]bool{"attic": false, "hall": true}, h.relays.state()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]rooms.HeaterStatus{"hall": {Setpoint: 21, On: true}}, h.status.Values()); diff != "" {
		t.Error(diff)
	}
	if calls := strings.Join(h.status.Calls(), ", "); strings.Contains(calls, "hall") {
		t.Errorf("the hall has not changed, its readers were told: %s", calls)
	}
}

// TestADeathInTheMiddle: the heater dies while it turns a relay. What the server
// has says one thing, the relay another.
func TestADeathInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		stop := h.start()
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		h.is("hall", 22)
		synctest.Wait()
		h.Refuse(rooms.Heater) // it says nothing any more
		stop()
		h.Allow(rooms.Heater)
		if err := h.relays.turn(t.Context(), "hall", true); err != nil { // its last act
			t.Fatal(err)
		}
		h.start()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if h.relays.state()["hall"] {
			t.Error("the hall is heated for ever")
		}
	})
}

// TestAReboot takes the power: the panel's table is empty until it has read its
// dials, which means nothing.
func TestAReboot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		stop := h.start()
		for _, room := range []string{"attic", "hall"} {
			h.panel.Put(room, rooms.Setpoint{Celsius: 21})
			h.is(room, 15)
		}
		synctest.Wait()
		stop()
		if err := errors.Join(h.panel.Close(t.Context()), h.sensor.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		h.Reboot()
		h.relays.calls()
		h.status.Calls()
		h.start()
		quiet := func(when string) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			if diff := cmp.Diff(map[string]bool{"attic": true, "hall": true}, h.relays.state()); diff != "" || len(h.relays.calls()) > 0 {
				t.Errorf("%s: %s", when, diff)
			}
			if calls := h.status.Calls(); len(calls) > 0 {
				t.Errorf("%s: %q", when, calls)
			}
		}
		quiet("without a panel")
		panel := publishPanel(h)
		quiet("with a panel that has told nothing")
		panel.Put("hall", rooms.Setpoint{Celsius: 21})
		quiet("with a panel that has told of one room")
		sensor := agenttest.Publish(h.Server, rooms.Temperatures)
		sensor.Put("hall", rooms.Temperature{Celsius: 15, Measured: time.Now()})
		panel.Restarted()
		synctest.Wait()
		if diff := cmp.Diff(map[string]bool{"attic": false, "hall": true}, h.relays.state()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"modify attic", "restarted 2", "delete attic"}, h.status.Calls()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"attic off", "hall on"}, sorted(h.relays.calls())); diff != "" {
			t.Errorf("the hall was off in between: %s", diff)
		}
	})
}

// TestOthersRestart: an owner that restarts, well or badly, takes nothing back.
func TestOthersRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		h.start()
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		h.is("hall", 15)
		synctest.Wait()
		h.relays.calls()
		h.status.Calls()
		if err := h.panel.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		panel := publishPanel(h)
		synctest.Wait()
		panel.Restarted()
		h.Refuse(rooms.Sensor)
		synctest.Wait()
		h.Allow(rooms.Sensor)
		time.Sleep(5 * time.Second)
		h.Settled()
		if calls := append(h.relays.calls(), h.status.Calls()...); len(calls) > 0 {
			t.Errorf("nothing has changed: %q", calls)
		}
	})
}

// TestFaultsOfTheServer: whatever happens on the way, everybody arrives, and
// nobody sees anything that was not.
func TestFaultsOfTheServer(t *testing.T) {
	for name, fault := range map[string]func(h *house, meanwhile func()){
		"cut":       func(h *house, meanwhile func()) { meanwhile(); h.Cut() },
		"restarted": func(h *house, meanwhile func()) { h.Restart(meanwhile) },
		"killed":    func(h *house, meanwhile func()) { h.Kill(meanwhile) },
		"refuses":   func(h *house, meanwhile func()) { h.Refuse(rooms.Heater); meanwhile(); h.Allow() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.complete()
				h.start()
				for _, room := range []string{"attic", "hall"} {
					h.panel.Put(room, rooms.Setpoint{Celsius: 21})
					h.is(room, 15)
				}
				synctest.Wait()
				h.relays.calls()
				h.status.Calls()
				release := h.relays.sticks("attic")
				fault(h, func() {
					// The panel's wish waits for the server, as its owner does.
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					err := h.panel.Publish(ctx, "hall", rooms.Setpoint{Celsius: 10})
					if err != nil && !errors.Is(err, agent.ErrUnconfirmed) {
						t.Error(err)
					}
				})
				time.Sleep(5 * time.Second)
				release()
				h.Settled()
				synctest.Wait()
				want := map[string]rooms.HeaterStatus{"attic": {Setpoint: 21, On: true}, "hall": {Setpoint: 10}}
				if diff := cmp.Diff(want, h.status.Values()); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]string{"modify hall"}, h.status.Calls()); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]string{"hall off"}, h.relays.calls()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestNothingIsTurnedOnUnsaid: what the server does not know of, the next instance
// would not find.
func TestNothingIsTurnedOnUnsaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		var heaters *agent.Agent
		h.Start(rooms.Heater, func(ctx context.Context, a *agent.Agent) error {
			heaters = a
			return heater.Run(ctx, a, heater.Options{Turn: h.relays.turn, Logger: h.Log})
		})
		h.is("hall", 15)
		synctest.Wait()
		busy := make(chan struct{})
		if err := heaters.Do("be busy", func(context.Context) { <-busy }); err != nil {
			t.Fatal(err)
		}
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		synctest.Wait() // the change has arrived, and waits
		h.Hold(rooms.Heater)
		close(busy)
		time.Sleep(3 * time.Second) // it has looked, and got no answer
		synctest.Wait()
		if n := h.relays.times("hall on"); n > 0 {
			t.Error("the hall is on, and the server does not know it")
		}
		h.Release(rooms.Heater)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if !h.relays.state()["hall"] {
			t.Error("the hall stays cold")
		}
	})
}

// TestAStatusThatIsRefused: one room's status is too large for the server. The
// others do not suffer, nor does the room's heat.
func TestAStatusThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t, func(o *server.Options) { o.MaxValue = 200 })
		h := &house{s, agenttest.Publish(s, rooms.Setpoints), agenttest.Publish(s, rooms.Temperatures),
			agenttest.Watch(s, rooms.HeaterStatuses), newRelays()}
		h.complete()
		h.start()
		h.relays.breaks("attic", errors.New(strings.Repeat("no answer", 100)))
		h.is("attic", 15)
		h.is("hall", 15)
		synctest.Wait()
		h.panel.Put("attic", rooms.Setpoint{Celsius: 21})
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		time.Sleep(time.Minute)
		synctest.Wait()
		want := map[string]rooms.HeaterStatus{"attic": {Setpoint: 21, On: true}, "hall": {Setpoint: 21, On: true}}
		if diff := cmp.Diff(want, h.status.Values()); diff != "" {
			t.Error(diff)
		}
		h.relays.breaks("attic", nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(map[string]bool{"attic": true, "hall": true}, h.relays.state()); diff != "" {
			t.Error(diff)
		}
	})
}

// OtherSetpoint and OtherStatus are those of other builds.
type (
	OtherSetpoint struct {
		Celsius string
		Until   string
	}
	OtherStatus struct{ On string }
)

// TestOtherBuilds: what does not decode leaves the value before, and what nobody
// can read any more is cleaned up all the same.
func TestOtherBuilds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		stale := agenttest.Publish(h.Server, agent.Table[OtherStatus]{Owner: rooms.Heater, Topic: "HeaterStatus", Durable: true})
		stale.Put("cellar", OtherStatus{On: "yes"})
		if err := stale.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.start()
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		h.is("hall", 15)
		synctest.Wait()
		if on, turned := h.relays.state()["cellar"]; on || !turned {
			t.Errorf("the cellar of the other build: on %t, turned %t", on, turned)
		}
		if err := h.panel.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		other := agenttest.Publish(h.Server, agent.Table[OtherSetpoint]{Owner: rooms.Panel, Topic: "Setpoint"})
		other.Put("hall", OtherSetpoint{Celsius: "10"})
		synctest.Wait()
		want := map[string]rooms.HeaterStatus{"hall": {Setpoint: 21, On: true}}
		if diff := cmp.Diff(want, h.status.Values()); diff != "" {
			t.Errorf("a value that is none: %s", diff)
		}
		if err := other.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		publishPanel(h).Put("hall", rooms.Setpoint{Celsius: 10})
		synctest.Wait()
		want = map[string]rooms.HeaterStatus{"hall": {Setpoint: 10}}
		if diff := cmp.Diff(want, h.status.Values()); diff != "" {
			t.Errorf("the next good value: %s", diff)
		}
	})
}

// TestAnUnpublishThatWasNotAnswered is done later, so that the handler which tries
// it again finds nothing. That must not be a failure to it.
func TestAnUnpublishThatWasNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t)
		statuses := agenttest.Publish(s, rooms.HeaterStatuses)
		statuses.Put("hall", rooms.HeaterStatus{On: true})
		s.Hold(rooms.Heater)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := statuses.Unpublish(ctx, "hall"); !errors.Is(err, agent.ErrUnconfirmed) {
			t.Errorf("%v, want ErrUnconfirmed", err)
		}
		s.Release(rooms.Heater)
		time.Sleep(10 * time.Second)
		if err := statuses.Unpublish(t.Context(), "hall"); !errors.Is(err, agent.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	})
}
