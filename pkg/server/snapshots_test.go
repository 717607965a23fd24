package server_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// pages pulls all pages of a table, and calls between before each further one.
func (p *peer) pages(table string, h nats.Header, between func(page int)) (records map[string]string, info wire.TableInfo, count int) {
	p.t.Helper()
	records = map[string]string{}
	revision, last := "", uint64(0)
	for next := ""; ; {
		if next != "" {
			if between != nil {
				between(count)
			}
			h = merge(h, headers(wire.HeaderSnapshot, next))
		}
		m := p.done("nkv.v1.snapshot."+table, h, "")
		if count++; count == 1 {
			revision = header(m, wire.HeaderRevision)
			decode(p.t, &nats.Msg{Data: []byte(header(m, wire.HeaderTable))}, &info)
		} else if header(m, wire.HeaderTable) != "" || header(m, wire.HeaderRevision) != revision {
			p.t.Errorf("page %d is of revision %s, the first of %s; table %q", count, header(m, wire.HeaderRevision), revision, header(m, wire.HeaderTable))
		}
		for rest := m.Data; len(rest) > 0; {
			r, more, err := wire.NextRecord(rest)
			if err != nil {
				p.t.Fatal(err)
			}
			if _, twice := records[r.Key]; twice || r.Revision <= last {
				p.t.Errorf("page %d: key %s, revision %d after %d", count, r.Key, r.Revision, last)
			}
			records[r.Key], rest, last = string(r.Value), more, r.Revision
		}
		if next = header(m, wire.HeaderNext); next == "" {
			break
		}
	}
	if strconv.FormatUint(info.Head, 10) != revision {
		p.t.Errorf("the table's description tells head %d, the answer %s", info.Head, revision)
	}
	return records, info, count
}

func (p *peer) fill(table string, keys, size int) map[string]string {
	p.t.Helper()
	want := map[string]string{}
	for i := range keys {
		key, value := fmt.Sprintf("k%04d", i), strings.Repeat(string('a'+rune(i%26)), size)
		p.done("nkv.v1.put."+table+"."+key, nil, value)
		want[key] = value
	}
	return want
}

// TestPagesAreOfOneHead changes a table while its pages are pulled.
func TestPagesAreOfOneHead(t *testing.T) {
	s := start(t, server.Options{})
	p := meet(t, s, "a")
	want := p.fill("a.T", 500, 4000)
	got, info, pages := p.pages("a.T", nil, func(page int) {
		p.done(fmt.Sprintf("nkv.v1.put.a.T.k%04d", 499-page), nil, "changed")
		if page <= 3 {
			p.done(fmt.Sprintf("nkv.v1.delete.a.T.k%04d", page), nil, "")
		}
		p.done(fmt.Sprintf("nkv.v1.put.a.T.new%d", page), nil, "new")
		if page == 3 {
			p.done("nkv.v1.delete.a.T", headers(wire.HeaderPattern, "a.T"), "")
		}
	})
	if diff := cmp.Diff(want, got); diff != "" || pages < 7 || info.Keys != 500 {
		t.Errorf("%d pages of %d keys (-want +got):\n%s", pages, info.Keys, diff)
	}
	if n := s.Snapshots(); n != 0 {
		t.Errorf("%d snapshots are kept after the last page", n)
	}
	got, info, pages = p.pages("a.T", nil, nil)
	if len(got) != late(got) || info.Keys != len(got) || pages != 1 {
		t.Errorf("afterwards: %d pages with %v", pages, got)
	}
}

// late counts the keys that were put after the table was cleared.
func late(records map[string]string) int {
	n := 0
	for _, value := range records {
		if value == "changed" || value == "new" {
			n++
		}
	}
	return n
}

