package bridge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/tests/migration/original"
)

// script listens on a table's socket and says to whoever connects, after the
// request, what it is given; then it is silent.
func script(b *bench, name original.Name, messages ...string) (end func()) {
	b.t.Helper()
	b.must(os.MkdirAll(filepath.Dir(name.Socket(b.root)), 0o700))
	l, err := net.Listen("unixpacket", name.Socket(b.root))
	b.must(err)
	done := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			buf := make([]byte, 256)
			conn.Read(buf) //nolint:errcheck // it may have gone
			for _, m := range messages {
				conn.Write([]byte(m)) //nolint:errcheck // it may have gone
			}
		}
	}()
	end = func() {
		l.Close()
		<-done
		for _, conn := range conns {
			conn.Close()
		}
	}
	b.t.Cleanup(end)
	return end
}

func word(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Nothing that a publisher says keeps the rest of what it says from the table.
func TestMessagesThatAreNone(t *testing.T) {
	b := newBench(t)
	secret := filepath.Join(b.root, "secret")
	b.must(os.WriteFile(secret, []byte(`{"pubsub-large-X":1}`), 0o600))
	messages := []string{
		"hello AppStatus false", "x", "update", "update AppStatus", "update AppStatus a b", "update Other " + word("k") + " " + word("1"),
		"update AppStatus " + word("") + " " + word("1"), "update AppStatus " + word("a/b") + " " + word("1"), "update AppStatus " + word("\xff") + " " + word("1"),
		"update AppStatus " + word(strings.Repeat("k", 251)) + " " + word("1"), "update AppStatus " + word("empty") + " ",
		"update AppStatus " + word("large") + " " + word(`{"pubsub-file-X":"\"`+secret+`\""}`), "update AppStatus " + word("huge") + " " + word(strings.Repeat("x", 60_000)),
		"delete AppStatus !", "delete AppStatus " + word("never there"), "restarted AppStatus", "restarted AppStatus -1", "restarted AppStatus x",
		"hello AppStatus true", "request AppStatus", "reboot AppStatus now",
		"update AppStatus " + word("k") + " " + word(value(1)), "complete AppStatus", "complete AppStatus", "restarted AppStatus 1", "restarted AppStatus 7",
	}
	script(b, status, messages...)
	info := b.holds(status, map[string]string{"k": value(1)})
	b.await("the counter comes", func() bool { info, _ = b.snapshot(status); return info.Restart == 7 })
	if info.Durable {
		t.Error("a second hello changed the table")
	}
	if _, err := os.Stat(secret); err != nil {
		t.Errorf("a file outside was touched: %v", err)
	}
	if log := b.said.String(); strings.Contains(log, "html") || !strings.Contains(log, "can't be read and is left out") {
		t.Error("the log has values, or nothing of what was wrong")
	}
}

// What is no publisher, though it answers, blocks nobody and gives way to one.
func TestPeersThatAreNoPublishers(t *testing.T) {
	for _, messages := range [][]string{
		nil, {"hello Other true"}, {"hello"}, {"he"}, {"update AppStatus " + word("k") + " " + word("1")}, {strings.Repeat("x", 100_000)},
	} {
		b := newBench(t)
		b.bridge.Close()
		b.greets = 50 * time.Millisecond
		b.start()
		end := script(b, status, messages...)
		p := b.publish(scoped, false)
		b.must(p.Publish("k", value(1)))
		b.holds(scoped, p.Values())
		b.says("can't be followed")
		end()
		p = b.publish(status, false)
		b.must(p.Publish("k", value(2)))
		b.holds(status, p.Values())
	}
}

// Publishers that end in their greeting, one now and then, are not taken for one
// that never greets: openings would no longer wait for what they wrote.
func TestPublishersThatEndInTheirGreeting(t *testing.T) {
	b := newBench(t)
	d, _ := b.own(status)
	d.cut(true) // the table has an owner still, so its place stays
	b.bridge.mu.Lock()
	p := b.bridge.places[table(status)]
	b.bridge.mu.Unlock()
	for range 2 * maxEnding {
		var l net.Listener
		b.await("the socket is free", func() (free bool) {
			var err error
			l, err = net.Listen("unixpacket", status.Socket(b.root))
			return err == nil
		})
		conn, err := l.Accept()
		b.must(err)
		b.must(errors.Join(l.Close(), conn.Close()))
		b.await("it is seen that nobody is there", func() bool {
			b.bridge.mu.Lock()
			defer b.bridge.mu.Unlock()
			return !p.unseen
		})
	}
	b.bridge.Close()
	if p.ended > 1 {
		t.Errorf("%d count as one after the other without a pause", p.ended)
	}
}

func TestWhatLiesWhereASocketShouldBe(t *testing.T) {
	b := newBench(t)
	dir := filepath.Dir(status.Socket(b.root))
	b.must(os.MkdirAll(dir, 0o700))
	stream, err := net.Listen("unix", filepath.Join(dir, "Stream.sock"))
	b.must(err)
	t.Cleanup(func() { stream.Close() })
	b.must(os.Symlink(filepath.Join(dir, "Stream.sock"), filepath.Join(dir, "Link.sock")))
	b.must(os.Symlink(dir, filepath.Join(b.root, "run", "loop")))
	b.must(os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "Dangling.sock")))
	b.must(os.WriteFile(filepath.Join(dir, "File.sock"), []byte("precious"), 0o600))
	b.must(os.Mkdir(filepath.Join(dir, "Dir.sock"), 0o700))
	b.must(os.WriteFile(filepath.Join(b.root, "run", "agent.sock"), nil, 0o600))

	for _, topic := range []string{"File", "Dir", "Link", "Dangling"} {
		name := original.Name{Agent: status.Agent, Topic: topic}
		_, pub := b.own(name)
		b.must(pub.Put(t.Context(), "k", []byte(value(1))))
		b.says("table=zedagent." + topic)
		b.must(os.Remove(name.Socket(b.root)))
		b.sees(b.subscribe(name, nil), map[string]string{"k": value(1)})
	}

	// One that a killed publisher left behind.
	p := b.publish(status, false)
	p.Kill()
	_, pub := b.own(status)
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	b.sees(b.subscribe(status, nil), map[string]string{"k": value(1)})

	// One that somebody removes while it is served is made again.
	b.must(os.Remove(status.Socket(b.root)))
	b.sees(b.subscribe(status, nil), map[string]string{"k": value(1)})
}

