package original

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// redialAfter is the pause after a publisher could not be reached.
const redialAfter = 5 * time.Millisecond

// Event is something that a subscriber heard.
type Event struct {
	Verb  string // "update", "delete", "complete", "restarted" or "hello"
	Key   string // the counter of "restarted", the flag of "hello"
	Value string
}

// Subscriber reads one table. Its methods are safe for concurrent use.
//
// The original keeps keys that were deleted, and a restart counter that was
// cleared, while it had no connection; this one forgets them when the new
// connection is complete, so that views can be compared. Connections tells how
// often that can have been so.
type Subscriber struct {
	name Name
	root string
	hear func(Event) // nil: nobody

	mu          sync.Mutex // guards the fields below
	values      map[string]string
	unseen      map[string]struct{} // keys that did not come on this connection, before it is complete
	restart     int
	complete    bool
	connections int
	conn        net.Conn
	hold        chan struct{} // not nil: nothing is read until it is closed
	err         error         // what the original would not have understood

	closed chan struct{}
	work   sync.WaitGroup
}

// Subscribe starts to read a table. hear is called for each message, with the
// view as it is after it; nil: nobody is called.
func Subscribe(root string, name Name, hear func(Event)) *Subscriber {
	s := &Subscriber{name: name, root: root, hear: hear, values: map[string]string{}, closed: make(chan struct{})}
	s.work.Go(s.run)
	return s
}

// Values returns the view.
func (s *Subscriber) Values() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.values)
}

// Counter returns the restart counter.
func (s *Subscriber) Counter() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restart
}

// Complete reports whether all of the table has come.
func (s *Subscriber) Complete() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.complete
}

// Connections returns how many connections there have been.
func (s *Subscriber) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Err returns the first message that could not be read.
func (s *Subscriber) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Hold makes the subscriber read nothing until the returned function is called.
func (s *Subscriber) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.hold = gate
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.hold == gate {
			s.hold = nil
		}
		close(gate)
	})
}

// Close ends the subscriber.
func (s *Subscriber) Close() {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	if s.conn != nil {
		s.conn.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

func (s *Subscriber) run() {
	for {
		if conn, err := net.Dial("unixpacket", s.name.Socket(s.root)); err == nil {
			s.read(conn)
			conn.Close()
		}
		select {
		case <-s.closed:
			return
		case <-time.After(redialAfter):
		}
	}
}

func (s *Subscriber) read(conn net.Conn) {
	s.mu.Lock()
	s.conn = conn
	s.connections++
	s.unseen = map[string]struct{}{}
	for key := range s.values {
		s.unseen[key] = struct{}{}
	}
	s.mu.Unlock()
	select {
	case <-s.closed:
		return
	default:
	}
	if _, err := conn.Write([]byte("request " + s.name.Topic)); err != nil {
		return
	}
	buf := make([]byte, Limit+1)
	for {
		s.mu.Lock()
		hold := s.hold
		s.mu.Unlock()
		if hold != nil {
			select {
			case <-hold:
			case <-s.closed:
				return
			}
		}
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if err := s.take(string(buf[:n])); err != nil {
			s.mu.Lock()
			if s.err == nil {
				s.err = err
			}
			s.mu.Unlock()
		}
	}
}

func (s *Subscriber) take(text string) error {
	words := strings.Split(text, " ")
	if len(text) >= Limit || len(words) < 2 || words[1] != s.name.Topic {
		return fmt.Errorf("a message of %d bytes, %d words", len(text), len(words))
	}
	e := Event{Verb: words[0]}
	var err error
	switch {
	case e.Verb == "hello" && len(words) == 3:
		e.Key = words[2]
	case e.Verb == "complete":
	case e.Verb == "restarted" && len(words) == 3:
		e.Key = words[2]
	case e.Verb == "delete" && len(words) == 3:
		e.Key, err = unword(words[2])
	case e.Verb == "update" && len(words) == 4:
		if e.Key, err = unword(words[2]); err == nil {
			if e.Value, err = unword(words[3]); err == nil {
				e.Value, err = inline(e.Value)
			}
		}
	default:
		err = fmt.Errorf("message %s with %d words", e.Verb, len(words))
	}
	if err == nil {
		err = s.apply(e)
	}
	if err == nil && s.hear != nil {
		s.hear(e)
	}
	return err
}

func unword(text string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	return string(b), err
}

func (s *Subscriber) apply(e Event) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Verb {
	case "update":
		s.values[e.Key] = e.Value
		delete(s.unseen, e.Key)
	case "delete":
		if _, there := s.values[e.Key]; !there {
			return fmt.Errorf("key %q is deleted, which never came", e.Key)
		}
		delete(s.values, e.Key)
	case "complete":
		for key := range s.unseen {
			delete(s.values, key)
		}
		s.unseen, s.complete, s.restart = nil, true, 0
	case "restarted":
		s.restart, err = strconv.Atoi(e.Key)
	}
	return err
}