// TestPageSizes cuts tables at, below and above a page's end.
func TestPageSizes(t *testing.T) {
	const record = len("a") + 40 // what a page counts besides the value
	half := server.PageBytes / 2
	// What still fits behind a value of half a page; a fresh server's first
	// revision has one digit.
	fits := server.PageBytes - record - len(wire.AppendRecord(nil, 1, "a", make([]byte, half)))
	for name, tc := range map[string]struct {
		maxValue int
		sizes    []int
		pages    int
	}{
		"exactly one page":            {0, []int{half, fits}, 1},
		"a byte more":                 {0, []int{half, fits + 1}, 2},
		"one value of a page":         {0, []int{server.PageBytes - record}, 1},
		"one value above a page":      {0, []int{server.PageBytes}, 1},
		"large between small":         {0, []int{1, 4 << 20, 1, 1}, 3},
		"large first and last":        {0, []int{1 << 20, 1, 2 << 20}, 3},
		"values at the limit":         {100 << 10, []int{100 << 10, 100 << 10, 100 << 10}, 3},
		"a page below the limit of a": {1, []int{1, 1, 1}, 1},
		"empty values":                {0, []int{0, 0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := meet(t, start(t, server.Options{MaxValue: tc.maxValue}), "a")
			want := map[string]string{}
			for i, size := range tc.sizes {
				key := string('a' + rune(i))
				want[key] = string(bytes.Repeat([]byte{'v'}, size))
				p.done("nkv.v1.put.a.T."+key, nil, want[key])
			}
			got, _, pages := p.pages("a.T", nil, nil)
			if !cmp.Equal(want, got) || pages != tc.pages {
				t.Errorf("%d pages with %d keys; want %d with %d", pages, len(got), tc.pages, len(want))
			}
		})
	}
	t.Run("the longest path with the largest value", func(t *testing.T) {
		p := meet(t, start(t, server.Options{MaxValue: 300 << 10}), "a")
		key := strings.Repeat(".", 255)
		p.done("nkv.v1.put.a.T.small", nil, "v")
		p.done("nkv.v1.put.a.T."+wire.EncodeToken(key), nil, strings.Repeat("v", 300<<10))
		if got, _, _ := p.pages("a.T", nil, nil); len(got[key]) != 300<<10 {
			t.Errorf("the value has %d bytes", len(got[key]))
		}
	})
}

func TestSnapshotOfNothing(t *testing.T) {
	p := meet(t, start(t, server.Options{}), "a")
	fence := p.open("a.Empty")
	got, info, pages := p.pages("a.Empty", nil, nil)
	if len(got) != 0 || pages != 1 || strconv.FormatUint(info.Head, 10) != fence || !info.Opened {
		t.Errorf("an empty table: %v, %+v, %d pages", got, info, pages)
	}
	got, info, pages = p.pages("a.None", nil, nil)
	if diff := cmp.Diff(wire.TableInfo{Table: "a.None"}, info); diff != "" || len(got) != 0 || pages != 1 {
		t.Errorf("no table: %v, %d pages (-want +got):\n%s", got, pages, diff)
	}
	if m := p.done("nkv.v1.tables", headers(wire.HeaderPattern, "a.None"), ""); string(m.Data) != `{"tables":[]}` {
		t.Errorf("the snapshot made a table: %s", m.Data)
	}
}

func TestSnapshotOfSomeKeys(t *testing.T) {
	p := meet(t, start(t, server.Options{}), "a")
	want := p.fill("a.T", 300, 2000)
	for pattern, keys := range map[string]int{"a.T.k0007": 1, "a.T.k0299": 1, "*.*.k0000": 1, "a.T.none": 0, "a.T.*": 300, ">": 300, "a.T": 300} {
		got, info, pages := p.pages("a.T", headers(wire.HeaderPattern, pattern), nil)
		if len(got) != keys || info.Keys != 300 || keys <= 1 && pages != 1 {
			t.Errorf("%s: %d keys in %d pages; want %d", pattern, len(got), pages, keys)
		}
		for key, value := range got {
			if want[key] != value {
				t.Errorf("%s: %s differs", pattern, key)
			}
		}
	}
	for _, pattern := range []string{"a.U.k", "b.>", "a", "a.T.k.l", "a.T.%"} {
		if m := p.ask("nkv.v1.snapshot.a.T", headers(wire.HeaderPattern, pattern), nil); outcome(m) != "400 invalid" {
			t.Errorf("%s: %s", pattern, outcome(m))
		}
	}
}