func TestTooManyConnections(t *testing.T) {
	b := newBench(t)
	_, pub := b.own(status)
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	b.await("the socket is there", func() bool { return b.socketIsThere(status) })
	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for range maxPerTable + 10 {
		conn, err := net.Dial("unixpacket", status.Socket(b.root))
		b.must(err)
		conns = append(conns, conn)
	}
	b.says("there are too many")
	other := original.Name{Agent: status.Agent, Topic: "Other"}
	_, pub = b.own(other)
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	b.sees(b.subscribe(other, nil), map[string]string{"k": value(1)})
	for _, conn := range conns {
		conn.Close()
	}
	b.sees(b.subscribe(status, nil), map[string]string{"k": value(1)})
	b.await("connections are forgotten", func() bool {
		b.bridge.mu.Lock()
		defer b.bridge.mu.Unlock()
		return b.bridge.total == 2
	})
}

// Who connects and is silent, or asks for something else, is cut.
func TestPeersThatAreNoSubscribers(t *testing.T) {
	b := newBench(t)
	b.bridge.Close()
	b.greets = 50 * time.Millisecond
	b.start()
	_, pub := b.own(status)
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	b.await("the socket is there", func() bool { return b.socketIsThere(status) })
	for _, request := range []string{"", "request Other", "request", "hello AppStatus", "request AppStatus x", strings.Repeat("r", 300), "request AppStatus" + strings.Repeat(" ", 300)} {
		conn, err := net.Dial("unixpacket", status.Socket(b.root))
		b.must(err)
		if request != "" {
			_, err = conn.Write([]byte(request))
			b.must(err)
		}
		b.must(conn.SetReadDeadline(time.Now().Add(patience)))
		if n, err := conn.Read(make([]byte, 100)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.30q: %d bytes came, %v", request, n, err)
		}
		conn.Close()
	}
	// One that talks on is cut, too.
	conn, err := net.Dial("unixpacket", status.Socket(b.root))
	b.must(err)
	defer conn.Close()
	for range 2 {
		_, err = conn.Write([]byte("request AppStatus"))
		b.must(err)
	}
	b.must(conn.SetReadDeadline(time.Now().Add(patience)))
	for err == nil {
		_, err = conn.Read(make([]byte, 1000))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("it was not cut")
	}
	b.sees(b.subscribe(status, nil), map[string]string{"k": value(1)})
}

// There may be more sockets than the bridge looks at; those it does look at work.
func TestTooManySockets(t *testing.T) {
	b := newBench(t)
	deep := original.Name{Agent: "a", Scope: "b/c/d/e/f", Topic: "T"}
	p := b.publish(deep, false)
	b.must(p.Publish("k", value(1)))
	for n := range maxDirs + 10 {
		b.must(os.MkdirAll(filepath.Join(b.root, "run", fmt.Sprint("agent", n)), 0o700))
	}
	b.says("not every directory is watched")
	for _, name := range []original.Name{{Agent: "agent1", Topic: "T"}, {Agent: "a", Scope: "b/c/d", Topic: "T"}} {
		p := b.publish(name, false)
		b.must(p.Publish("k", value(1)))
		b.holds(name, p.Values())
	}
	if _, values := b.snapshot(deep); len(values) != 0 {
		t.Errorf("too deep: %v", values)
	}
}

// A table's own directory is not watched: its files are no news.
func TestDirectoriesOfTables(t *testing.T) {
	b := newBench(t)
	w, err := newWatcher(b.bridge)
	b.must(err)
	defer w.fs.Close()
	p := b.publish(scoped, false)
	b.must(p.Publish("k", value(1)))
	b.must(os.MkdirAll(filepath.Join(b.root, "run", "global", "T"), 0o700))
	w.scan(w.top, 0)
	for dir, want := range map[string]bool{"": true, "verifier": true, "verifier/AppImg": true, "verifier/AppImg/VerifyStatus": false, "global": false} {
		if _, watched := w.dirs[filepath.Join(w.top, dir)]; watched != want {
			t.Errorf("%q is watched: %t", dir, watched)
		}
	}
	b.must(os.RemoveAll(w.top))
	w.scan(w.top, 0) // it says nothing worse than that it is not there
	if _, err := os.Stat(w.top); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A bridge may end at any moment of a greeting that fails.
func TestTheEndOfAGreeting(t *testing.T) {
	b := newBench(t)
	script(b, status, "no hello")
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if conn, _, err := greet(ctx, status.Socket(b.root), status.Topic, patience); err == nil {
			conn.Close()
			t.Fatal("it was taken for a publisher")
		}
		cancel()
	}
}
