package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestBackupIsOfOneInstant takes a backup of several pages while every table
// changes: what it has of two tables that are changed in turn differs by one change
// at the most.
func TestBackupIsOfOneInstant(t *testing.T) {
	s := start(t, server.Options{})
	p, writer := meet(t, s, "a"), meet(t, s, "a")
	for i := range 60 {
		for _, topic := range []string{"First", "Second"} {
			p.done(fmt.Sprintf("nkv.v1.put.a.%s.k%d", topic, i), nil, strings.Repeat("v", 10_000))
		}
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(stop)
	writing.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, topic := range []string{"First", "Second"} {
				m, err := writer.RequestMsg(&nats.Msg{Subject: "nkv.v1.put.a." + topic + ".n", Data: fmt.Append(nil, n)}, patience)
				if err != nil || status(m) != 200 {
					t.Errorf("a put: %v", err)
					return
				}
			}
		}
	})
	for range 20 {
		pages := 0
		got := map[string]int{}
		for next := ""; ; {
			var given []string
			if next != "" {
				given = []string{wire.HeaderSnapshot, next}
			}
			m := p.ask("nkv.v1.backup", headers(given...), nil)
			if status(m) != 200 {
				t.Fatal(outcome(m))
			}
			pages++
			sum(t, m.Data, next == "", got)
			if next = header(m, wire.HeaderNext); next == "" {
				break
			}
		}
		if d := got["a.First"] - got["a.Second"]; pages < 3 || d != 0 && d != 1 || got["a.First keys"] < 60 {
			t.Errorf("%d pages: %v", pages, got)
		}
	}
}

// sum notes the numbers that a page has under key n, by table, and how many keys.
func sum(t *testing.T, page []byte, first bool, got map[string]int) {
	t.Helper()
	if first {
		_, rest, _ := strings.Cut(string(page), "\n")
		page = []byte(rest)
		clear(got)
	}
	for len(page) > 0 {
		_, rest, section, err := wire.NextSection(page)
		if err != nil {
			t.Fatal(err)
		}
		if page = rest; section {
			got["table"]++
			continue
		}
		record, rest, err := wire.NextRecord(page)
		if err != nil {
			t.Fatal(err)
		}
		page = rest
		table := []string{"", "a.First", "a.Second"}[got["table"]]
		got[table+" keys"]++
		if record.Key == "n" {
			n := 0
			if _, err := fmt.Sscan(string(record.Value), &n); err != nil {
				t.Fatal(err)
			}
			got[table] = n
		}
	}
}

// TestRestoreRefuses brings what can't be restored: each is refused, and nothing is
// changed.
func TestRestoreRefuses(t *testing.T) {
	opts := lives(t)
	opts.MaxValue = 1000
	s := start(t, opts)
	p := meet(t, s, "a")
	p.done("nkv.v1.put.a.T.k", headers(wire.HeaderDurable, "true"), "before")
	id := s.StoreID()
	section := `{"table":"a.T","durable":true,"keys":1}` + "\n"
	for _, tt := range []struct{ name, begin, page, want string }{
		{"nothing at all", `{}`, "x", "400 invalid"},
		{"more than any restore", `{"bytes":1000000000}`, "x", "413 too-large"},
		{"begin is no JSON", `{`, "", "400 invalid"},
		{"a key without a table", `{"keys":1}`, "1 k 1\nv\n", "400 invalid"},
		{"a volatile table", `{"tables":1}`, `{"table":"a.T","keys":0}` + "\n", "400 invalid"},
		{"no table's name", `{"tables":1}`, `{"table":"a..T","durable":true}` + "\n", "400 invalid"},
		{"a table twice", `{"tables":2}`, `{"table":"a.T","durable":true}` + "\n" + `{"table":"a.T","durable":true}` + "\n", "400 invalid"},
		{"a key twice", `{"tables":1,"keys":2}`, `{"table":"a.T","durable":true,"keys":2}` + "\n1 k 1\nv\n2 k 1\nw\n", "400 invalid"},
		{"a key too few", `{"tables":1,"keys":1,"bytes":1}`, section, "400 invalid"},
		{"a key too many", `{"tables":1,"keys":1,"bytes":1}`, section + "1 k 1\nv\n2 l 1\nv\n", "400 invalid"},
		{"a table is not announced", `{}`, section + "1 k 1\nv\n", "400 invalid"},
		{"half a record", `{"tables":1,"keys":1,"bytes":1}`, section + "1 k 1\n", "400 invalid"},
		{"a value over the limit", `{"tables":1,"keys":1,"bytes":1001}`, section + "1 k 1001\n" + strings.Repeat("v", 1001) + "\n", "413 too-large"},
		{"another token", `{"tables":1,"keys":1,"bytes":1}`, "", "409 snapshot"},
	} {
		m := p.ask("nkv.v1.restore.begin", nil, []byte(tt.begin))
		token := header(m, wire.HeaderNext)
		if status(m) == 200 && tt.page != "" {
			m = p.ask("nkv.v1.restore.add", headers(wire.HeaderSnapshot, token), []byte(tt.page))
		}
		if tt.page == "" {
			token = "other"
		}
		if status(m) == 200 {
			m = p.ask("nkv.v1.restore.commit", headers(wire.HeaderSnapshot, token), nil)
		}
		if outcome(m) != tt.want {
			t.Errorf("%s: %s, want %s: %s", tt.name, outcome(m), tt.want, header(m, wire.HeaderMessage))
		}
	}
	p.done("nkv.v1.restore.begin", nil, `{}`)
	m := meet(t, s, "b").ask("nkv.v1.restore.begin", nil, []byte(`{}`))
	if outcome(m) != "503 unavailable" || !strings.Contains(header(m, wire.HeaderMessage), "10s") {
		t.Errorf("a second restore at once: %s: %s", outcome(m), header(m, wire.HeaderMessage))
	}
	if m := p.ask("nkv.v1.restore.else", nil, nil); outcome(m) != "400 invalid" {
		t.Errorf("an unknown step: %s", outcome(m))
	}
	if got := p.done("nkv.v1.get.a.T.k", nil, ""); string(got.Data) != "before" || s.StoreID() != id {
		t.Errorf("after all that, the value is %q, the store id %s after %s", got.Data, s.StoreID(), id)
	}
}

