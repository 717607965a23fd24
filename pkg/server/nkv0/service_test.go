package nkv0_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	hello = `{"msg_type":"Hello"}`
	gone  = `{"msg_type":"Close"}`
)

func update(numbers string) string { return `{"msg_type":{"Update":{"value":[` + numbers + `]}}}` }

// TestExchange compares every answer and every message byte by byte with the
// protocol's.
func TestExchange(t *testing.T) {
	c := old(t, start(t, serving(t)).ClientURL())
	none := `{"Get":{"id":7,"status":404,"message":"Not Found","data":[]}}`
	c.want("pubsub.get", `{"type":"Get","id":7,"key":"k"}`, none)
	c.want("pubsub.subscribe", `{"type":"Subscribe","id":7,"key":"k"}`, `{"Put":{"id":7,"status":404,"message":"Not Found","data":[]}}`)
	c.want("pubsub.delete", `{"type":"Delete","id":7,"key":"k"}`, done) // as the first server did

	c.want("pubsub.put", `{"type":"Put","id":7,"key":"k","value":[1,2,3]}`, done)
	c.want("pubsub.get", `{"type":"Get","id":7,"key":"k"}`, `{"Get":{"id":7,"status":200,"message":"No Error","data":[1,2,3]}}`)
	messages := c.hear("pub-k")
	c.want("pubsub.subscribe", `{"type":"Subscribe","id":7,"key":"k"}`, `{"Put":{"id":7,"status":200,"message":"No Error","data":[112,117,98,45,107]}}`) // pub-k
	messages.want(hello)

	c.want("pubsub.put", `{"type":"Put","id":8,"key":"k","value":[0,10,255]}`, `{"Base":{"id":8,"status":200,"message":"No Error"}}`)
	messages.want(update("0,10,255"))
	c.put("k", "[0,10,255]") // the same changes nothing
	c.put("k", "[]")
	messages.want(update(""))
	c.want("pubsub.get", `{"type":"Get","id":4294967295,"key":"k"}`, `{"Get":{"id":4294967295,"status":200,"message":"No Error","data":[]}}`)

	c.want("pubsub.delete", `{"type":"Delete","id":7,"key":"k"}`, done)
	messages.want(gone)
	c.want("pubsub.get", `{"type":"Get","id":7,"key":"k"}`, none)
	c.put("k", "[9]")
	messages.want(update("9"))
	c.put("other", "[1]")
	c.put("k", "[10]")
	messages.want(update("10"))
}

// TestMalformedAreAnswered: the first server ended at such a request.
func TestMalformedAreAnswered(t *testing.T) {
	c := old(t, start(t, serving(t)).ClientURL())
	c.put("k", "[1]")
	messages := c.hear("pub-k")
	for name, test := range malformed() {
		var answer struct {
			Base *struct {
				ID      uint32
				Status  int
				Message string
			}
		}
		text := c.ask(test.subject, test.body)
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Base == nil {
			t.Errorf("%s: %s, %v", name, text, err)
			continue
		}
		if got := answer.Base; got.ID != test.id || got.Status != 400 || !strings.Contains(got.Message, test.says) {
			t.Errorf("%s: %+v; want id %d, status 400 and %q", name, *got, test.id, test.says)
		}
	}
	c.want("pubsub.get", request("Get", "k")+"}", `{"Get":{"id":7,"status":200,"message":"No Error","data":[1]}}`)
	c.put("k", "[2]")
	messages.want(update("2"))
}

