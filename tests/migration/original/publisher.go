package original

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Limit is the size that a message stays below.
const Limit = 65535

// ErrInUse: somebody answers on the socket, or took its name first; the original
// ends its process then.
var ErrInUse = errors.New("the socket is in use")

// Name says which table it is about. Scope may be empty.
type Name struct{ Agent, Scope, Topic string }

// Path returns the table's directory below another.
func (n Name) Path() string { return filepath.Join(n.Agent, n.Scope, n.Topic) }

// Socket returns the table's socket.
func (n Name) Socket(root string) string { return filepath.Join(root, "run", n.Path()+".sock") }

// Dir returns the directory of the table's files.
func (n Name) Dir(root string, durable bool) string {
	if durable {
		return filepath.Join(root, "persist", "status", n.Path())
	}
	return filepath.Join(root, "run", n.Path())
}

// Publisher publishes one table. Its methods are safe for concurrent use.
type Publisher struct {
	// Silent makes hello say no durability, as before there was one.
	Silent bool

	name    Name
	root    string
	durable bool
	l       *net.UnixListener

	mu      sync.Mutex // guards the fields below
	values  map[string]string
	restart int
	conns   map[net.Conn]struct{}
	news    chan struct{} // closed when something changed
	killed  bool
	work    sync.WaitGroup
}

// Publish opens a table as an agent does when it starts: with what its files hold.
func Publish(root string, name Name, durable bool, options ...func(*Publisher)) (*Publisher, error) {
	p := &Publisher{name: name, root: root, durable: durable, conns: map[net.Conn]struct{}{}, news: make(chan struct{})}
	for _, option := range options {
		option(p)
	}
	dir := name.Dir(root, durable)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.MkdirAll(filepath.Dir(name.Socket(root)), 0o700)); err != nil {
		return nil, err
	}
	socket := name.Socket(root)
	if _, err := os.Stat(socket); err == nil {
		if conn, err := net.Dial("unixpacket", socket); err == nil {
			conn.Close()
			return nil, ErrInUse
		}
		if err := os.Remove(socket); err != nil {
			return nil, err
		}
	}
	var err error
	p.l, err = net.ListenUnix("unixpacket", &net.UnixAddr{Name: socket, Net: "unixpacket"})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, err
	}
	p.l.SetUnlinkOnClose(false)
	if p.values, p.restart, err = Load(dir, durable); err != nil {
		p.l.Close()
		return nil, err
	}
	p.work.Go(p.accept)
	return p, nil
}

// Publish sets a key.
func (p *Publisher) Publish(key, value string) error {
	if value == "" || strings.Contains(key, "/") || len(key)+len(".json") > 255 {
		return fmt.Errorf("key %q or its value can't be published", key)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return net.ErrClosed
	}
	if p.values[key] == value {
		return nil
	}
	p.values[key] = value
	p.tell()
	return writeFile(filepath.Join(p.name.Dir(p.root, p.durable), key+".json"), value, p.durable)
}

// Unpublish deletes a key.
func (p *Publisher) Unpublish(key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.values[key]; p.killed || !there {
		return fmt.Errorf("key %q: %w", key, os.ErrNotExist)
	}
	delete(p.values, key)
	p.tell()
	return p.removeFile(key)
}

func (p *Publisher) removeFile(key string) error {
	file := filepath.Join(p.name.Dir(p.root, p.durable), key+".json")
	if err := os.Remove(file + ".bak"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Remove(file)
}

// Restarted sets the restart counter.
func (p *Publisher) Restarted(counter int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed || p.restart == counter {
		return nil
	}
	p.restart = counter
	p.tell()
	file := filepath.Join(p.name.Dir(p.root, p.durable), "restarted")
	if counter == 0 {
		return os.Remove(file)
	}
	return writeFile(file, strconv.Itoa(counter), false)
}

// Untold changes files as a process does that is killed before its sockets say
// so. An empty value removes the file.
func (p *Publisher) Untold(key, value string) error {
	if value == "" {
		return p.removeFile(key)
	}
	return writeFile(filepath.Join(p.name.Dir(p.root, p.durable), key+".json"), value, p.durable)
}

// Values returns what is published.
func (p *Publisher) Values() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.values)
}

// Counter returns the restart counter.
func (p *Publisher) Counter() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restart
}

// Kill ends the publisher as the end of its process does: its files stay, and so
// does its socket, on which nobody listens any more.
func (p *Publisher) Kill() {
	p.mu.Lock()
	if !p.killed {
		p.killed = true
		p.l.Close()
		for conn := range p.conns {
			conn.Close()
		}
		p.tell()
	}
	p.mu.Unlock()
	p.work.Wait()
}

// tell wakes those that serve connections. The lock is held.
func (p *Publisher) tell() {
	close(p.news)
	p.news = make(chan struct{})
}

func (p *Publisher) accept() {
	for {
		conn, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.killed {
			p.mu.Unlock()
			conn.Close()
			return
		}
		p.conns[conn] = struct{}{}
		p.work.Go(func() { p.serve(conn) })
		p.mu.Unlock()
	}
}

// peer is one connection and what it was told.
type peer struct {
	p       *Publisher
	conn    net.Conn
	sent    map[string]string
	restart int
}

func (p *Publisher) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		p.mu.Lock()
		delete(p.conns, conn)
		p.mu.Unlock()
	}()
	buf := make([]byte, 256)
	n, err := conn.Read(buf)
	if err != nil || string(buf[:n]) != "request "+p.name.Topic {
		return
	}
	hello := "hello " + p.name.Topic
	if !p.Silent {
		hello += fmt.Sprintf(" %t", p.durable)
	}
	if _, err := conn.Write([]byte(hello)); err != nil {
		return
	}
	to := &peer{p: p, conn: conn, sent: map[string]string{}}
	for first := true; ; first = false {
		p.mu.Lock()
		values, restart, news, killed := maps.Clone(p.values), p.restart, p.news, p.killed
		p.mu.Unlock()
		if killed || to.tell(values, restart, first) != nil {
			return
		}
		<-news
	}
}

// tell sends what differs from what was sent: deletions, values, the restart
// counter.
func (to *peer) tell(values map[string]string, restart int, first bool) error {
	for key := range to.sent {
		if _, there := values[key]; !there {
			delete(to.sent, key)
			if err := to.send("delete", word(key)); err != nil {
				return err
			}
		}
	}
	for key, value := range values {
		if sent, there := to.sent[key]; there && sent == value {
			continue
		}
		to.sent[key] = value
		small, err := extract(value, filepath.Join(to.p.root, "persist", "pubsub-large", to.p.name.Path()))
		if err != nil {
			return err
		}
		if err := to.send("update", word(key), word(small)); err != nil {
			return err
		}
	}
	if first {
		if err := to.send("complete"); err != nil {
			return err
		}
	}
	if restart == to.restart {
		return nil
	}
	to.restart = restart
	return to.send("restarted", strconv.Itoa(restart))
}

func word(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func (to *peer) send(verb string, words ...string) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s", verb, to.p.name.Topic)
	for _, w := range words {
		text.WriteString(" " + w)
	}
	if text.Len() >= Limit {
		return fmt.Errorf("a message of %d bytes, which ends the original's process", text.Len())
	}
	_, err := to.conn.Write(text.Bytes())
	return err
}
