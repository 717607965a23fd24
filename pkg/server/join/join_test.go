package join_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

const connectLine = "CONNECT {\"verbose\":false}\r\n"

// send writes to a client's socket.
func send(t testing.TB, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// expectRest reads to the end and compares.
func expectRest(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("after %q: %v", got, err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Fatalf("what the client got (-want +got):\n%s", diff)
	}
}

func TestRequestReply(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{})
	service, client := server.connect(t, "unix"), server.connect(t, "unix")
	subscribe(t, service, "echo", func(m *nats.Msg) { m.Respond(m.Data) })
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	// Around the sizes of buffers, and the largest.
	sizes := []int{0, 1, 511, 512, 513, 4000, 4095, 4096, 4097, 65535, 65536, 65537, 1 << 20, largeValue}
	for range 50 {
		sizes = append(sizes, random.IntN(200<<10))
	}
	for _, size := range sizes {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		answer, err := client.Request("echo", payload, patience)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if !bytes.Equal(answer.Data, payload) {
			t.Fatalf("%d bytes came back as %d others", size, len(answer.Data))
		}
	}
}

func TestManyConnections(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{})
	const connections, events = 200, 50
	var all sync.WaitGroup
	for range connections {
		nc := server.connect(t, "unix")
		all.Add(events)
		next := 0
		subscribe(t, nc, "event", func(m *nats.Msg) {
			if want := fmt.Sprint(next); string(m.Data) != want {
				t.Errorf("got event %s, want %s", m.Data, want)
			}
			next++
			all.Done()
		})
	}
	publisher := server.connect(t, "unix")
	for i := range events {
		if err := publisher.Publish("event", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if n := server.joiner.Len(); n != connections+1 {
		t.Errorf("%d connections are joined, want %d", n, connections+1)
	}
}

func TestHalfClose(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct{ send, want string }{
		"nothing sent":     {"", ""},
		"pong":             {connectLine + "PING\r\n", "PONG\r\n"},
		"own message":      {connectLine + "SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n", "MSG a 1 2\r\nhi\r\nPONG\r\n"},
		"large message":    {connectLine + "SUB a 1\r\nPUB a 1048576\r\n" + large + "\r\n", "MSG a 1 1048576\r\n" + large + "\r\n"},
		"answer of others": {connectLine + "SUB in 1\r\nPUB echo in 2\r\nhi\r\n", "MSG in 1 2\r\nhi\r\n"},
		"protocol error":   {connectLine + "NONSENSE\r\n", "-ERR 'Unknown Protocol Operation'\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			server := startServer(t, serverOptions{})
			subscribe(t, server.connect(t, "unix"), "echo", func(m *nats.Msg) { m.Respond(m.Data) })
			c, r := server.dial(t)
			go func() {
				_, _ = io.WriteString(c, test.send) // what arrives tells
				_ = c.CloseWrite()
			}()
			expectRest(t, r, test.want)
		})
	}
}

// A half-closed client that events keep coming for is let go all the same.
func TestHalfCloseIsBounded(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{})
	publisher := server.connect(t, "unix")
	c, r := server.dial(t)
	send(t, c, connectLine+"SUB a 1\r\nPING\r\n")
	if line, err := r.ReadString('\n'); err != nil || line != "PONG\r\n" {
		t.Fatal(line, err)
	}
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = publisher.Publish("a", []byte("hi"))
			case <-stop:
				return
			}
		}
	})
	start := time.Now()
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	took := time.Since(start)
	close(stop)
	publishing.Wait()
	if err != nil || !bytes.HasSuffix(got, []byte("hi\r\n")) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if took < deadline/2 || took > 4*deadline {
		t.Errorf("the client was let go after %s, want about %s", took, deadline)
	}
}

func TestSentBeforeCloseIsProcessed(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{})
	got := make(chan int, 100)
	subscribe(t, server.connect(t, "unix"), "last", func(m *nats.Msg) { got <- len(m.Data) })
	const size = 1 << 20
	for range cap(got) {
		c, err := net.Dial("unix", server.socket)
		if err != nil {
			t.Fatal(err)
		}
		// It reads nothing, so what it is sent is lost by its close, the rest isn't.
		send(t, c, connectLine+"SUB last 1\r\n"+fmt.Sprintf("PUB last %d\r\n", size)+strings.Repeat("x", size)+"\r\n")
		c.Close()
	}
	for range cap(got) {
		select {
		case n := <-got:
			if n != size {
				t.Fatalf("got %d bytes", n)
			}
		case <-time.After(patience):
			t.Fatal("a message that was sent before the close is lost")
		}
	}
}

