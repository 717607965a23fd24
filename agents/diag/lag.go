package diag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

// SurveyDoc says what the list of agents was made from.
type SurveyDoc struct {
	// At is when; left out when there was none yet.
	At time.Time `json:"at,omitzero"`
	// Tables is how many tables were traced.
	Tables int `json:"tables"`
	// Left is how many were not, and Error says why.
	Left  int    `json:"left"`
	Error string `json:"error"`
}

// AgentDoc is one agent, by the name under which its clients connect: what it
// listens to, and how far it is with that.
type AgentDoc struct {
	Agent string `json:"agent"`
	// Connections is the number of its connections that listen or own.
	Connections int `json:"connections"`
	// Tables is how many tables it owns.
	Tables        int               `json:"tables"`
	Subscriptions []SubscriptionDoc `json:"subscriptions"`
	// Behind is how many of its subscriptions have not handled all that there
	// is.
	Behind int `json:"behind"`
	// Pending is how many changes and marks wait for its handlers.
	Pending int `json:"pending"`
	// Errors counts the values that did not decode into its types.
	Errors uint64 `json:"errors"`
	// RTT is the shortest time that its clients took to answer, in nanoseconds;
	// 0: none did.
	RTT time.Duration `json:"rttNanoseconds"`
	// Silent is how many of its connections do not answer: they are stopped,
	// stuck or cut off, or are no nkv clients.
	Silent int `json:"silent"`
	// Differs is how many of its subscriptions have a type of another shape
	// than the owner's.
	Differs int `json:"differs"`
	// Gone says that nobody keeps values of it up to date: the connection of a
	// table's owner is lost, or a table with keys has no owner any more.
	Gone bool `json:"gone"`
}

// SubscriptionDoc is one subscription of an agent.
type SubscriptionDoc struct {
	Connection uint64 `json:"connection"`
	Pattern    string `json:"pattern"`
	// Behind are the tables of which it has not handled all that there is.
	Behind  []string `json:"behind"`
	Pending int      `json:"pending"`
	Errors  uint64   `json:"errors"`
	// Buffered is how many bytes the server holds for its connection.
	Buffered int64 `json:"buffered"`
	// Synchronized says that it has handled all that was there when it came.
	Synchronized bool `json:"synchronized"`
	// Silent says that its client does not answer.
	Silent bool `json:"silent"`
	// Differs are the tables whose owner's type has another shape.
	Differs []string `json:"differs"`
}

// doc says what the survey was.
func (s Survey) doc() SurveyDoc {
	return SurveyDoc{At: s.At, Tables: len(s.Traces), Left: s.Left, Error: redact(s.Error)}
}

// subscriptionID tells subscriptions apart: one that spans tables occurs in the
// trace of each, and one client may have several with the same subject.
type subscriptionID struct {
	connection uint64
	subject    string
	nth        int
}

// fold puts traces together by agent.
type fold struct {
	agents        map[string]*AgentDoc
	subscriptions map[subscriptionID]*SubscriptionDoc
	agentOf       map[subscriptionID]string
	connections   map[string]map[uint64]bool // by agent; true: it is silent
}

// agents says how far each agent is, by name.
func (s Survey) agents() []AgentDoc {
	f := fold{map[string]*AgentDoc{}, map[subscriptionID]*SubscriptionDoc{}, map[subscriptionID]string{}, map[string]map[uint64]bool{}}
	for i := range s.Traces {
		f.trace(&s.Traces[i])
	}
	ids := slices.SortedFunc(maps.Keys(f.subscriptions), func(x, y subscriptionID) int {
		return cmp.Or(cmp.Compare(x.connection, y.connection), cmp.Compare(x.subject, y.subject), cmp.Compare(x.nth, y.nth))
	})
	for _, id := range ids {
		f.agents[f.agentOf[id]].add(*f.subscriptions[id])
	}
	return sorted(f.agents, func(name string, a *AgentDoc) AgentDoc {
		a.Connections = len(f.connections[name])
		for _, silent := range f.connections[name] {
			if silent {
				a.Silent++
			}
		}
		slices.SortStableFunc(a.Subscriptions, func(x, y SubscriptionDoc) int {
			return cmp.Or(cmp.Compare(x.Pattern, y.Pattern), cmp.Compare(x.Connection, y.Connection))
		})
		return *a
	}, func(d AgentDoc) string { return d.Agent })
}

// add adds a subscription.
func (a *AgentDoc) add(sub SubscriptionDoc) {
	a.Subscriptions = append(a.Subscriptions, sub)
	a.Pending += sub.Pending
	a.Errors += sub.Errors
	if len(sub.Behind) > 0 {
		a.Behind++
	}
	if len(sub.Differs) > 0 {
		a.Differs++
	}
}

// agent returns the agent of a name, noting one of its connections.
func (f *fold) agent(name string, connection uint64) *AgentDoc {
	a := f.agents[name]
	if a == nil {
		a = &AgentDoc{Agent: name, Subscriptions: []SubscriptionDoc{}}
		f.agents[name] = a
		f.connections[name] = map[uint64]bool{}
	}
	if _, known := f.connections[name][connection]; connection != 0 && !known {
		f.connections[name][connection] = false
	}
	return a
}

