package access

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is what the rules say to one question.
type Verdict struct {
	Allowed bool
	Rule    string // the rule that decides, and where it stands
}

// Reads reports whether an encoded table may be read.
func (a *Access) Reads(table string) bool {
	if a == nil {
		return true
	}
	allowed, _ := a.read(table)
	return allowed
}

// read decides, and returns the secret that refuses; nil: another rule does.
func (a *Access) read(table string) (allowed bool, because *secret) {
	if a.identity.Role != NoRole || a.owns(table) {
		return true, nil
	}
	agent, _, _ := strings.Cut(table, ".")
	hiding := a.bySecret[agent]
	for i := range hiding {
		if hiding[i].covers(table) {
			return false, &hiding[i]
		}
	}
	return len(a.patterns) == 0 || a.pattern(table) != "", nil
}

func (a *Access) owns(table string) bool { return a.own != "" && strings.HasPrefix(table, a.own) }

// pattern returns the pattern that grants a table; empty: none.
func (a *Access) pattern(table string) string {
	for _, p := range a.patterns {
		if p.MatchTable(table) {
			return p.String()
		}
	}
	return ""
}

// Writes reports whether an encoded table may be written.
func (a *Access) Writes(table string) bool {
	return a == nil || a.identity.Role == Operator || a.owns(table)
}

// CheckRead returns nil, or a Denied, for an encoded table.
func (a *Access) CheckRead(table string) error {
	if a.Reads(table) {
		return nil
	}
	return a.denied("read "+table, a.Read(table))
}

// CheckWrite returns nil, or a Denied, for an encoded table.
func (a *Access) CheckWrite(table string) error {
	if a.Writes(table) {
		return nil
	}
	return a.denied("write "+table, a.Write(table))
}

func (a *Access) denied(what string, v Verdict) error {
	return &Denied{Who: fmt.Sprintf("identity %s as agent %s", a.identity.Name, a.agent), What: what, Rule: v.Rule}
}

// Read says whether an encoded table may be read, and by which rule.
func (a *Access) Read(table string) Verdict {
	if a == nil {
		return Verdict{true, "no access control"}
	}
	allowed, because := a.read(table)
	id := a.identity
	switch {
	case id.Role != NoRole:
		return Verdict{allowed, fmt.Sprintf("%s: role %s reads all", id.place, id.Role)}
	case a.owns(table):
		return Verdict{allowed, fmt.Sprintf("%s: agent %s owns its tables", id.place, a.agent)}
	case because != nil:
		return Verdict{allowed, fmt.Sprintf("%s: %s is secret, and reads of identity %s do not name it", because.place, because.pattern, id.Name)}
	case len(a.patterns) == 0:
		return Verdict{allowed, fmt.Sprintf("%s: identity %s has no reads, so it reads all but secret tables", id.place, id.Name)}
	case allowed:
		return Verdict{allowed, fmt.Sprintf("%s: reads of identity %s: %s", id.place, id.Name, a.pattern(table))}
	}
	return Verdict{allowed, fmt.Sprintf("%s: reads of identity %s are only %s", id.place, id.Name, strings.Join(id.Reads, ", "))}
}

// Write says whether an encoded table may be written, and by which rule.
func (a *Access) Write(table string) Verdict {
	allowed := a.Writes(table)
	switch {
	case a == nil:
		return Verdict{true, "no access control"}
	case a.identity.Role == Operator:
		return Verdict{allowed, fmt.Sprintf("%s: role operator writes all", a.identity.place)}
	case allowed:
		return Verdict{allowed, fmt.Sprintf("%s: agent %s owns its tables", a.identity.place, a.agent)}
	case a.own == "":
		return Verdict{allowed, fmt.Sprintf("%s: identity %s acts as no agent, so it owns no tables", a.identity.place, a.identity.Name)}
	}
	return Verdict{allowed, fmt.Sprintf("%s: identity %s acts as agent %s, which writes only its own tables", a.identity.place, a.identity.Name, a.agent)}
}

// Listen returns which tables' events may be heard, as patterns agent.topic of
// which either may be *, agent.> for all of an agent, and > for all; and which of
// these not, as agent.topic or agent.>. A nil Access hears all.
func (a *Access) Listen() (allow, deny []string) {
	if a == nil || a.identity.Role != NoRole {
		return []string{">"}, nil
	}
	for _, s := range a.secrets {
		deny = append(deny, s.pattern)
	}
	if len(a.patterns) == 0 {
		return []string{">"}, deny
	}
	for _, p := range a.patterns {
		allow = append(allow, whole(p.String()))
	}
	if a.own != "" {
		allow = append(allow, a.own+">")
	}
	slices.Sort(allow)
	return slices.Compact(allow), deny
}

// whole writes agent.*, which is all of an agent, as agent.>.
func whole(pattern string) string {
	if agent, all := strings.CutSuffix(pattern, ".*"); all {
		return agent + ".>"
	}
	return pattern
}

// Same reports whether two let their connections do the same, in the same way: a
// connection that had the one may go on with the other.
func (a *Access) Same(b *Access) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a.identity, *b.identity
	allowA, denyA := a.Listen()
	allowB, denyB := b.Listen()
	return a.agent == b.agent && a.own == b.own && x.Name == y.Name && x.Role == y.Role &&
		slices.Equal(x.Passwords, y.Passwords) && slices.Equal(x.NKeys, y.NKeys) &&
		slices.Equal(x.UIDs, y.UIDs) && slices.Equal(x.GIDs, y.GIDs) &&
		slices.Equal(allowA, allowB) && slices.Equal(denyA, denyB)
}
