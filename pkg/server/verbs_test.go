package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// step is one request and what docs/protocol.md says about its answer.
type step struct {
	from          *peer
	subject       string
	header        nats.Header
	body          string
	want          string            // status and reason
	also          map[string]string // further headers; "?": any number
	value         string            // the body of a get
	revisionAbove bool              // Nkv-Revision is newer than any before
}

// TestVerbsAnswerAsTheProtocolSays walks the protocol's tables.
func TestVerbsAnswerAsTheProtocolSays(t *testing.T) {
	s := start(t, server.Options{MaxValue: 1000, OwnerGrace: time.Minute, Version: "9.9"})
	a, twin, b := meet(t, s, "a"), meet(t, s, "a"), meet(t, s, "b")
	newest := uint64(0)
	run := func(t *testing.T, st step) *nats.Msg {
		t.Helper()
		id := fmt.Sprintf("id of %s", st.subject)
		h := nats.Header{wire.HeaderID: {id}}
		for name, v := range st.header {
			h[name] = v
		}
		m := st.from.ask("nkv."+st.subject, h, []byte(st.body))
		if got := outcome(m); got != st.want {
			t.Errorf("%s %v: %s (%s); want %s", st.subject, st.header, got, header(m, wire.HeaderMessage), st.want)
			return m
		}
		want := map[string]string{wire.HeaderID: id, wire.HeaderStore: s.StoreID(), wire.HeaderStatus: st.want[:3]}
		if st.want == "200" {
			want[wire.HeaderMessage] = wire.NoError
		} else {
			want[wire.HeaderReason] = st.want[4:]
			if len(m.Data) > 0 {
				t.Errorf("%s: a refusal with a body %q", st.subject, m.Data)
			}
			if text := header(m, wire.HeaderMessage); len(text) < 10 || text == wire.NoError {
				t.Errorf("%s: the message is %q", st.subject, text)
			}
			want[wire.HeaderMessage] = header(m, wire.HeaderMessage)
		}
		for name, v := range st.also {
			want[name] = v
			if n, err := strconv.ParseUint(header(m, name), 10, 53); v == "?" && err == nil {
				want[name] = header(m, name)
				if name == wire.HeaderRevision && st.revisionAbove {
					if n <= newest {
						t.Errorf("%s: revision %d after %d", st.subject, n, newest)
					}
					newest = n
				}
			}
		}
		got := map[string]string{}
		for name, v := range m.Header {
			got[name] = strings.Join(v, "|")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", st.subject, diff)
		}
		if st.value != "" && string(m.Data) != st.value {
			t.Errorf("%s: body %q; want %q", st.subject, m.Data, st.value)
		}
		return m
	}
	revision := map[string]string{wire.HeaderRevision: "?"}
	version := map[string]string{wire.HeaderVersion: "v1"}
	pattern := func(text string) nats.Header { return headers(wire.HeaderPattern, text) }

	for _, st := range []step{
		{from: a, subject: "v1.get.a.T.k", want: "404 not-found"},
		{from: a, subject: "v1.put.a.T.k", body: "one", want: "200", also: revision, revisionAbove: true},
		{from: b, subject: "v1.put.a.T.k", body: "one", want: "200", also: revision},
		{from: b, subject: "v1.get.a.T.k", want: "200", also: revision, value: "one"},
		{from: b, subject: "v1.get.a.T.other", want: "404 not-found"},
		{from: b, subject: "v1.get.a.T", want: "400 invalid"},
		{from: b, subject: "v1.get", want: "400 invalid"},
		{from: b, subject: "v1.get.a.T.%6b", want: "400 invalid"},
		{from: b, subject: "v1.get.a.T.a%2eb", want: "400 invalid"},
		{from: b, subject: "v1.get.a.T.$mark", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T.k.l", body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T@.k", body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T." + strings.Repeat("k", 256), body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T.k", header: headers(wire.HeaderExpect, "0"), body: "x", want: "412 revision", also: revision},
		{from: b, subject: "v1.put.a.T.new", header: headers(wire.HeaderExpect, "77"), body: "x", want: "412 revision", also: map[string]string{wire.HeaderRevision: "0"}},
		{from: b, subject: "v1.put.a.T.new", header: headers(wire.HeaderExpect, "0"), body: "x", want: "200", also: revision, revisionAbove: true},
		{from: b, subject: "v1.put.a.T.k", header: headers(wire.HeaderExpect, "-1"), body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T.k", header: headers(wire.HeaderFence, "x"), body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T.k", header: headers(wire.HeaderDurable, "yes"), body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T.k", header: headers(wire.HeaderForce, ""), body: "x", want: "400 invalid"},
		{from: b, subject: "v1.put.a.T.k", header: headers(wire.HeaderFence, "99"), body: "x", want: "412 fence"},
		{from: b, subject: "v1.put.a.T.k", body: strings.Repeat("v", 1001), want: "413 too-large"},
		{from: b, subject: "v1.put.a.T.k", body: strings.Repeat("v", 1000), want: "200", also: revision, revisionAbove: true},
		{from: b, subject: "v1.delete.a.T.nothing", want: "404 not-found"},
		{from: b, subject: "v1.delete.a.None.k", want: "404 not-found"},
		{from: b, subject: "v1.delete.a.T.new", header: headers(wire.HeaderExpect, "1"), want: "412 revision", also: revision},
		{from: b, subject: "v1.delete.a.T.new", want: "200", also: revision, revisionAbove: true},
		{from: b, subject: "v1.mark.a.None", body: `{"restart":1}`, want: "404 not-found"},
		{from: b, subject: "v1.close.a.None", header: headers(wire.HeaderFence, "1"), want: "404 not-found"},
		{from: b, subject: "v1.close.a.T", want: "412 fence"},
		{from: b, subject: "v1.open.a.T", body: `{}`, want: "403 not-owner"},
		{from: a, subject: "v1.open.a.T", body: `{`, want: "400 invalid"},
		{from: a, subject: "v1.open.a.T", body: `{"durable":1}`, want: "400 invalid"},
		{from: a, subject: "v1.open.a.T", body: `{"fingerprint":"` + strings.Repeat("f", 256) + `"}`, want: "400 invalid"},
		{from: a, subject: "v1.open.a.T.k", body: `{}`, want: "400 invalid"},
		{from: a, subject: "v1.open.a.*", body: `{}`, want: "400 invalid"},
		{from: a, subject: "v1.nothing.a.T", want: "404 verb", also: version},
		{from: a, subject: "v1.GET.a.T.k", want: "404 verb", also: version},
		{from: a, subject: "v1", want: "404 verb", also: version},
		{from: a, subject: "v2.get.a.T.k", want: "400 version", also: version},
		{from: a, subject: "V1.get.a.T.k", want: "400 version", also: version},
		{from: a, subject: "v1.heads", body: `{"tables":["a"]}`, want: "400 invalid"},
		{from: a, subject: "v1.heads", body: `["a.T"]`, want: "400 invalid"},
		{from: a, subject: "v1.tables", header: pattern("a.b.c.d"), want: "400 invalid"},
		{from: a, subject: "v1.trace.a", want: "400 invalid"},
		{from: a, subject: "v1.snapshot.a.T.k", want: "400 invalid"},
	} {
		run(t, st)
	}

	var opened wire.OpenAnswer
	m := run(t, step{from: a, subject: "v1.open.a.T", body: `{"durable":false,"fingerprint":"ff"}`, want: "200", also: revision, revisionAbove: true})
	decode(t, m, &opened)
	fence := headers(wire.HeaderFence, strconv.FormatUint(opened.Fence, 10))
	want := wire.TableInfo{Table: "a.T", Head: opened.Fence, Keys: 1, Bytes: 1000, Opened: true, Open: true, Connected: true, Fence: opened.Fence, Fingerprint: "ff"}
	if diff := cmp.Diff(want, opened.Table); diff != "" || opened.Fence != newest {
		t.Errorf("open of revision %d answers (-want +got):\n%s", newest, diff)
	}
	for _, st := range []step{
		{from: twin, subject: "v1.open.a.T", want: "409 owned"},
		{from: b, subject: "v1.put.a.T.k", body: "x", want: "409 owned"},
		{from: a, subject: "v1.put.a.T.k", body: "x", want: "409 owned"},
		{from: b, subject: "v1.put.a.T.k", header: fence, body: "x", want: "412 fence"},
		{from: b, subject: "v1.delete.a.T.k", want: "409 owned"},
		{from: b, subject: "v1.mark.a.T", body: `{"restart":1}`, want: "409 owned"},
		{from: b, subject: "v1.close.a.T", header: fence, want: "412 fence"},
		{from: b, subject: "v1.delete.a.T", header: pattern("a.T.>"), want: "409 owned"},
		{from: a, subject: "v1.put.a.T.k", header: fence, body: "two", want: "200", also: revision, revisionAbove: true},
		{from: a, subject: "v1.mark.a.T", header: fence, body: `{"restart":-1}`, want: "400 invalid"},
		{from: a, subject: "v1.mark.a.T", header: fence, body: `{"restart":3}`, want: "200", also: revision, revisionAbove: true},
		{from: a, subject: "v1.mark.a.T", header: fence, body: `{"restart":3}`, want: "200", also: revision},
		{from: b, subject: "v1.delete.a.T", want: "400 invalid"},
		{from: a, subject: "v1.delete.a.T", header: merge(fence, pattern("a.*")), want: "400 invalid"},
		{from: a, subject: "v1.delete.a.T", header: merge(fence, pattern("a.U.>")), want: "400 invalid"},
		{from: a, subject: "v1.delete.a.T", header: merge(fence, pattern(">")), want: "400 invalid"},
		{from: a, subject: "v1.delete.a.T", header: merge(fence, pattern("a.T.>"), headers(wire.HeaderExpect, "1")), want: "400 invalid"},
		{from: a, subject: "v1.delete.a.T", header: merge(fence, pattern("a.T.none")), want: "200", also: map[string]string{wire.HeaderCount: "0", wire.HeaderRevision: "0"}},
		{from: a, subject: "v1.put.a.T.l", header: fence, body: "two", want: "200", also: revision, revisionAbove: true},
		{from: a, subject: "v1.delete.a.T", header: merge(fence, pattern("a.T.*")), want: "200", also: map[string]string{wire.HeaderCount: "2", wire.HeaderRevision: "?"}, revisionAbove: true},
		{from: a, subject: "v1.close.a.T", want: "412 fence"},
		{from: b, subject: "v1.open.a.T", header: headers(wire.HeaderForce, "true"), body: "", want: "200", also: revision, revisionAbove: true},
		{from: a, subject: "v1.put.a.T.k", header: fence, body: "x", want: "412 fence"},
		{from: a, subject: "v1.close.a.T", header: fence, want: "412 fence"},
		{from: a, subject: "v1.open.a.T", header: headers(wire.HeaderForce, "true"), want: "200", also: revision, revisionAbove: true},
		{from: a, subject: "v1.close.a.T", header: headers(wire.HeaderFence, strconv.FormatUint(opened.Fence, 10)), want: "412 fence"},
	} {
		run(t, st)
	}
	fence = headers(wire.HeaderFence, strconv.FormatUint(newest, 10))
	run(t, step{from: a, subject: "v1.close.a.T", header: fence, want: "200", also: revision, revisionAbove: true})
	run(t, step{from: a, subject: "v1.put.a.T.k", header: fence, body: "x", want: "412 fence"})
	run(t, step{from: a, subject: "v1.put.b.D.k", header: headers(wire.HeaderDurable, "true"), body: "x", want: "200", also: revision, revisionAbove: true})

	var heads wire.HeadsAnswer
	decode(t, run(t, step{from: a, subject: "v1.heads", body: `{"tables":["a.T","a.None","b.>"]}`, want: "200"}), &heads)
	if diff := cmp.Diff(map[string]uint64{"a.T": newest - 1, "b.D": newest}, heads.Heads); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}
	if m := run(t, step{from: a, subject: "v1.heads", want: "200"}); string(m.Data) != `{"heads":{}}` {
		t.Errorf("heads of nothing: %s", m.Data)
	}
	var tables wire.TablesAnswer
	decode(t, run(t, step{from: a, subject: "v1.tables", want: "200"}), &tables)
	wantTables := []wire.TableInfo{
		{Table: "a.T", Head: newest - 1, Opened: true, Restart: 3, Fence: newest - 2},
		{Table: "b.D", Durable: true, Head: newest, Keys: 1, Bytes: 1},
	}
	if diff := cmp.Diff(wantTables, tables.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	decode(t, run(t, step{from: a, subject: "v1.tables", header: pattern("*.D"), want: "200"}), &tables)
	if diff := cmp.Diff(wantTables[1:], tables.Tables); diff != "" {
		t.Errorf("tables of a pattern (-want +got):\n%s", diff)
	}
	if m := run(t, step{from: a, subject: "v1.tables", header: pattern("none.>"), want: "200"}); string(m.Data) != `{"tables":[]}` {
		t.Errorf("tables of nothing: %s", m.Data)
	}
	var told wire.VersionAnswer
	decode(t, run(t, step{from: a, subject: "v1.version", want: "200"}), &told)
	if diff := cmp.Diff(wire.VersionAnswer{Version: "9.9", Protocol: "v1", Store: s.StoreID(), MaxValue: 1000}, told); diff != "" {
		t.Errorf("version (-want +got):\n%s", diff)
	}
	var health wire.HealthAnswer
	decode(t, run(t, step{from: a, subject: "v1.health", want: "200"}), &health)
	wantHealth := wire.HealthAnswer{Status: "ok", Durable: "ok", Volatile: "ok", Revision: newest, Tables: 2, Keys: 1, Bytes: 1, Connections: 3, Refused: 1}
	if diff := cmp.Diff(wantHealth, health, cmpopts.IgnoreFields(health, "Uptime")); diff != "" || health.Uptime <= 0 {
		t.Errorf("health, up %s (-want +got):\n%s", health.Uptime, diff)
	}
	var trace map[string]json.RawMessage
	decode(t, run(t, step{from: a, subject: "v1.trace.a.None", want: "200", also: map[string]string{wire.HeaderRevision: "0"}}), &trace)
	if string(trace["listeners"]) != "[]" || trace["owner"] != nil {
		t.Errorf("the trace of a table that is not there: %s", trace)
	}
}

func merge(all ...nats.Header) nats.Header {
	h := nats.Header{}
	for _, each := range all {
		for name, v := range each {
			h[name] = v
		}
	}
	return h
}

func TestIDsAreEchoed(t *testing.T) {
	p := meet(t, start(t, server.Options{}), "a")
	for name, id := range map[string]string{
		"none": "", "a word": "x", "text": "ä b:c=\"d\"", "longest": strings.Repeat("i", wire.MaxID),
	} {
		m := p.ask("nkv.v1.version", headers(wire.HeaderID, id), nil)
		if _, there := m.Header[wire.HeaderID]; status(m) != 200 || header(m, wire.HeaderID) != id || there != (id != "") {
			t.Errorf("%s: %s with id %q", name, outcome(m), header(m, wire.HeaderID))
		}
	}
	m := p.ask("nkv.v1.put.a.T.k", headers(wire.HeaderID, strings.Repeat("i", wire.MaxID+1)), []byte("v"))
	if outcome(m) != "400 invalid" || header(m, wire.HeaderID) != "" {
		t.Errorf("too long: %s with id %q", outcome(m), header(m, wire.HeaderID))
	}
	if m := p.ask("nkv.v1.get.a.T.k", nil, nil); outcome(m) != "404 not-found" {
		t.Errorf("the refused put happened: %s", outcome(m))
	}
}

func TestRetryAfterIsTold(t *testing.T) {
	s := start(t, server.Options{OwnerGrace: 2 * time.Second})
	owner, heir := meet(t, s, "a"), meet(t, s, "a")
	owner.open("a.T")
	if m := heir.ask("nkv.v1.open.a.T", nil, nil); outcome(m) != "409 owned" || header(m, wire.HeaderRetryAfter) != "" {
		t.Errorf("while the owner is there: %s, retry after %q", outcome(m), header(m, wire.HeaderRetryAfter))
	}
	owner.Close()
	testutil.Await(t, patience, "the server tells when to retry", func() bool {
		m := heir.ask("nkv.v1.open.a.T", nil, nil)
		after, err := strconv.Atoi(header(m, wire.HeaderRetryAfter))
		if outcome(m) != "409 owned" || err != nil {
			return false
		}
		if after < 1 || after > 2001 {
			t.Errorf("retry after %d ms", after)
		}
		return true
	})
}

// TestAnswerTooLarge asks for a list that does not fit into a message.
func TestAnswerTooLarge(t *testing.T) {
	s := start(t, server.Options{MaxValue: 1})
	p := meet(t, s, "a")
	for i := range 600 {
		p.done(fmt.Sprintf("nkv.v1.put.a.T%d.k", i), nil, "v")
	}
	if m := p.ask("nkv.v1.tables", headers(wire.HeaderID, "x"), nil); outcome(m) != "413 too-large" || header(m, wire.HeaderID) != "x" {
		t.Errorf("all: %s", outcome(m))
	}
	var some wire.TablesAnswer
	decode(t, p.done("nkv.v1.tables", headers(wire.HeaderPattern, "a.T599"), ""), &some)
	if len(some.Tables) != 1 {
		t.Errorf("one: %v", some)
	}
}

// TestUnknownInboxIsRefused asks with an inbox of an instance that the server
// does not know.
func TestUnknownInboxIsRefused(t *testing.T) {
	s := start(t, server.Options{})
	p := meet(t, s, "a")
	p.done("nkv.v1.version", nil, "")
	s.Forget()
	for _, subject := range []string{"nkv.v1.put.a.T.k", "nkv.v1.version", "nkv.v9.x"} {
		m := p.ask(subject, headers(wire.HeaderID, "x"), []byte("v"))
		if outcome(m) != "403 identity" || header(m, wire.HeaderID) != "x" || header(m, wire.HeaderStore) != s.StoreID() {
			t.Errorf("%s: %s %v", subject, outcome(m), m.Header)
		}
	}
	q := meet(t, s, "b")
	if m := q.ask("nkv.v1.get.a.T.k", nil, nil); outcome(m) != "404 not-found" {
		t.Errorf("the put happened: %s", outcome(m))
	}
}

// TestEventsAsTheProtocolSays compares events with what was asked.
func TestEventsAsTheProtocolSays(t *testing.T) {
	s := start(t, server.Options{})
	p := meet(t, s, "a")
	events, err := p.SubscribeSync("nkv.v1.event.a.T.*")
	if err != nil {
		t.Fatal(err)
	}
	fence := p.open("a.T")
	owned := headers(wire.HeaderFence, fence)
	p.done("nkv.v1.put.a.T.k%2Ex", owned, "one")
	p.done("nkv.v1.put.a.T.k%2Ex", owned, "one") // nothing changes, nothing is told
	p.done("nkv.v1.put.a.U.k", nil, "elsewhere")
	p.done("nkv.v1.delete.a.T.k%2Ex", owned, "")
	p.done("nkv.v1.mark.a.T", owned, `{"restart":7}`)
	p.done("nkv.v1.close.a.T", owned, "")
	type event struct{ Subject, Op, Data string }
	previous := uint64(0)
	var got []event
	for range 5 {
		m, err := events.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		e := event{m.Subject, header(m, wire.HeaderOp), string(m.Data)}
		var names []string
		for name := range m.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{wire.HeaderOp, wire.HeaderPrevious, wire.HeaderRevision, wire.HeaderStore}, names); diff != "" {
			t.Errorf("headers of %s (-want +got):\n%s", m.Subject, diff)
		}
		revision, _, err := wire.Header(m.Header).Uint(wire.HeaderRevision)
		before, _, err2 := wire.Header(m.Header).Uint(wire.HeaderPrevious)
		if err != nil || err2 != nil || before != previous || revision <= before || header(m, wire.HeaderStore) != s.StoreID() {
			t.Errorf("%s after revision %d: %v", m.Subject, previous, m.Header)
		}
		previous = revision
		if e.Op == "mark" {
			var info wire.TableInfo
			decode(t, m, &info)
			if info.Head != revision {
				t.Errorf("the mark of revision %d tells head %d", revision, info.Head)
			}
			e.Data = fmt.Sprintf("open %t restart %d", info.Open, info.Restart)
		}
		got = append(got, e)
	}
	want := []event{
		{"nkv.v1.event.a.T.$mark", "mark", "open true restart 0"},
		{"nkv.v1.event.a.T.k%2Ex", "put", "one"},
		{"nkv.v1.event.a.T.k%2Ex", "delete", ""},
		{"nkv.v1.event.a.T.$mark", "mark", "open true restart 7"},
		{"nkv.v1.event.a.T.$mark", "mark", "open false restart 7"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