// begin pulls a first page of several and returns what asks for the next.
func (p *peer) begin(table string) string {
	p.t.Helper()
	next := header(p.done("nkv.v1.snapshot."+table, nil, ""), wire.HeaderNext)
	if next == "" {
		p.t.Fatal("there is one page only")
	}
	return next
}

func (p *peer) next(table, token string) string {
	p.t.Helper()
	return outcome(p.ask("nkv.v1.snapshot."+table, headers(wire.HeaderSnapshot, token), nil))
}

func TestSnapshotsExpire(t *testing.T) {
	s := start(t, server.Options{})
	p := meet(t, s, "a")
	p.fill("a.T", 6, server.PageBytes*2/3)
	token := p.begin("a.T")
	s.SweepSnapshots(time.Now().Add(server.SnapshotIdle - time.Second))
	if got := p.next("a.T", token); got != "200" {
		t.Errorf("before it expires: %s", got)
	}
	if got := p.next("a.T", token); got != "200" {
		t.Errorf("the same page again: %s", got)
	}
	s.SweepSnapshots(time.Now().Add(server.SnapshotIdle + time.Second))
	if got := p.next("a.T", token); got != "409 snapshot" {
		t.Errorf("after it expired: %s", got)
	}
	if n := s.Snapshots(); n != 0 {
		t.Errorf("%d are kept", n)
	}
}

func TestSnapshotsKeptAreBounded(t *testing.T) {
	t.Parallel()                                   // it mostly waits
	s := start(t, server.Options{MaxValue: 30000}) // a page holds two of four
	p := meet(t, s, "a")
	p.fill("a.T", 4, 30000)
	first := p.begin("a.T")
	second := p.begin("a.T")
	for range server.SnapshotsKept - 2 {
		p.begin("a.T")
	}
	m := p.ask("nkv.v1.snapshot.a.T", headers(wire.HeaderSnapshot, first[:strings.IndexByte(first, '.')]+".0"), nil)
	if outcome(m) != "200" || s.Snapshots() != server.SnapshotsKept {
		t.Fatalf("with all of %d: %s", s.Snapshots(), outcome(m))
	}
	last := p.begin("a.T") // the second waits longest now
	if n := s.Snapshots(); n != server.SnapshotsKept {
		t.Errorf("%d are kept", n)
	}
	for name, tc := range map[string]struct{ token, want string }{
		"the one that waited longest": {second, "409 snapshot"},
		"the one that was used":       {first, "200"},
		"the newest":                  {last, "200"},
	} {
		if got := p.next("a.T", tc.token); got != tc.want {
			t.Errorf("%s: %s; want %s", name, got, tc.want)
		}
	}
}

func TestSnapshotTokens(t *testing.T) {
	s := start(t, server.Options{})
	p := meet(t, s, "a")
	p.fill("a.T", 3, server.PageBytes*2/3)
	p.fill("a.U", 3, server.PageBytes*2/3)
	token := p.begin("a.T")
	id, _, _ := strings.Cut(token, ".")
	for _, tc := range []struct{ table, token, want string }{
		{"a.T", "garbage", "400 invalid"},
		{"a.T", ".", "400 invalid"},
		{"a.T", id, "400 invalid"},
		{"a.T", id + ".", "400 invalid"},
		{"a.T", id + ".x", "400 invalid"},
		{"a.T", id + ".-1", "400 invalid"},
		{"a.T", id + ".1.1", "400 invalid"},
		{"a.T", id + ".99999999999999999999", "400 invalid"},
		{"a.T", ".1", "409 snapshot"},
		{"a.T", "ABCDEFGHIJKLMNOPQRSTUVWXYZ.1", "409 snapshot"},
		{"a.T", strings.Repeat("x", 20000) + ".1", "409 snapshot"},
		{"a.U", token, "409 snapshot"},
		{"a.None", token, "409 snapshot"},
		{"a.T", token, "200"},
		{"a.T", id + ".9223372036854775807", "200"}, // beyond the end: the last page, empty
		{"a.T", token, "409 snapshot"},
	} {
		if got := p.next(tc.table, tc.token); got != tc.want {
			t.Errorf("%.60q of %s: %s; want %s", tc.token, tc.table, got, tc.want)
		}
	}
}
