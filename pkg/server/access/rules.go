package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkv/nkv/pkg/wire"
)

// Role is what an identity may do besides acting as its agents.
type Role string

// The roles.
const (
	NoRole   Role = ""
	Operator Role = "operator" // reads and writes all
	Observer Role = "observer" // reads all
)

// Identity is one that may connect, as the agents file has it.
type Identity struct {
	Name      string
	Role      Role
	Agents    []string // names that it may act under
	Reads     []string // patterns of tables; none: all but secret ones
	Passwords []string // bcrypt hashes
	NKeys     []string // public keys
	UIDs      []uint32 // of peers of the Unix socket
	GIDs      []uint32 // likewise

	place string // file and line, for messages
}

// Rules are an agents file that was read. They are not changed any more, so they
// are safe for concurrent use.
type Rules struct {
	identities []*Identity // in the file's order
	secrets    []secret

	named map[string]*Identity // by name
	keyed map[string]*Identity // by public key
	users map[uint32]*Identity // by uid
	group map[uint32]*Identity // by gid
	taken map[string]bool      // names of agents that belong to an identity
	decoy *Identity            // whose password is checked, in vain, for a user without any; it has no name
}

// secret names tables that are not read by default: one, or all of an agent.
type secret struct {
	pattern string // agent.topic, agent.topic@scope or agent.>, encoded
	agent   string // encoded
	place   string
}

func (s secret) whole() bool { return strings.HasSuffix(s.pattern, ".>") }

func (s secret) covers(table string) bool {
	return s.pattern == table || s.whole() && strings.HasPrefix(table, s.agent+".")
}

// Identities returns all, in the order of the file.
func (r *Rules) Identities() []Identity {
	all := make([]Identity, 0, len(r.identities))
	for _, id := range r.identities {
		all = append(all, *id)
	}
	return all
}

// Secret returns what is not read by default: tables, and agent.> for all of an
// agent.
func (r *Rules) Secret() []string {
	all := make([]string, 0, len(r.secrets))
	for _, s := range r.secrets {
		all = append(all, s.pattern)
	}
	return all
}

// Named returns the identity with a name; ErrUnknown when there is none.
func (r *Rules) Named(name string) (*Identity, error) {
	if id := r.named[name]; id != nil {
		return id, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
}

// Peer returns the identity of a process at the other end of the Unix socket, by
// its uid and then its gid, as they were when it connected.
func (r *Rules) Peer(uid, gid uint32) (*Identity, error) {
	if id := r.users[uid]; id != nil {
		return id, nil
	}
	if id := r.group[gid]; id != nil {
		return id, nil
	}
	return nil, fmt.Errorf("%w: no identity has uid %d or gid %d", ErrCredentials, uid, gid)
}

// Access is what one identity may do that acts as one agent. A nil one may do
// everything: there is no access control, or it is the server's own. It is not
// changed any more, so it is safe for concurrent use.
type Access struct {
	rules    *Rules
	identity *Identity
	agent    string   // name
	own      string   // how its tables begin, encoded; empty: it has none
	secrets  []secret // that it may not read
	patterns []wire.Pattern
	bySecret map[string][]secret // secrets, by agent
}

// As returns what an identity may do under an agent's name. It must be one of the
// identity's agents. An operator takes any name, and who has no agents takes any
// that is not another's. Otherwise the error is ErrName.
func (r *Rules) As(id *Identity, agent string) (*Access, error) {
	a := &Access{rules: r, identity: id, agent: agent, bySecret: map[string][]secret{}}
	switch {
	case slices.Contains(id.Agents, agent):
		a.own = wire.EncodeToken(agent) + "."
	case id.Role == Operator:
	case len(id.Agents) > 0:
		return nil, fmt.Errorf("%w: %q; %s: identity %q acts as %s", ErrName, agent, id.place, id.Name, strings.Join(id.Agents, ", "))
	case r.taken[agent]:
		return nil, fmt.Errorf("%w: %q; %s: identity %q acts as no agent, and that name is another identity's", ErrName, agent, id.place, id.Name)
	}
	if id.Role != NoRole {
		return a, nil
	}
	for _, text := range id.Reads {
		pattern, err := wire.ParsePattern(text)
		if err != nil {
			return nil, err // it was checked when the file was read
		}
		a.patterns = append(a.patterns, pattern)
	}
	for _, s := range r.secrets {
		if !a.granted(s) {
			a.secrets = append(a.secrets, s)
			a.bySecret[s.agent] = append(a.bySecret[s.agent], s)
		}
	}
	return a, nil
}

// granted reports whether all of a secret may be read: its tables are one's own,
// or a pattern names their agent.
func (a *Access) granted(s secret) bool {
	if a.own == s.agent+"." {
		return true
	}
	return slices.ContainsFunc(a.patterns, func(p wire.Pattern) bool { return reveals(p.String(), s) })
}

// reveals reports whether a pattern covers all of a secret and names its agent:
// wildcards in an agent's place don't reveal what is secret.
func reveals(pattern string, s secret) bool {
	agent, topic, _ := strings.Cut(pattern, ".")
	return agent == s.agent && (topic == ">" || topic == "*" || pattern == s.pattern)
}

// Identity returns the identity's name; empty: there is none.
func (a *Access) Identity() string {
	if a == nil {
		return ""
	}
	return a.identity.Name
}

// Agent returns the name that the identity acts under.
func (a *Access) Agent() string {
	if a == nil {
		return ""
	}
	return a.agent
}

// Of reports whether it comes from these rules.
func (a *Access) Of(r *Rules) bool { return a.rules == r }

// Again returns what the same identity may do under the same name by these rules;
// nil: it is not there any more, or may not have that name.
func (r *Rules) Again(before *Access) *Access {
	id := r.named[before.identity.Name]
	if id == nil {
		return nil
	}
	after, err := r.As(id, before.agent)
	if err != nil {
		return nil
	}
	return after
}
