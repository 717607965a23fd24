package heater_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/docs/examples/heater"
	"github.com/evenkv/nkv/docs/examples/heater/rooms"
	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// house is a server with the others of the house; the heater is started by the
// tests.
type house struct {
	*agenttest.Server
	panel  *agenttest.Publication[rooms.Setpoint]
	sensor *agenttest.Publication[rooms.Temperature]
	status *agenttest.Table[rooms.HeaterStatus]
	relays *relays
}

func newHouse(t *testing.T) *house {
	s := agenttest.New(t)
	return &house{
		s, agenttest.Publish(s, rooms.Setpoints), agenttest.Publish(s, rooms.Temperatures),
		agenttest.Watch(s, rooms.HeaterStatuses), newRelays(),
	}
}

// complete has the owners tell that they have published all they know.
func (h *house) complete() {
	h.panel.Restarted()
	h.sensor.Restarted()
}

// start starts a heater.
func (h *house) start(options ...agent.Option) (stop func()) {
	return h.Start(rooms.Heater, func(ctx context.Context, a *agent.Agent) error {
		return heater.Run(ctx, a, heater.Options{Turn: h.relays.turn, Logger: h.Log})
	}, options...)
}

// is has the sensor measure a room.
func (h *house) is(room string, celsius float64) {
	h.sensor.Put(room, rooms.Temperature{Celsius: celsius, Measured: time.Now()})
}

// relays are what the heater turns. They outlive it, as relays do.
type relays struct {
	mu     sync.Mutex // guards the fields below
	on     map[string]bool
	turned []string // "hall on" for each that was turned, in their order
	broken map[string]error
	stuck  map[string]chan struct{} // turning waits until it is closed
	began  map[string]int           // how often turning began, by what is in turned
	now    int                      // how many are being turned
}

func newRelays() *relays {
	return &relays{on: map[string]bool{}, broken: map[string]error{}, stuck: map[string]chan struct{}{}, began: map[string]int{}}
}

func (r *relays) turn(ctx context.Context, room string, on bool) error {
	state := room + map[bool]string{true: " on", false: " off"}[on]
	r.mu.Lock()
	stuck, err := r.stuck[room], r.broken[room]
	r.began[state]++
	r.now++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.now--
		r.mu.Unlock()
	}()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			time.Sleep(time.Second) // it takes its time to let go
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on[room] = on
	r.turned = append(r.turned, state)
	return nil
}

// breaks makes a relay fail from now on, or work again with nil.
func (r *relays) breaks(room string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken[room] = err
}

// sticks makes turning a relay take until release.
func (r *relays) sticks(room string) (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stuck := make(chan struct{})
	r.stuck[room] = stuck
	return func() {
		r.mu.Lock()
		delete(r.stuck, room)
		r.mu.Unlock()
		close(stuck)
	}
}

// times returns how often turning has begun.
func (r *relays) times(state string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.began[state]
}

// running returns how many are being turned.
func (r *relays) running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// state returns which are on.
func (r *relays) state() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.on)
}

// calls returns what was turned since the last time.
func (r *relays) calls() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.turned
	r.turned = nil
	return calls
}

// on holds when a room's status says so.
func on(room string) func(map[string]rooms.HeaterStatus) bool {
	return func(v map[string]rooms.HeaterStatus) bool { return v[room].On }
}

// gone holds when a room has no status.
func gone(room string) func(map[string]rooms.HeaterStatus) bool {
	return func(v map[string]rooms.HeaterStatus) bool { _, ok := v[room]; return !ok }
}

func sorted(calls []string) []string {
	slices.Sort(calls)
	return calls
}
