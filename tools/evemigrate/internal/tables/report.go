package tables

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Report is what was found.
type Report struct {
	Calls      map[string]int `json:"calls"`      // how many calls there are in the source, by function
	TypeErrors []string       `json:"typeErrors"` // source that could be read in part only
	Tables     []*Table       `json:"tables"`

	sites  map[string]bool
	byName map[[3]value]*Table
}

// Table is one table with all its ends.
type Table struct {
	Owner       string    `json:"owner"` // an agent, or "?(expression)", as the two below
	Scope       string    `json:"scope,omitempty"`
	Topic       string    `json:"topic"`
	Publishers  []End     `json:"publishers"`
	Subscribers []End     `json:"subscribers"`
	Findings    []Finding `json:"findings"`

	name [3]value // owner, scope, topic
}

// Finding is something about a table that its users should know.
type Finding struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Kinds of findings.
const (
	NoPublisher  = "no publisher"
	NoSubscriber = "no subscriber"
	Publishers   = "several publishers"
	Durability   = "durability differs"
	Unresolved   = "unresolved"
)

func newReport() *Report {
	return &Report{Calls: map[string]int{}, TypeErrors: []string{}, Tables: []*Table{}, sites: map[string]bool{}, byName: map[[3]value]*Table{}}
}

// add takes in the ends of a call that was found with some build tags.
func (r *Report) add(call, at string, ends []End, tags string) {
	if !r.sites[at] {
		r.sites[at] = true
		r.Calls[call]++
	}
	for _, end := range ends {
		name := [3]value{end.owner, end.scope, end.topic}
		t := r.byName[name]
		if t == nil {
			t = &Table{
				Owner: end.owner.String(), Scope: end.scope.String(), Topic: end.topic.String(),
				Publishers: []End{}, Subscribers: []End{}, Findings: []Finding{}, name: name,
			}
			r.byName[name] = t
			r.Tables = append(r.Tables, t)
		}
		side := &t.Subscribers
		if end.publishes {
			side = &t.Publishers
		}
		i := slices.IndexFunc(*side, func(o End) bool { return o.Position == end.Position && o.key() == end.key() })
		if i < 0 {
			i = len(*side)
			*side = append(*side, end)
		}
		if each := &(*side)[i]; !slices.Contains(each.Tags, tags) {
			each.Tags = append(each.Tags, tags)
		}
	}
}

// finish sorts, and finds what is odd.
func (r *Report) finish() {
	slices.SortFunc(r.Tables, func(a, b *Table) int { return strings.Compare(a.String(), b.String()) })
	for _, t := range r.Tables {
		slices.SortStableFunc(t.Publishers, End.less)
		slices.SortStableFunc(t.Subscribers, End.less)
	}
	for _, t := range r.Tables {
		t.Findings = append(t.Findings, r.findings(t)...)
	}
}

// String is the table's name: owner/topic, or owner/scope/topic.
func (t *Table) String() string {
	if t.Scope == "" {
		return t.Owner + "/" + t.Topic
	}
	return t.Owner + "/" + t.Scope + "/" + t.Topic
}

func (t *Table) ends() []End { return slices.Concat(t.Publishers, t.Subscribers) }

// resolved reports whether it is known which table it is.
func (t *Table) resolved() bool {
	return !slices.ContainsFunc(t.name[:], func(v value) bool { return !v.known })
}

func (r *Report) findings(t *Table) []Finding {
	var found []Finding
	add := func(kind, format string, args ...any) {
		found = append(found, Finding{kind, fmt.Sprintf(format, args...)})
	}
	if !t.resolved() {
		add(Unresolved, "which table it is can't be known: %s", where(t.ends()))
	} else {
		if len(t.Publishers) == 0 {
			add(NoPublisher, "read by %s%s", where(t.Subscribers), r.unless(t, true))
		}
		if len(t.Subscribers) == 0 {
			add(NoSubscriber, "published by %s%s", where(t.Publishers), r.unless(t, false))
		}
	}
	if together(t.Publishers) {
		add(Publishers, "published by %s", where(t.Publishers))
	}
	durable := with(t.ends(), "true")
	volatile := with(t.ends(), "false")
	if len(durable) > 0 && len(volatile) > 0 {
		add(Durability, "durable: %s; volatile: %s", sides(durable), sides(volatile))
	}
	if open := slices.DeleteFunc(t.ends(), func(e End) bool { return !strings.HasPrefix(e.Durable, "?") }); t.resolved() && len(open) > 0 {
		add(Unresolved, "whether it is durable can't be known: %s", where(open))
	}
	return found
}

// unless names the ends that may be the one that is missing.
func (r *Report) unless(t *Table, publishers bool) string {
	var may []End
	for _, o := range r.Tables {
		ends := o.Subscribers
		if publishers {
			ends = o.Publishers
		}
		if !o.resolved() && matches(o.name, t.name) {
			may = append(may, ends...)
		}
	}
	if len(may) == 0 {
		return ""
	}
	return "; unless it is this one: " + where(may)
}

// matches reports whether a name of which only something is known may be the other.
func matches(open, name [3]value) bool {
	if owner, topic := open[0], open[2]; !owner.known && !topic.known {
		return false
	}
	for i, v := range open {
		if v.known && v != name[i] {
			return false
		}
	}
	return true
}

// together reports whether two of the ends are there with the same build tags.
func together(ends []End) bool {
	count := map[string]int{}
	for _, e := range ends {
		for _, tags := range e.Tags {
			if count[tags]++; count[tags] > 1 {
				return true
			}
		}
	}
	return false
}

func with(ends []End, durable string) []End {
	return slices.DeleteFunc(slices.Clone(ends), func(e End) bool { return e.Durable != durable })
}

func where(ends []End) string {
	texts := make([]string, len(ends))
	for i, e := range ends {
		texts[i] = e.Agent + " (" + strings.Join(append([]string{e.Position}, e.Via...), " from ") + ")"
	}
	return strings.Join(texts, ", ")
}

// sides is where the ends are, with the side that each is.
func sides(ends []End) string {
	var texts []string
	for _, side := range []struct {
		name      string
		publishes bool
	}{{"publisher", true}, {"subscriber", false}} {
		those := slices.DeleteFunc(slices.Clone(ends), func(e End) bool { return e.publishes != side.publishes })
		if len(those) > 0 {
			texts = append(texts, side.name+" "+where(those))
		}
	}
	return strings.Join(texts, ", ")
}

// Findings counts them by kind.
func (r *Report) Findings() map[string]int {
	count := map[string]int{}
	for _, t := range r.Tables {
		for _, f := range t.Findings {
			count[f.Kind]++
		}
	}
	return count
}

// counts is a map as text, in the order of its names.
func counts(m map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[name], name))
	}
	return strings.Join(parts, ", ")
}