func TestStoppedReaderIsCut(t *testing.T) {
	noLeak(t)
	log := newRecorder()
	server := startServer(t, serverOptions{log: log})
	stopped, r := server.dial(t)
	send(t, stopped, connectLine+"SUB big 1\r\nPING\r\n")
	if line, err := r.ReadString('\n'); err != nil || line != "PONG\r\n" {
		t.Fatal(line, err)
	}
	service, client := server.connect(t, "unix"), server.connect(t, "unix")
	subscribe(t, service, "echo", func(m *nats.Msg) { m.Respond(m.Data) })

	payload := make([]byte, 1<<20)
	start := time.Now()
	for range 8 {
		if err := client.Publish("big", payload); err != nil {
			t.Fatal(err)
		}
	}
	var slowest time.Duration
	eventually(t, func() string {
		before := time.Now()
		if _, err := client.Request("echo", []byte("hi"), patience); err != nil {
			return err.Error()
		}
		slowest = max(slowest, time.Since(before))
		if n := server.joiner.Len(); n != 2 {
			return fmt.Sprintf("%d connections are joined, want 2", n)
		}
		return ""
	})
	if took := time.Since(start); took < deadline*9/10 || took > 3*deadline {
		t.Errorf("it was cut after %s, want about %s", took, deadline)
	}
	if slowest > deadline/2 {
		t.Errorf("meanwhile another's request took %s", slowest)
	}
	if n := server.ns.NumSlowConsumers(); n != 1 {
		t.Errorf("the NATS server counts %d slow consumers, want 1", n)
	}
	got, err := io.ReadAll(r)
	if err != nil || len(got) == 0 || len(got) >= 8*len(payload) {
		t.Errorf("the client finds %d bytes and %v, want some and the end", len(got), err)
	}
	if diff := cmp.Diff([]string{"warning: a client has not read for 500ms and is cut; see whether it hangs"}, log.lines()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// One piece may fill the socket, so that nothing waits in the NATS server and only
// the joiner sees that the client does not read.
func TestStoppedReaderOfLittleIsCut(t *testing.T) {
	noLeak(t)
	log := newRecorder()
	server := startServer(t, serverOptions{log: log})
	stopped, r := server.dial(t)
	send(t, stopped, connectLine+"SUB a 1\r\nPING\r\n")
	if line, err := r.ReadString('\n'); err != nil || line != "PONG\r\n" {
		t.Fatal(line, err)
	}
	client := server.connect(t, "unix")
	payload := make([]byte, 8<<10)
	eventually(t, func() string {
		for range 4 {
			if err := client.Publish("a", payload); err != nil {
				return err.Error()
			}
		}
		if err := client.FlushTimeout(patience); err != nil {
			return err.Error()
		}
		if n := server.joiner.Len(); n != 1 {
			return fmt.Sprintf("%d connections are joined, want 1", n)
		}
		return ""
	})
	if got, err := io.ReadAll(r); err != nil || len(got) == 0 {
		t.Errorf("the client finds %d bytes and %v, want some and the end", len(got), err)
	}
}

func TestAbruptCloseFreesAll(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{})
	publisher := server.connect(t, "unix")
	eventually(t, func() string { return joined(server, 1) })
	before := openFiles(t)
	for round := range 5 {
		var conns []*net.UnixConn
		for range 50 {
			c, r := server.dial(t)
			send(t, c, connectLine+"SUB a 1\r\nPING\r\n")
			if line, err := r.ReadString('\n'); err != nil || line != "PONG\r\n" {
				t.Fatal(line, err)
			}
			conns = append(conns, c)
		}
		// Some go with bytes unread, some in the middle of a command, some reset.
		if err := publisher.Publish("a", make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
		for i, c := range conns {
			if i%3 == 1 {
				send(t, c, "PUB half 100\r\n...")
			}
			if i%3 == 2 && round%2 == 1 {
				if err := c.CloseRead(); err != nil {
					t.Fatal(err)
				}
			}
			c.Close()
		}
		eventually(t, func() string { return joined(server, 1) })
	}
	eventually(t, func() string {
		if n := openFiles(t); n > before {
			return fmt.Sprintf("%d file descriptors are open, before %d", n, before)
		}
		if n := server.ns.NumClients(); n != 1 {
			return fmt.Sprintf("the NATS server has %d clients, want 1", n)
		}
		return ""
	})
}

func joined(server *testServer, want int) string {
	if n := server.joiner.Len(); n != want {
		return fmt.Sprintf("%d connections are joined, want %d", n, want)
	}
	return ""
}

func TestServerClosesWithLastWords(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{token: "secret"})
	c, r := server.dial(t)
	// More than the server reads before it refuses: the client must not get a
	// reset in place of the reason.
	send(t, c, "CONNECT {\"auth_token\":\"wrong\"}\r\n"+strings.Repeat("PING\r\n", 10000))
	expectRest(t, r, "-ERR 'Authorization Violation'\r\n")
}

// TestClientWritesAfterTheEnd: a client that is still writing when the server closes
// gets no error for that, which would keep it from reading the reason.
func TestClientWritesAfterTheEnd(t *testing.T) {
	noLeak(t)
	server := startServer(t, serverOptions{token: "secret"})
	c, r := server.dial(t)
	send(t, c, "CONNECT {\"auth_token\":\"wrong\"}\r\n")
	if _, err := r.Peek(1); err != nil { // the last words are here, so the server is gone
		t.Fatal(err)
	}
	for range 10 {
		send(t, c, "PING\r\n")
	}
	expectRest(t, r, "-ERR 'Authorization Violation'\r\n")
}

func TestServerShutdownGivesTheEnd(t *testing.T) {
	for name, stop := range map[string]func(*testServer){
		"NATS server": func(s *testServer) { s.ns.Shutdown(); s.ns.WaitForShutdown() },
		"joiner":      func(s *testServer) { s.joiner.Close(); s.joiner.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			server := startServer(t, serverOptions{})
			c, r := server.dial(t)
			send(t, c, connectLine+"SUB a 1\r\nPING\r\n")
			if line, err := r.ReadString('\n'); err != nil || line != "PONG\r\n" {
				t.Fatal(line, err)
			}
			stop(server)
			expectRest(t, r, "")
			eventually(t, func() string { return joined(server, 0) })
			// Whoever comes late is not left waiting.
			late, err := net.Dial("unix", server.socket)
			if err != nil {
				return
			}
			defer late.Close()
			if err := late.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			expectRest(t, late, "")
		})
	}
}

// The joiner relies on what net.Pipe does with nothing: an empty write waits for
// a reader, and an empty read for a writer.
func TestPipeWaitsForNothing(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := a.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(nil); !isTimeout(err) {
		t.Errorf("an empty write without a reader: %v, want a timeout", err)
	}
	if _, err := a.Read(nil); !isTimeout(err) {
		t.Errorf("an empty read without a writer: %v, want a timeout", err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
