// Package socketdriver stands in for EVE's package of that name: sockets and files
// as that one has them.
package socketdriver

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/tests/migration/original"
	"github.com/lf-edge/eve/pkg/pillar/base"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

// SocketDriver is the original's driver.
type SocketDriver struct {
	Logger  *logrus.Logger
	Log     *base.LogObject
	RootDir string
}

func split(name string) original.Name {
	agent, topic, _ := strings.Cut(name, "/")
	return original.Name{Agent: agent, Topic: topic}
}

// Publisher makes the writing end of a table.
func (d *SocketDriver) Publisher(_ bool, name, _ string, persistent bool, _ *pubsub.Updaters, _ pubsub.Restarted, _ pubsub.Differ) (pubsub.DriverPublisher, error) {
	p, err := original.Publish(d.RootDir, split(name), persistent)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", name, err)
	}
	return &publisher{p}, nil
}

// Subscriber makes the reading end of a table.
func (d *SocketDriver) Subscriber(_ bool, name, _ string, persistent bool, C chan pubsub.Change) (pubsub.DriverSubscriber, error) {
	return &subscriber{root: d.RootDir, name: split(name), persistent: persistent, changes: C, done: make(chan struct{})}, nil
}

// DefaultName is the agent's name where none is given.
func (d *SocketDriver) DefaultName() string { return "global" }

type publisher struct{ *original.Publisher }

func (p *publisher) Start() error { return nil }

func (p *publisher) Load() (map[string][]byte, int, error) {
	return bytes(p.Values()), p.Counter(), nil
}

func (p *publisher) Publish(key string, item []byte) error {
	return p.Publisher.Publish(key, string(item))
}

func (p *publisher) Restart(counter int) error { return p.Restarted(counter) }

func (p *publisher) Stop() error {
	p.Kill()
	return nil
}

func (p *publisher) CheckMaxSize(string, []byte) error { return nil }

func (p *publisher) LargeDirName() string { return "" }

type subscriber struct {
	root       string
	name       original.Name
	persistent bool
	changes    chan pubsub.Change
	done       chan struct{}
	sub        *original.Subscriber
}

func (s *subscriber) Load() (map[string][]byte, int, error) {
	values, restarts, err := original.Load(s.name.Dir(s.root, s.persistent), false)
	return bytes(values), restarts, err
}

func (s *subscriber) Start() error {
	s.sub = original.Subscribe(s.root, s.name, func(e original.Event) {
		c := pubsub.Change{Key: e.Key, Value: []byte(e.Value)}
		switch e.Verb {
		case "update":
			c.Operation = pubsub.Modify
		case "delete":
			c.Operation = pubsub.Delete
		case "restarted":
			c.Operation = pubsub.Restart
		case "complete":
			c.Operation = pubsub.Sync
		default:
			return
		}
		select {
		case s.changes <- c:
		case <-s.done:
		}
	})
	return nil
}

func (s *subscriber) Stop() error {
	close(s.done)
	s.sub.Close()
	return nil
}

func (s *subscriber) LargeDirName() string { return "" }

func bytes(values map[string]string) map[string][]byte {
	all := map[string][]byte{}
	for key, value := range values {
		all[key] = []byte(value)
	}
	return all
}