// TestRestoreOfLongNames brings little on the wire that would be more than a batch of
// the store, by the names that each of its records has: it is too large, and not a
// store that refuses changes.
func TestRestoreOfLongNames(t *testing.T) {
	s := start(t, lives(t))
	p := meet(t, s, "a")
	const keys, onPage = 400_000, 4000
	next := headers(wire.HeaderSnapshot, header(p.done("nkv.v1.restore.begin", nil, fmt.Sprintf(`{"tables":1,"keys":%d}`, keys)), wire.HeaderNext))
	page := fmt.Appendf(nil, `{"table":"a.%s","durable":true,"keys":%d}`+"\n", strings.Repeat("%3E", 255), keys)
	var m *nats.Msg
	for i := 1; i <= keys; i++ {
		page = fmt.Appendf(page, "1 k%d 0\n\n", i)
		if i%onPage > 0 {
			continue
		}
		if m = p.ask("nkv.v1.restore.add", next, page); status(m) != 200 {
			break
		}
		page = page[:0]
	}
	if status(m) == 200 {
		m = p.ask("nkv.v1.restore.commit", next, nil)
	}
	if outcome(m) != "413 too-large" {
		t.Errorf("%s: %s", outcome(m), header(m, wire.HeaderMessage))
	}
}

// TestG8Backup: only who reads everything backs up, and only who writes everything
// restores.
func TestG8Backup(t *testing.T) {
	g := guard(t)
	g.as("zedagent", "zedagent").done("nkv.v1.put.zedagent.Secret.k", headers(wire.HeaderDurable, "true"), "secret")
	for _, tt := range []struct{ identity, agent, backup, restore string }{
		{"root", "nkv", "200", "200"},
		{"viewer", "nkv", "200", "403"},
		{"zedagent", "zedagent", "200", "403"}, // there is nothing yet that it may not read
		{"nim", "nim", "403", "403"},
		{"reader", "reader", "403", "403"},
	} {
		p := g.as(tt.identity, tt.agent)
		m := p.ask("nkv.v1.backup", nil, nil)
		if got := fmt.Sprint(status(m)); got != tt.backup || got == "403" && len(m.Data) > 0 {
			t.Errorf("a backup by %s: %s, %d bytes", tt.identity, outcome(m), len(m.Data))
		}
		for _, step := range []string{"add", "commit", "begin"} {
			m = p.ask("nkv.v1.restore."+step, headers(wire.HeaderSnapshot, "x"), []byte("{}"))
			if refused := status(m) == 403; refused != (tt.restore == "403") {
				t.Errorf("restore, %s, by %s: %s", step, tt.identity, outcome(m))
			}
		}
	}
}
