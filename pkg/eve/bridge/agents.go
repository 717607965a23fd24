package bridge

import (
	"fmt"
	"sync"

	"github.com/evenkv/nkv/pkg/client"
)

// agents are the clients under the names of old publishers' agents: only the
// agent may own its tables. A client is there while somebody uses it.
type agents struct {
	b *Bridge

	mu     sync.Mutex // guards the fields below, and those of each agent
	byName map[string]*agent
}

// agent is one client.
type agent struct {
	connect  func() (*client.Client, error) // the same at each call
	users    int
	instance string // as the core names it; empty: not connected yet
}

// get returns the client of an agent; put must follow, also an error.
func (a *agents) get(name string) (*client.Client, error) {
	a.mu.Lock()
	found := a.byName[name]
	if found == nil {
		found = &agent{connect: sync.OnceValues(func() (*client.Client, error) {
			return client.Connect(a.b.ctx, "", client.InProcess(a.b.server), client.Name(name), client.Logger(a.b.log))
		})}
		a.byName[name] = found
	}
	found.users++
	a.mu.Unlock()
	c, err := found.connect()
	if err != nil {
		return nil, fmt.Errorf("connect as agent %s: %w", name, err)
	}
	a.mu.Lock()
	found.instance = a.b.server.InstanceID(c.Instance())
	a.mu.Unlock()
	return c, nil
}

// put closes the client when nobody else uses it.
func (a *agents) put(name string) {
	a.mu.Lock()
	found := a.byName[name]
	found.users--
	last := found.users == 0
	if last {
		delete(a.byName, name)
	}
	a.mu.Unlock()
	if !last {
		return
	}
	if c, err := found.connect(); err == nil {
		c.Close()
	}
}

// own reports whether an instance of an agent is one of the bridge's.
func (a *agents) own(name, instance string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.byName[name]
	return found != nil && found.instance == instance
}
