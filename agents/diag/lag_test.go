package diag_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestAgentsAreSummedUp(t *testing.T) {
	m := model()
	m.Survey = survey()
	want := []diag.AgentDoc{
		{Agent: "backup", Connections: 1, Behind: 1, Pending: 4, RTT: 300 * time.Microsecond, Subscriptions: []diag.SubscriptionDoc{
			{Connection: 9, Pattern: ">", Behind: []string{"zedagent.ConfigItem"}, Pending: 4, Synchronized: true, Differs: []string{}}}},
		{Agent: "connection 12", Connections: 1, Silent: 1, Subscriptions: []diag.SubscriptionDoc{
			{Connection: 12, Pattern: "zedagent.>", Behind: []string{}, Silent: true, Differs: []string{}}}},
		{Agent: "diag", Connections: 1, RTT: 1200 * time.Microsecond, Subscriptions: []diag.SubscriptionDoc{
			{Connection: 7, Pattern: "nim.NetworkPortStatus", Behind: []string{}, Synchronized: true, Differs: []string{}},
			{Connection: 7, Pattern: "zedagent.ConfigItem", Behind: []string{}, Synchronized: true, Differs: []string{}}}},
		{Agent: "downloader", Connections: 1, Errors: 2, Differs: 1, RTT: 210 * time.Microsecond, Subscriptions: []diag.SubscriptionDoc{
			{Connection: 8, Pattern: "zedagent.ConfigItem", Behind: []string{}, Errors: 2, Synchronized: true, Differs: []string{"zedagent.ConfigItem"}}}},
		{Agent: "nim", Tables: 1, Gone: true, Subscriptions: []diag.SubscriptionDoc{}},
		{Agent: "zedagent", Connections: 1, Tables: 1, Subscriptions: []diag.SubscriptionDoc{}},
	}
	for range 10 { // maps must not show
		if diff := cmp.Diff(want, m.Document().Agents); diff != "" {
			t.Fatal(diff)
		}
	}
	lines := m.Document().Render(diag.Look{})
	row(t, lines, "  agents 1 behind, 1 silent, 1 gone")
	row(t, lines, "Agents (6), 1 table not traced: forbidden")
	row(t, m.Document().Render(diag.Look{Live: true}), "Agents (6), as of 12 s ago, 1 table not traced: forbidden")
}

// An agent that has left, in good order or not, is told of as long as there are
// values of it that nobody keeps up to date.
func TestAnAgentThatLeftIsGone(t *testing.T) {
	m := model()
	table := func(name string, keys int, opened bool) wire.TraceAnswer {
		return wire.TraceAnswer{Table: wire.TableInfo{Table: name, Head: 5, Keys: keys, Opened: opened}}
	}
	m.Survey = diag.Survey{At: noon, Traces: []wire.TraceAnswer{
		table("nim.NetworkPortStatus", 3, true), table("empty.Table", 0, true), table("raw.Table", 1, false),
	}}
	doc := m.Document()
	want := []diag.AgentDoc{{Agent: "nim", Gone: true, Subscriptions: []diag.SubscriptionDoc{}}}
	if diff := cmp.Diff(want, doc.Agents); diff != "" {
		t.Error(diff)
	}
	row(t, doc.Render(diag.Look{}), "  agents 1 gone")
}

// A client may listen twice to the same, and two clients may have one name.
func TestSubscriptionsAreToldApart(t *testing.T) {
	listener := func(connection uint64, pending int) wire.Listener {
		return wire.Listener{Agent: "x", Connection: connection, Subject: "nkv.v1.event.a.T.*", RTT: time.Millisecond,
			State: &wire.SubscriptionState{Pattern: "a.T", Handled: map[string]uint64{"a.T": 5 - uint64(pending)}, Pending: pending}}
	}
	m := model()
	m.Survey = diag.Survey{At: noon, Traces: []wire.TraceAnswer{{Table: wire.TableInfo{Table: "a.T", Head: 5},
		Listeners: []wire.Listener{listener(2, 2), listener(1, 0), listener(1, 1)}}}}
	doc := m.Document()
	a := doc.Agents[0]
	var got []int
	for _, s := range a.Subscriptions {
		got = append(got, s.Pending)
	}
	if diff := cmp.Diff([]int{0, 1, 2}, got); diff != "" || a.Connections != 2 || a.Behind != 2 || a.Pending != 3 {
		t.Errorf("%s in %+v", diff, a)
	}
	row(t, doc.Render(diag.Look{}), "a.T: behind, 1 pending; a.T: behind, 2 pending")
}

// A client that answers and does not know of the subscription yet is not
// silent.
func TestOneThatIsJustBeginningIsNotSilent(t *testing.T) {
	m := model()
	m.Survey = diag.Survey{At: noon, Traces: []wire.TraceAnswer{{Table: wire.TableInfo{Table: "a.T", Head: 5},
		Listeners: []wire.Listener{{Agent: "x", Connection: 1, Subject: "nkv.v1.event.a.T.*", RTT: time.Millisecond}}}}}
	if a := m.Document().Agents[0]; a.Silent != 0 || a.Behind != 0 || a.RTT != time.Millisecond {
		t.Errorf("%+v", a)
	}
}

func TestWaitingNamesAgentsAndTables(t *testing.T) {
	m := model()
	m.Tables = []diag.TableState{
		{Table: "a.One", Owner: "a", Synchronized: true}, {Table: "a.Two", Owner: "a"},
		{Table: "b.One", Owner: "b"}, {Table: "b.Two", Owner: "b"}, {Table: "c.One", Owner: "c", Synchronized: true},
	}
	if got := strings.TrimSpace(row(t, m.Document().Render(diag.Look{}), "waiting")); got != "waiting for a.Two, b" {
		t.Error(got)
	}
}
