package heater_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/docs/examples/heater"
	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/pkg/agent"
)

func TestRoomsAreHeatedToTheirSetpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		h.start()
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		synctest.Wait()
		want := map[string]rooms.HeaterStatus{"hall": {Setpoint: 21, Problem: "its temperature is not known"}}
		if diff := cmp.Diff(want, h.status.Values()); diff != "" {
			t.Error(diff)
		}
		for _, step := range []struct {
			celsius float64
			on      bool
		}{{20, true}, {20.7, true}, {21, false}, {20.7, false}, {20.4, true}} {
			h.is("hall", step.celsius)
			synctest.Wait()
			want := map[string]rooms.HeaterStatus{"hall": {Setpoint: 21, On: step.on}}
			if diff := cmp.Diff(want, h.status.Values()); diff != "" {
				t.Errorf("at %v °C: %s", step.celsius, diff)
			}
			if on := h.relays.state()["hall"]; on != step.on {
				t.Errorf("at %v °C the relay is on: %t", step.celsius, on)
			}
		}
		if diff := cmp.Diff([]string{"hall off", "hall on", "hall off", "hall on"}, h.relays.calls()); diff != "" {
			t.Error(diff)
		}
		h.panel.Delete("hall")
		synctest.Wait()
		if h.relays.state()["hall"] || len(h.status.Values()) > 0 {
			t.Errorf("a room that is not wanted any more: %v, %v", h.relays.state(), h.status.Values())
		}
	})
}

// TestAnOldTemperatureDoesNotHeat: a sensor that died changes nothing, so there
// is no event.
func TestAnOldTemperatureDoesNotHeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		h.start()
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		h.is("hall", 15)
		time.Sleep(9 * time.Minute)
		if !h.relays.state()["hall"] {
			t.Error("it is off too early")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		want := map[string]rooms.HeaterStatus{"hall": {Setpoint: 21, Problem: "its temperature is not known"}}
		if diff := cmp.Diff(want, h.status.Values()); diff != "" || h.relays.state()["hall"] {
			t.Errorf("on: %v; %s", h.relays.state(), diff)
		}
		h.is("hall", 15)
		synctest.Wait()
		if !h.relays.state()["hall"] {
			t.Error("a new temperature heals nothing")
		}
	})
}

// TestASensorThatNeverTells: rooms stay as they were, but not for ever.
func TestASensorThatNeverTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		stop := h.start()
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		h.is("hall", 15)
		synctest.Wait()
		stop()
		if err := h.sensor.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.panel.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.Reboot()
		panel := publishPanel(h)
		panel.Put("hall", rooms.Setpoint{Celsius: 21})
		panel.Restarted()
		h.start()
		time.Sleep(9 * time.Minute)
		if !h.relays.state()["hall"] {
			t.Error("it is off too early")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if h.relays.state()["hall"] {
			t.Error("the house is heated without a thermometer")
		}
	})
}

// TestAHangingRelayHoldsUpNoOther: slow work is no work for the event loop.
func TestAHangingRelayHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		h.start()
		release := h.relays.sticks("hall")
		for _, room := range []string{"hall", "attic"} {
			h.panel.Put(room, rooms.Setpoint{Celsius: 21})
			h.is(room, 15)
		}
		time.Sleep(time.Hour)
		h.is("attic", 15)
		synctest.Wait()
		if !h.relays.state()["attic"] {
			t.Error("the attic is cold")
		}
		h.panel.Delete("hall") // while it hangs
		time.Sleep(time.Minute)
		if n := h.relays.times("hall on") + h.relays.times("hall off"); n != 1 {
			t.Errorf("%d calls for the hall at once", n)
		}
		if _, there := h.status.Values()["hall"]; !there {
			t.Error("the hall is unpublished, and nobody knows whether it is on")
		}
		release()
		synctest.Wait()
		if _, there := h.status.Values()["hall"]; there || h.relays.state()["hall"] {
			t.Errorf("after that: %v, %v", h.relays.state(), h.status.Values())
		}
	})
}

// TestNothingIsLeftRunning: Run ends with ctx, or with its agent, although a relay
// hangs, and waits until that has let go.
func TestNothingIsLeftRunning(t *testing.T) {
	for name, end := range map[string]func(stop func(), a *agent.Agent){
		"stopped": func(stop func(), _ *agent.Agent) { stop() },
		"closed":  func(_ func(), a *agent.Agent) { a.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.complete()
				h.relays.sticks("hall")
				h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
				a := h.Connect(rooms.Heater)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				ended := make(chan error)
				go func() { ended <- heater.Run(ctx, a, heater.Options{Turn: h.relays.turn, Logger: h.Log}) }()
				synctest.Wait()
				if h.relays.running() != 1 {
					t.Fatal("nothing runs")
				}
				end(stop, a)
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if n := h.relays.running(); n > 0 {
					t.Errorf("%d relays are being turned", n)
				}
			})
		})
	}
}

func TestARelayThatFailsIsTurnedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.complete()
		h.start()
		h.relays.breaks("hall", errors.New("no answer"))
		h.panel.Put("hall", rooms.Setpoint{Celsius: 21})
		h.is("hall", 15)
		synctest.Wait()
		want := map[string]rooms.HeaterStatus{"hall": {Setpoint: 21, On: true, Problem: "no answer"}}
		if diff := cmp.Diff(want, h.status.Values()); diff != "" {
			t.Error(diff)
		}
		n := h.relays.times("hall on")
		h.status.Calls()
		time.Sleep(time.Minute)
		if tries := h.relays.times("hall on") - n; tries < 10 || tries > 12 {
			t.Errorf("%d tries in a minute, one each 5 s is wanted", tries)
		}
		if calls := h.status.Calls(); len(calls) > 0 {
			t.Errorf("the status flickers: %q", calls)
		}
		h.relays.breaks("hall", nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if !h.relays.state()["hall"] {
			t.Error("the hall is cold")
		}
		if diff := cmp.Diff([]string{"modify hall"}, h.status.Calls()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	h := newHouse(t)
	for _, opts := range []heater.Options{{Logger: h.Log}, {Turn: h.relays.turn}} {
		if err := heater.Run(context.Background(), h.Connect(rooms.Heater), opts); !errors.Is(err, heater.ErrInvalidOption) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}