// TestKeys: each key has a subject of its own that a client can listen to, and is
// the same key for clients of both protocols.
func TestKeys(t *testing.T) {
	s := start(t, serving(t))
	c, today := old(t, s.ClientURL()), connect(t, s)
	keys := map[string]string{ // and where its messages come
		"k": "pub-k", "a.b": "pub-a.b", "a/b": "pub-a/b", "*": "pub-*", ">": "pub->", "a%20b": "pub-a%20b", "$x": "pub-$x", "ä": "pub-ä",
		"-": "pub--", "x*y>": "pub-x*y>", "\uFFFD": "pub-\uFFFD", ".a": "pub-.a", "\"\\": "pub-\"\\", strings.Repeat("k", 255): "pub-" + strings.Repeat("k", 255),
		"a b": "pub.a%20b", "a.*": "pub.a%2E%2A", "a.>": "pub.a%2E%3E", ".": "pub.%2E", "a.": "pub.a%2E", "a..b": "pub.a%2E%2Eb",
		" ": "pub.%20", "\r\n": "pub.%0D%0A", "\t": "pub.%09", "\x00": "pub.%00", "\x7f": "pub.%7F", strings.Repeat(".", 255): "pub." + strings.Repeat("%2E", 255),
	}
	listeners := map[string]*listener{}
	for key, subject := range keys {
		c.put(key, "[0]")
		listeners[key] = c.listen(key)
		if listeners[key].Subject != subject {
			t.Errorf("%q comes on %q; want %q", key, listeners[key].Subject, subject)
		}
	}
	n := 0
	for key, l := range listeners {
		n++
		if _, err := today.Put(within(t), path(key), []byte{byte(n)}); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		l.want(update(fmt.Sprint(n)))
		c.want("pubsub.get", request("Get", key)+"}", fmt.Sprintf(`{"Get":{"id":7,"status":200,"message":"No Error","data":[%d]}}`, n))
	}
	for key, l := range listeners {
		c.want("pubsub.delete", request("Delete", key)+"}", done)
		l.want(gone) // and nothing of the others before it
	}
	for key, says := range map[string]string{"": "empty", strings.Repeat("k", 256): "256 bytes"} {
		for verb, subject := range map[string]string{"Get": "pubsub.get", "Put": "pubsub.put", "Delete": "pubsub.delete", "Subscribe": "pubsub.subscribe"} {
			body := request(verb, key)
			if verb == "Put" {
				body += "[]"
			}
			if got := c.ask(subject, body+"}"); !strings.HasPrefix(got, `{"Base":{"id":7,"status":400,"message":"`) || !strings.Contains(got, says) {
				t.Errorf("%s of %.10q: %s", verb, key, got)
			}
		}
	}
}

