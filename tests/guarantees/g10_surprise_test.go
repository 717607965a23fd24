package guarantees

import (
	"bytes"
	crand "crypto/rand"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G10 no surprise. Nothing that comes from outside (bytes, files, peers, a full
// disk) makes a library or the server panic, exit, hang, or leak a goroutine; it
// makes a typed error that says what to do.

// TestG10Garbage writes what is no NATS to the socket.
func TestG10Garbage(t *testing.T) {
	random := testutil.Rand(t)
	p := newPlace(t)
	p.start()
	c := p.raw(t)
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return string(b)
	}
	hello := func() string {
		return fmt.Sprintf("CONNECT {\"verbose\":false,\"headers\":true,\"name\":\"x\",\"auth_token\":%q}\r\n", crand.Text())
	}
	scripts := map[string]string{
		"nothing":                   "",
		"noise":                     noise(5000),
		"much noise":                noise(3 << 20),
		"a line that does not end":  strings.Repeat("a", 1<<20),
		"http":                      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"noise behind a connect":    hello() + noise(5000),
		"no JSON":                   "CONNECT {\r\n",
		"a token that is no text":   "CONNECT {\"auth_token\":[1,2]}\r\nPING\r\n",
		"a huge name":               "CONNECT {\"name\":\"" + strings.Repeat("n", 3000) + "\",\"auth_token\":\"" + crand.Text() + "\"}\r\nPING\r\n",
		"a huge token":              "CONNECT {\"auth_token\":\"" + strings.Repeat("t", 3000) + "\"}\r\nPING\r\n",
		"a payload that is short":   hello() + "PUB nkv.v1.put.a.T.k 1000\r\nabc",
		"a payload that is long":    hello() + "PUB nkv.v1.put.a.T.k 1\r\nabcdef\r\n",
		"a negative payload":        hello() + "PUB nkv.v1.put.a.T.k -5\r\n\r\n",
		"a payload over all limits": hello() + "PUB nkv.v1.put.a.T.k 99999999999\r\n\r\n",
		"headers over the payload":  hello() + "HPUB nkv.v1.put.a.T.k 100 10\r\n\r\n",
		"headers that are none":     hello() + "HPUB nkv.v1.put.a.T.k x 10 20\r\n0123456789abcdefghij\r\n",
		"many subscriptions":        hello() + strings.Repeat("SUB nkv.v1.event.> 1\r\n", 2000) + "PING\r\n",
		"cluster protocol":          "RS+ $G foo\r\nRMSG $G foo 3\r\nabc\r\n",
		"leaf protocol":             "LS+ foo\r\nLMSG foo 3\r\nabc\r\n",
		"pings":                     strings.Repeat("PING\r\n", 20000),
		"pongs":                     hello() + strings.Repeat("PONG\r\n", 20000),
		"infos":                     strings.Repeat("INFO {}\r\n", 1000),
	}
	goroutines := runtime.NumGoroutine()
	for name, script := range scripts {
		for _, half := range []bool{false, true} {
			conn, err := net.Dial("unix", p.socket)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // a socket takes deadlines
			go func() {
				buf := make([]byte, 32<<10)
				for {
					if _, err := conn.Read(buf); err != nil {
						return
					}
				}
			}()
			conn.Write([]byte(script)) //nolint:errcheck // the server may cut it
			if half {
				conn.(*net.UnixConn).CloseWrite() //nolint:errcheck // likewise
			}
			if _, err := c.Health(testContext(t)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			conn.Close()
		}
	}
	testutil.Await(t, settled, "the garbage's goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	if _, err := c.Put(testContext(t), wire.Path{Table: items().Name(), Key: "k"}, []byte("{}")); err != nil {
		t.Error(err)
	}
}

// TestG10Malformed sends requests that are NATS, and wrong, to every verb.
func TestG10Malformed(t *testing.T) {
	p := newPlace(t)
	p.maxValue = 100_000
	p.start()
	owner(t, p.url(), items())
	a := rawConnection(t, p, "attacker")
	ok := p.raw(t)
	if _, err := ok.Put(testContext(t), wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k"}, bytes.Repeat([]byte("v"), 100_000)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 256)
	targets := []string{
		"", "a", "a.T", "a.T.k", "a.T.k.l", "a.T.$mark", "a.T.k%", "a.T.k%2", "a.T.k%2e", "a.T.k%41", "a.T.%FF", "a.T.\xff", "a.T.k@", "a.T@.k",
		"a.T@@.k", "a@s.T.k", "a.T@a%40.k", long + ".T.k", "a." + long + ".k", "a.T." + long, "a.T." + strings.Repeat("%20", 256),
		"a.T.*", "a.>", "*.*.*", "a.T.k#", "a.T.k\x01", "a.T.\u00e9", "$SYS.T.k", "a.T.%00",
	}
	headers := []nats.Header{
		nil,
		{wire.HeaderFence: {"x"}}, {wire.HeaderFence: {"-1"}}, {wire.HeaderFence: {"18446744073709551616"}}, {wire.HeaderFence: {""}},
		{wire.HeaderExpect: {"1.5"}}, {wire.HeaderExpect: {" 1"}}, {wire.HeaderDurable: {"yes"}}, {wire.HeaderForce: {"1"}},
		{wire.HeaderPattern: {"a.T.>"}}, {wire.HeaderPattern: {"a.>.k"}}, {wire.HeaderPattern: {"*"}}, {wire.HeaderPattern: {"b.T.>"}}, {wire.HeaderPattern: {""}}, {wire.HeaderPattern: {strings.Repeat("a", 2000)}},
		{wire.HeaderSnapshot: {"x"}}, {wire.HeaderSnapshot: {"x.-1"}}, {wire.HeaderSnapshot: {"x.1"}}, {wire.HeaderSnapshot: {"x.99999999999999999999"}},
		{wire.HeaderID: {strings.Repeat("i", 5000)}}, {wire.HeaderID: {"a\r\nNkv-Status: 200\r\n"}}, {wire.HeaderFence: {}}, {"": {"x"}},
		{wire.HeaderFence: {"0"}, wire.HeaderExpect: {"0"}, wire.HeaderPattern: {"a.T.>"}},
	}
	bodies := [][]byte{
		nil, []byte("{"), []byte("[]"), []byte(`"x"`), []byte("null"), []byte(`{"restart":-1}`), []byte(`{"restart":1e400}`), []byte(`{"durable":"x"}`),
		[]byte(`{"tables":[1]}`), []byte(`{"tables":["*"]}`), []byte(`{"tables":["a.T","` + long + `.T"]}`), bytes.Repeat([]byte("["), 50_000), {0, 255, 13, 10},
	}
	verbs := []wire.Verb{
		wire.VerbGet, wire.VerbPut, wire.VerbDelete, wire.VerbOpen, wire.VerbClose, wire.VerbMark, wire.VerbSnapshot, wire.VerbHeads,
		wire.VerbTables, wire.VerbHealth, wire.VerbVersion, wire.VerbProbe, "event", "nonsense", "", "*", "PUT",
	}
	allowed := map[string]bool{"200": true, "400": true, "403": true, "404": true, "409": true, "412": true, "413": true}
	asked, sent := 0, map[string]string{}
	answers := make(chan *nats.Msg, 100_000)
	if _, err := a.Subscribe(a.inbox("m.*"), func(m *nats.Msg) { answers <- m }); err != nil {
		t.Fatal(err)
	}
	send := func(subject string, header nats.Header, body []byte) {
		asked++
		reply := a.inbox("m." + strconv.Itoa(asked))
		sent[reply] = fmt.Sprintf("%q %q %.40q", subject, header, body)
		if err := a.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Header: header, Data: body}); err != nil {
			delete(sent, reply) // the client library knew it
		}
		if asked%200 == 0 {
			if err := a.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, verb := range verbs {
		for _, target := range targets {
			send(wire.Subject(verb, target), nil, nil)
		}
		for _, header := range headers {
			send(wire.Subject(verb, "a.T.k"), header, nil)
			send(wire.Subject(verb, "a.T"), header, nil)
		}
		for _, body := range bodies {
			send(wire.Subject(verb, ""), nil, body)
			send(wire.Subject(verb, "a.T"), nil, body)
		}
	}
	for _, subject := range []string{"nkv.v0.get.a.T.k", "nkv.v2.put.a.T.k", "nkv.v10.x", "nkv.get", "nkv.V1.get", "nkv.v1..get", "nkv..", "nkv.v1"} {
		send(subject, nil, nil)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	// A subject with an empty token, a wildcard or a space is NATS's to refuse.
	natsRefuses := func(what string) bool {
		subject, _ := strconv.Unquote(what[:strings.Index(what[1:], `"`)+2])
		return strings.Contains(subject, "..") || strings.HasSuffix(subject, ".") || strings.HasPrefix(subject, "nkv.v1.event.") ||
			strings.HasPrefix(subject, "nkv.v1.probe") // an answer itself
	}
	if !testutil.Holds(settled, func() bool {
		for len(answers) > 0 {
			m := <-answers
			what, known := sent[m.Subject]
			delete(sent, m.Subject)
			status := m.Header.Get(wire.HeaderStatus)
			if !known || !allowed[status] && m.Header.Get("Status") != "503" {
				t.Errorf("%s is answered %v", what, m.Header)
			}
			if status != "200" && status != "" && (m.Header.Get(wire.HeaderMessage) == "" || m.Header.Get(wire.HeaderReason) == "") {
				t.Errorf("%s is refused without a reason: %v", what, m.Header)
			}
			if len(m.Header[wire.HeaderStatus]) > 1 {
				t.Errorf("%s puts a header into its answer: %v", what, m.Header)
			}
		}
		for _, what := range sent {
			if !natsRefuses(what) {
				return false
			}
		}
		return true
	}) {
		for _, what := range sent {
			if !natsRefuses(what) {
				t.Errorf("no answer to %.200s", what)
			}
		}
	}
	if _, err := ok.Health(testContext(t)); err != nil {
		t.Error(err)
	}
}

// TestG10Oversized sends what fits into a message and makes an answer that does
// not.
func TestG10Oversized(t *testing.T) {
	p := newPlace(t)
	p.maxValue = 200_000
	p.start()
	c := p.raw(t)
	path := wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k"}
	if _, err := c.Put(testContext(t), path, bytes.Repeat([]byte("v"), p.maxValue)); err != nil {
		t.Fatalf("a value at the limit: %v", err)
	}
	a := rawConnection(t, p, "a")
	id := nats.Header{wire.HeaderID: {strings.Repeat("i", 100_000)}}
	for _, tt := range []struct {
		name, subject string
		header        nats.Header
		body          []byte
		status        string
	}{
		{"a get of a value at the limit", "nkv.v1.get.a.T.k", nil, nil, "200"},
		{"a huge id", "nkv.v1.get.a.T.k", id, nil, "400"},
		{"a value over the limit", "nkv.v1.put.a.T.k", nil, bytes.Repeat([]byte("v"), p.maxValue+1), "413"},
		{"a huge fingerprint", "nkv.v1.open.a.T", nil, []byte(`{"fingerprint":"` + strings.Repeat("f", 150_000) + `"}`), "400"},
		{"a snapshot after all that", "nkv.v1.snapshot.a.T", nil, nil, "200"},
	} {
		m := a.ask(t, tt.subject, tt.header, tt.body)
		if m == nil {
			t.Errorf("%s: no answer", tt.name)
		} else if got := m.Header.Get(wire.HeaderStatus); got != tt.status {
			t.Errorf("%s: %s, want %s: %s", tt.name, got, tt.status, m.Header.Get(wire.HeaderMessage))
		}
	}
	// More tables than one answer can name: an answer comes all the same.
	for i := range 2000 {
		if _, err := c.Put(testContext(t), wire.Path{Table: wire.Table{Agent: "many", Topic: fmt.Sprint("Topic", i)}, Key: "k"}, []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, status := range map[string]string{">": "413", "many.Topic1": "200"} {
		m := a.ask(t, "nkv.v1.tables", nats.Header{wire.HeaderPattern: {pattern}}, nil)
		if m == nil {
			t.Errorf("tables of %s: no answer", pattern)
		} else if m.Header.Get(wire.HeaderStatus) != status {
			t.Errorf("tables of %s: %v", pattern, m.Header)
		}
	}
}

// TestG10SmallLimit has a limit of values that is less than a page of a
// snapshot.
func TestG10SmallLimit(t *testing.T) {
	for _, limit := range []int{1, 1000, 150_000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			p := newPlace(t)
			p.maxValue = limit
			p.start()
			c := p.raw(t)
			name := wire.Table{Agent: "a", Topic: "T"}
			n := max(3, min(5000, 600_000/limit))
			a := rawConnection(t, p, "a")
			for i := range n {
				m := &nats.Msg{
					Subject: "nkv.v1.put." + name.String() + "." + strings.Repeat("%20", 200) + strconv.Itoa(i),
					Reply:   a.inbox("x"), Data: bytes.Repeat([]byte("v"), limit),
				}
				if err := a.PublishMsg(m); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Flush(); err != nil {
				t.Fatal(err)
			}
			testutil.Await(t, settled, "the snapshot has all keys", func() bool {
				_, entries, err := c.Snapshot(testContext(t), name)
				if err != nil {
					t.Fatal(err)
				}
				return len(entries) == n
			})
		})
	}
}

// TestG10DiskFull takes the room for files away from a server and gives it back.
func TestG10DiskFull(t *testing.T) {
	p := newPlace(t)
	process := p.run()
	c, ctx := p.raw(t), testContext(t)
	durable := wire.Table{Agent: "owner", Topic: "Durable"}
	volatile := wire.Table{Agent: "owner", Topic: "Volatile"}
	put := func(table wire.Table, i int, given ...client.ChangeOption) error {
		_, err := c.Put(ctx, wire.Path{Table: table, Key: key(i)}, fmt.Appendf(nil, "%d%s", i, strings.Repeat(" ", 300)), given...)
		return err
	}
	both := func(i int) []error { return []error{put(durable, i, client.Durable()), put(volatile, i)} }
	acked := 0
	for ; acked < 20; acked++ {
		if err := errors.Join(both(acked)...); err != nil {
			t.Fatal(err)
		}
	}
	limit := func(bytes uint64) {
		t.Helper()
		var old unix.Rlimit
		if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, nil, &old); err != nil {
			t.Fatal(err)
		}
		if err := unix.Prlimit(process.PID(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: old.Max}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		limit(4096)
		refused := 0
		for i := range 10 {
			for _, err := range both(1000 + i) {
				if errors.Is(err, client.ErrUnavailable) {
					refused++
				} else if err == nil || !errors.Is(err, client.ErrUnconfirmed) {
					t.Errorf("round %d: a put on a full disk: %v", round, err)
				}
			}
		}
		if refused == 0 {
			t.Errorf("round %d: a full disk refused nothing", round)
		}
		for _, name := range []wire.Table{durable, volatile} {
			for i := range acked {
				if _, err := c.Get(ctx, wire.Path{Table: name, Key: key(i)}); err != nil {
					t.Errorf("round %d: a get on a full disk: %v", round, err)
				}
			}
		}
		health, err := c.Health(ctx)
		if err != nil || health.Status == "ok" || health.Durable == "ok" {
			t.Errorf("round %d: on a full disk the health is %+v, %v", round, health, err)
		}
		limit(unix.RLIM_INFINITY)
		testutil.Await(t, settled, "the stores take changes again", func() bool { return errors.Join(both(acked)...) == nil })
		acked++
		health, err = c.Health(ctx)
		if err != nil || health.Status != "ok" {
			t.Errorf("round %d: with room again the health is %+v, %v", round, health, err)
		}
	}
	process.Kill()
	p.run()
	c = p.raw(t)
	for _, name := range []wire.Table{durable, volatile} {
		for i := range acked {
			e, err := c.Get(ctx, wire.Path{Table: name, Key: key(i)})
			if err != nil || strings.TrimSpace(string(e.Value)) != strconv.Itoa(i) {
				t.Errorf("%s of %s is %q, %v", key(i), name, e.Value, err)
			}
		}
		if _, err := c.Get(ctx, wire.Path{Table: name, Key: key(1003)}); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("a put of %s that was refused is there: %v", name, err)
		}
	}
}
