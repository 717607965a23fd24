package pubsub

import (
	"slices"
	"sync"
)

// Notify is a token that says that a collection has changed.
type Notify struct{}

type updater struct {
	name     string
	instance int
	ch       chan<- Notify
}

// Updaters are the channels that are told when a publication of this process has
// changed, for drivers that look themselves at what it was. Safe for concurrent
// use.
type Updaters struct {
	mu  sync.Mutex // guards all
	all []updater
}

// Add has a channel told of the changes of the collection called name.
func (u *Updaters) Add(_ Log, ch chan Notify, name string, instance int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(u.all, updater{name: name, instance: instance, ch: ch})
}

// Remove ends that.
func (u *Updaters) Remove(_ Log, ch chan Notify) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = slices.DeleteFunc(u.all, func(a updater) bool { return a.ch == ch })
}

// notify puts a token into each channel of name that has room for one.
func (u *Updaters) notify(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range u.all {
		if a.name != name {
			continue
		}
		select {
		case a.ch <- Notify{}:
		default: // it holds one already
		}
	}
}