// TestOneTableForBoth: a client of today sees and changes the same keys, and its
// changes are told.
func TestOneTableForBoth(t *testing.T) {
	s := start(t, serving(t))
	c, today := old(t, s.ClientURL()), connect(t, s)
	tables, err := today.Tables(within(t), ">")
	if err != nil || len(tables) != 1 || tables[0].Table != path("").Table.String() || !tables[0].Durable || !tables[0].Opened || tables[0].Open {
		t.Fatalf("at first: %+v, %v", tables, err)
	}
	sub, err := today.Subscribe("nkv0.Value")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	next := func(op client.Op) client.Change {
		t.Helper()
		for {
			for change, ok := sub.Next(); ok; change, ok = sub.Next() {
				if change.Op == op {
					return change
				}
			}
			if err := sub.Wait(within(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	next(client.Synchronized)
	c.put("k", "[104,105]")
	if got := next(client.Put); got.Key != "k" || string(got.Value) != "hi" {
		t.Errorf("a put comes as %q: %q", got.Key, got.Value)
	}
	messages := c.listen("k")
	if _, err := today.Put(within(t), path("k"), []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	messages.want(update("123,34,110,34,58,49,125"))
	if _, err := today.Delete(within(t), path("k")); err != nil {
		t.Fatal(err)
	}
	messages.want(gone)
	c.put("k", "[1]")
	messages.want(update("1"))
	if n, err := today.Clear(within(t), path("").Table); err != nil || n != 1 {
		t.Errorf("%d keys were cleared, %v", n, err)
	}
	messages.want(gone)
	if got := next(client.Delete); got.Key != "k" {
		t.Errorf("a deletion comes as %q", got.Key)
	}
	// Other tables are none of theirs.
	if _, err := today.Put(within(t), wire.Path{Table: wire.Table{Agent: "other", Topic: "Value"}, Key: "k"}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	c.put("k", "[2]")
	messages.want(update("2"))
}

// TestOwnedTable: an owner's table takes changes from nobody else.
func TestOwnedTable(t *testing.T) {
	s := start(t, serving(t))
	c := old(t, s.ClientURL())
	owner, err := connect(t, s, client.Name("nkv0")).Open(t.Context(), path("").Table, client.DurableTable())
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Put(within(t), "k", []byte{1}); err != nil {
		t.Fatal(err)
	}
	messages := c.listen("k")
	for subject, body := range map[string]string{"pubsub.put": request("Put", "k") + "[2]}", "pubsub.delete": request("Delete", "k") + "}"} {
		if got := c.ask(subject, body); !strings.HasPrefix(got, `{"Base":{"id":7,"status":409,"message":"table is owned`) && !strings.Contains(got, "is owned by") {
			t.Errorf("%s: %s", subject, got)
		}
	}
	if err := owner.Put(within(t), "k", []byte{3}); err != nil {
		t.Fatal(err)
	}
	messages.want(update("3"))
	if err := owner.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	c.put("k", "[4]")
	messages.want(update("4"))
}

// TestLargeValues: what is over the limit is refused; what a client of today put,
// and fits into no message as numbers, harms nobody.
func TestLargeValues(t *testing.T) {
	opts := serving(t)
	opts.MaxValue = 100_000
	log := logrus.New()
	var said bytes.Buffer
	log.SetOutput(&said)
	opts.Logger = log
	s := start(t, opts)
	c, today := old(t, s.ClientURL()), connect(t, s)
	numbers := func(n int) string { return strings.TrimSuffix(strings.Repeat("1,", n), ",") }

	for _, n := range []int{50_000, 82_000} { // the latter as much as a message holds
		c.put("k", "["+numbers(n)+"]")
		c.want("pubsub.get", request("Get", "k")+"}", `{"Get":{"id":7,"status":200,"message":"No Error","data":[`+numbers(n)+`]}}`)
	}
	messages := c.listen("k")
	large := bytes.Repeat([]byte{200}, opts.MaxValue) // 400,000 bytes as numbers
	if _, err := today.Put(within(t), path("k"), large); err != nil {
		t.Fatal(err)
	}
	if got := c.ask("pubsub.get", request("Get", "k")+"}"); !strings.HasPrefix(got, `{"Base":{"id":7,"status":413,"message":"`) {
		t.Errorf("a get of what fits into no message: %.200s", got)
	}
	c.put("k", "[1]")
	messages.want(update("1"))
	s.Shutdown()
	if text := said.String(); !strings.Contains(text, "key=k") || !strings.Contains(text, "bytes=100000") {
		t.Errorf("what was not told is not logged: %s", text)
	}

	opts.MaxValue, opts.Logger = 10, nil
	s = start(t, opts)
	c = old(t, s.ClientURL())
	c.put("small", "["+numbers(10)+"]")
	if got := c.ask("pubsub.put", request("Put", "small")+"["+numbers(11)+"]}"); !strings.HasPrefix(got, `{"Base":{"id":7,"status":413,"message":"value too large: it has 11 bytes; the limit is 10"}}`) {
		t.Errorf("a put over the limit: %s", got)
	}
	c.want("pubsub.get", request("Get", "small")+"}", `{"Get":{"id":7,"status":200,"message":"No Error","data":[`+numbers(10)+`]}}`)
}

// TestKeysThatCannotBeFiles: with old files kept current, they are refused, and so
// is nothing as a value.
func TestKeysThatCannotBeFiles(t *testing.T) {
	opts := serving(t)
	opts.EveRoot = t.TempDir()
	c := old(t, start(t, opts).ClientURL())
	for key, value := range map[string]string{"a/b": "[1]", strings.Repeat("k", 251): "[1]", "empty": "[]"} {
		if got := c.ask("pubsub.put", request("Put", key)+value+"}"); !strings.HasPrefix(got, `{"Base":{"id":7,"status":400,"message":"`) {
			t.Errorf("%.10q: %s", key, got)
		}
		c.want("pubsub.get", request("Get", key)+"}", `{"Get":{"id":7,"status":404,"message":"Not Found","data":[]}}`)
	}
	c.put("k", "[1]")
}

// TestRestart: keys are there again, and a client that reconnects, as NATS clients
// do by themselves, hears on what it listened to.
func TestRestart(t *testing.T) {
	opts := serving(t)
	opts.Listen = testutil.FreeAddress(t)
	s := start(t, opts)
	reconnected := make(chan struct{}, 10)
	c := old(t, s.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(1), func(o *nats.Options) error {
		o.AllowReconnect = true
		o.ReconnectedCB = func(*nats.Conn) { reconnected <- struct{}{} }
		return nil
	})
	c.put("k", "[1]")
	c.put("gone", "[1]")
	messages := c.listen("k")
	c.want("pubsub.delete", request("Delete", "gone")+"}", done)
	for n := range 3 {
		s.Shutdown()
		s = start(t, opts)
		<-reconnected
		c.want("pubsub.get", request("Get", "k")+"}", fmt.Sprintf(`{"Get":{"id":7,"status":200,"message":"No Error","data":[%d]}}`, n+1))
		c.want("pubsub.get", request("Get", "gone")+"}", `{"Get":{"id":7,"status":404,"message":"Not Found","data":[]}}`)
		c.put("k", fmt.Sprintf("[%d]", n+2))
		messages.want(update(fmt.Sprint(n + 2)))
	}
}

// TestTableMadeVolatile: a client had made the table before the first protocol was
// served.
func TestTableMadeVolatile(t *testing.T) {
	opts := serving(t)
	opts.NKV0 = false
	s := start(t, opts)
	if _, err := connect(t, s).Put(within(t), path("k"), []byte{1}); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	opts.NKV0 = true
	s = start(t, opts)
	tables, err := connect(t, s).Tables(within(t), ">")
	if err != nil || len(tables) != 1 || !tables[0].Durable || tables[0].Open || tables[0].Keys != 1 {
		t.Errorf("%+v, %v", tables, err)
	}
	old(t, s.ClientURL()).put("k", "[2]")
}

// TestNothingGoesBack: who listens, then gets, sees values in their order, whatever
// comes first, and in the end the last one.
func TestNothingGoesBack(t *testing.T) {
	s := start(t, serving(t))
	const last = 400
	writer := old(t, s.ClientURL())
	writer.put("k", "[0]")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 1; n <= last; n++ {
			writer.put("k", fmt.Sprintf("[%d,%d]", n/256, n%256))
		}
	}()
	for range 20 {
		t.Run("", func(t *testing.T) {
			c := old(t, s.ClientURL())
			arrived := make(chan *nats.Msg, 2*last)
			if _, err := c.ChanSubscribe("_INBOX.mine", arrived); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ChanSubscribe("pub-k", arrived); err != nil {
				t.Fatal(err)
			}
			if err := c.PublishRequest("pubsub.get", "_INBOX.mine", []byte(request("Get", "k")+"}")); err != nil {
				t.Fatal(err)
			}
			for seen := -1; seen < last; {
				n := number(t, (<-arrived).Data)
				if n < seen {
					t.Fatalf("%d came after %d", n, seen)
				}
				seen = n
			}
		})
	}
	<-ended
}

// number reads the number that a value, in an answer or an update, stands for.
func number(t *testing.T, body []byte) int {
	t.Helper()
	var m struct {
		Get struct{ Data []int }
		Msg struct {
			Update struct{ Value []int }
		} `json:"msg_type"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	n := 0
	for _, b := range append(m.Get.Data, m.Msg.Update.Value...) {
		n = 256*n + b
	}
	return n
}

// TestShutdownAnswersWhatItHeard: what was asked before the end is answered.
func TestShutdownAnswersWhatItHeard(t *testing.T) {
	s := start(t, serving(t))
	c := old(t, s.ClientURL(), func(o *nats.Options) error { o.AllowReconnect = true; return nil }) // so that what came stays there to be read
	answers := c.hear("_INBOX.mine.*")
	const many = 200
	for n := range many {
		if err := c.PublishRequest("pubsub.put", fmt.Sprint("_INBOX.mine.", n), []byte(request("Put", fmt.Sprint("k", n))+"[1]}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	for range many {
		answers.want(done)
	}
}

// TestOffUnlessAsked: without the option nothing of the protocol is there, and a
// connection without a token listens to events.
func TestOffUnlessAsked(t *testing.T) {
	s := start(t, server.Options{Listen: "127.0.0.1:0", Insecure: true})
	c := old(t, s.ClientURL())
	messages, events := c.hear("pub-k"), c.hear("nkv.v1.event.>")
	if m, err := c.Request("pubsub.put", []byte(request("Put", "k")+"[1]}"), patience/50); err == nil {
		t.Errorf("it is answered: %s", m.Data)
	}
	if _, err := connect(t, s).Put(within(t), path("k"), []byte{1}); err != nil {
		t.Fatal(err)
	}
	if got := events.next(); got != "\x01" {
		t.Errorf("an event has %q", got)
	}
	if m, err := messages.NextMsg(1); err == nil {
		t.Errorf("a message is there: %s", m.Data)
	}
	tables, err := connect(t, s).Tables(within(t), ">")
	if err != nil || len(tables) != 1 || tables[0].Durable || tables[0].Opened {
		t.Errorf("its table: %+v, %v", tables, err)
	}
}