func (f *fold) trace(t *wire.TraceAnswer) {
	if o := t.Owner; o != nil {
		a := f.agent(o.Agent, o.Connection)
		a.Tables++
		a.Gone = a.Gone || o.Connection == 0
	} else if name, err := wire.ParseTable(t.Table.Table); err == nil && t.Table.Opened && t.Table.Keys > 0 {
		f.agent(name.Agent, 0).Gone = true
	}
	seen := map[subscriptionID]int{}
	for i := range t.Listeners {
		l := &t.Listeners[i]
		id := subscriptionID{connection: l.Connection, subject: l.Subject}
		seen[id]++
		id.nth = seen[id]
		f.listener(&t.Table, l, id)
	}
}

func (f *fold) listener(table *wire.TableInfo, l *wire.Listener, id subscriptionID) {
	name := cmp.Or(l.Agent, fmt.Sprintf("connection %d", l.Connection))
	a := f.agent(name, l.Connection)
	sub := f.subscriptions[id]
	if sub == nil {
		sub = &SubscriptionDoc{
			Connection: l.Connection, Pattern: strings.TrimPrefix(l.Subject, wire.EventPrefix),
			Behind: []string{}, Differs: []string{}, Synchronized: l.State != nil && l.State.Synchronized,
		}
		f.subscriptions[id], f.agentOf[id] = sub, name
	}
	sub.Buffered = max(sub.Buffered, l.Buffered)
	if l.Differs {
		sub.Differs = append(sub.Differs, table.Table)
	}
	if l.RTT > 0 && (a.RTT == 0 || l.RTT < a.RTT) {
		a.RTT = l.RTT
	}
	s := l.State
	if s == nil {
		sub.Silent = l.RTT == 0 // else it is just beginning or ending
		f.connections[name][l.Connection] = f.connections[name][l.Connection] || sub.Silent
		return
	}
	sub.Pattern, sub.Synchronized = s.Pattern, s.Synchronized
	sub.Pending, sub.Errors = max(sub.Pending, s.Pending), max(sub.Errors, s.Errors)
	if s.Handled[table.Table] < table.Head {
		sub.Behind = append(sub.Behind, table.Table)
	}
}

// agentHeadline names what a person should look at; empty when all is well.
func (d Document) agentHeadline() cell {
	var behind, silent, gone int
	for _, a := range d.Agents {
		if a.Behind > 0 {
			behind++
		}
		if a.Gone {
			gone++
		}
		silent += a.Silent
	}
	c := cell{style: busy}
	var parts []string
	if behind > 0 {
		parts = append(parts, fmt.Sprintf("%d behind", behind))
	}
	if silent > 0 {
		parts, c.style = append(parts, fmt.Sprintf("%d silent", silent)), bad
	}
	if gone > 0 {
		parts, c.style = append(parts, fmt.Sprintf("%d gone", gone)), bad
	}
	if len(parts) > 0 {
		c.text = "agents " + strings.Join(parts, ", ")
	}
	return c
}

// state says in few words how an agent is.
func (a AgentDoc) state() cell {
	switch {
	case a.Silent > 0:
		return cell{"silent", bad}
	case a.Gone:
		return cell{"gone", bad}
	case a.Behind > 0:
		return cell{"behind", busy}
	case a.Errors > 0:
		return cell{"errors", bad}
	case a.Differs > 0:
		return cell{"differs", busy}
	}
	return cell{"ok", good}
}

// about names the subscriptions that are not well.
func (a AgentDoc) about() string {
	var texts []string
	for _, s := range a.Subscriptions {
		var what []string
		if len(s.Behind) > 0 {
			what = append(what, "behind")
		}
		if s.Pending > 0 {
			what = append(what, fmt.Sprintf("%d pending", s.Pending))
		}
		if s.Errors > 0 {
			what = append(what, fmt.Sprintf("%d did not decode", s.Errors))
		}
		if len(s.Differs) > 0 {
			what = append(what, "another shape than its owner's")
		}
		if len(what) > 0 {
			texts = append(texts, s.Pattern+": "+strings.Join(what, ", "))
		}
	}
	return strings.Join(texts, "; ")
}

// unwanted is a number that should be 0.
func unwanted[T int | uint64](n T, s style) cell {
	if n == 0 {
		return cell{"0", faint}
	}
	return cell{fmt.Sprint(n), s}
}

func (a AgentDoc) rtt() cell {
	if a.RTT <= 0 {
		return cell{"-", faint}
	}
	return text(fmt.Sprintf("%.1f ms", float64(a.RTT)/float64(time.Millisecond)))
}

// stale is how old a survey gets before its age is shown.
const stale = 2*surveyEvery + time.Second

// surveyAge says how old the survey is, when that matters.
func (d Document) surveyAge() string {
	if age := d.At.Sub(d.Survey.At); !d.Survey.At.IsZero() && age > stale {
		return span(age)
	}
	return ""
}

func (d Document) agentSection(live bool) table {
	t := table{title: "Agents",
		header: []string{"AGENT", "STATE", "SUBSCRIPTIONS", "BEHIND", "PENDING", "ERRORS", "RTT", "TABLES", "ABOUT"}}
	if age := d.surveyAge(); live && age != "" {
		t.note = "as of " + age + " ago"
	}
	if d.Survey.Left > 0 {
		t.note = together(", ", t.note, count(d.Survey.Left, "table", "tables")+" not traced: "+d.Survey.Error)
	}
	for _, a := range d.Agents {
		t.add(text(a.Agent), a.state(), number(len(a.Subscriptions)), unwanted(a.Behind, busy), unwanted(a.Pending, busy),
			unwanted(a.Errors, bad), a.rtt(), number(a.Tables), text(a.about()))
	}
	return t
}
