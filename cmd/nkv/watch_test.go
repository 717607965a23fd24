package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
)

// watching is a watch under way.
type watching struct {
	t      *testing.T
	lines  *bufio.Scanner
	stderr *testutil.Text
	end    func() int // interrupts and returns the exit code
}

func (s shell) watch(args ...string) *watching {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	out, in := io.Pipe()
	stderr := &testutil.Text{}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"--server", s.url, "watch"}, args...), nil, in, stderr)
		in.Close()
	}()
	w := &watching{s.t, bufio.NewScanner(out), stderr, sync.OnceValue(func() int {
		cancel()
		io.Copy(io.Discard, out) //nolint:errcheck // until it ends
		return <-code
	})}
	s.t.Cleanup(func() { w.end() })
	return w
}

// next returns the next line, its times and revisions blurred.
func (w *watching) next() string {
	w.t.Helper()
	if !w.lines.Scan() {
		w.t.Fatalf("the watch ended; stderr:\n%s", w.stderr)
	}
	return blurred.ReplaceAllString(w.lines.Text(), "${1}N")
}

var blurred = regexp.MustCompile(`(revision |fence )\d+|^\d\d:\d\d:\d\d\.\d\d\d`)

// reads compares the lines that follow.
func (w *watching) reads(lines ...string) {
	w.t.Helper()
	got := make([]string, 0, len(lines))
	for range lines {
		got = append(got, w.next())
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		w.t.Fatalf("the watch prints otherwise (- wanted, + got):\n%s", diff)
	}
}

func TestWatchShowsDifferencesAndMarks(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	a := connect(t, s.url, "a")
	p := openTable(t, a, "a.B")
	put := func(key, value string) {
		t.Helper()
		if err := p.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("k", `{"Name":"eth0","Addrs":["10.0.0.1"]}`)
	w := s.watch("a")
	w.reads(
		"N  create  a.B.k  revision N",
		`    + Name: "eth0"`,
		`    + Addrs: ["10.0.0.1"]`,
		"N  mark    a.B  revision N  synchronized: all that was there is known",
		"N  mark    a.B  revision N  opened by its owner, volatile, fence N",
	)
	put("k", `{"Name":"eth0","Addrs":["10.0.0.1","10.0.0.2"],"Up":true}`)
	w.reads("N  modify  a.B.k  revision N", `    + Addrs[1]: "10.0.0.2"`, `    + Up: true`)
	put("raw/1", "\x00\x01")
	w.reads("N  create  a.B.raw%2F1  revision N", "    + 2 bytes")
	put("raw/1", "{")
	w.reads("N  modify  a.B.raw%2F1  revision N", "    ~ 2 bytes → 1 byte")
	if err := p.Restarted(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	w.reads("N  mark    a.B  revision N  restarted: its owner has published all it knew, 2 times")
	if err := p.Delete(t.Context(), "raw/1"); err != nil {
		t.Fatal(err)
	}
	w.reads("N  delete  a.B.raw%2F1  revision N", "    - 1 byte")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.reads("N  mark    a.B  revision N  closed: it has no owner now")
	if code := w.end(); code != exitDone || w.stderr.String() != "" {
		t.Errorf("exit code %d, stderr %q", code, w.stderr)
	}
}

func TestWatchPrintsJSONLines(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	s.must("put", "a.B", "--key", "x.y", `{"n":12345678901234567890}`)
	s.must("put", "a.C.other", "1")
	w := s.watch("a.B", "--key", "x.y", "--json", "--count", "3")
	w.next()
	for _, args := range [][]string{{"put", "a.B.other", "1"}, {"put", "a.B.x%2Ey", `{"n":12345678901234567891}`}} {
		s.must(args...)
	}
	var seen watched
	if !w.lines.Scan() {
		t.Fatal("no second line")
	}
	if err := json.Unmarshal(w.lines.Bytes(), &seen); err != nil {
		t.Fatal(err)
	}
	if seen.Time.IsZero() {
		t.Error("no time")
	}
	key := "x.y"
	wanted := watched{
		Time: seen.Time, Op: "modify", Path: "a.B.x%2Ey", Table: "a.B", Key: &key, Revision: 4,
		value:       value{Value: json.RawMessage(`{"n":12345678901234567891}`)},
		Differences: []difference{{Op: "change", Field: "n", Old: json.RawMessage("12345678901234567890"), New: json.RawMessage("12345678901234567891")}},
	}
	if diff := cmp.Diff(wanted, seen, cmp.AllowUnexported(watched{})); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
	s.must("del", "a.B.x%2Ey")
	if last := w.next(); !strings.Contains(last, `"op":"delete"`) {
		t.Errorf("the last line is %s", last)
	}
	if w.lines.Scan() {
		t.Errorf("more than --count: %s", w.lines.Text())
	}
	if code := w.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

// What is there at the start is not printed, but known.
func TestWatchFromNow(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	s.must("put", "a.B.k", `{"n":1,"m":1}`)
	s.must("put", "b.C.k", "1")
	w := s.watch(">", "--from-now")
	testutil.Await(t, patience, "the watch listens", func() bool {
		return strings.Contains(s.must("trace", "a.B"), "up to date")
	})
	s.must("put", "a.B.k", `{"n":2,"m":1}`)
	w.reads("N  modify  a.B.k  revision N", "    ~ n: 1 → 2")
	s.must("put", "new.Table.k", "[]")
	w.reads("N  create  new.Table.k  revision N", "    + []")
}

// A server that dies and comes back is said, and nothing is printed that did not
// change.
func TestWatchSurvivesAServerRestart(t *testing.T) {
	dir := t.TempDir()
	opts := testutil.ServerOptions{Socket: filepath.Join(dir, "s"), StoreDir: filepath.Join(dir, "store"), VolatileDir: filepath.Join(dir, "volatile")}
	process := testutil.StartProcess(t, opts)
	s := shell{t, "unix://" + opts.Socket}
	s.must("put", "a.B.k", "1")
	s.must("put", "a.B.l", "1")
	w := s.watch("a.B")
	w.reads("N  create  a.B.k  revision N", "    + 1", "N  create  a.B.l  revision N", "    + 1")
	process.Kill()
	testutil.Await(t, patience, "it says that the connection broke", func() bool {
		return strings.Contains(w.stderr.String(), "nkv: the connection to the server broke")
	})
	testutil.StartProcess(t, opts)
	testutil.Await(t, patience, "it says that the connection is back", func() bool {
		return strings.Contains(w.stderr.String(), "nkv: the connection to the server is back")
	})
	s.must("put", "a.B.k", "2")
	w.reads("N  modify  a.B.k  revision N", "    ~ 1 → 2")
	if code := w.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestTraceExplains(t *testing.T) {
	s := shell{t, startServer(t, server.Options{})}
	p := openTable(t, connect(t, s.url, "own"), "own.T", client.OwnerFingerprint("f1"))
	if err := p.Put(t.Context(), "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	reader := connect(t, s.url, "reader")
	sub, err := reader.Subscribe("own.T", client.ReaderFingerprint("f2"))
	if err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the reader follows", sub.Current)
	sub.CountError()
	other, err := connect(t, s.url, "narrow").Subscribe("own.T.other")
	if err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, patience, "the narrow reader follows", other.Current)
	text := s.must("trace", "own.T")
	for _, says := range []string{
		"owner      own (connection ", "listeners  2\n",
		"note reader (connection ", "its type has another shape than the owner's (f2, the owner's f1)", "1 value did not decode",
		"own.T.other",
	} {
		if !strings.Contains(text, says) {
			t.Errorf("trace does not say %q:\n%s", says, text)
		}
	}
	if text := s.must("trace", "own.T.k"); !strings.Contains(text, "listeners  1\n") || !strings.Contains(text, "busy: ") {
		t.Errorf("of a path whose value waits to be handled:\n%s", text)
	}
	for range 3 {
		if _, ok := sub.Next(); !ok {
			t.Fatal("less than the value and two marks")
		}
	}
	if text := s.must("trace", "own.T", "--key", "k"); !strings.Contains(text, "has this value") {
		t.Errorf("of a path whose value was handled:\n%s", text)
	}
	var told traced
	if err := json.Unmarshal([]byte(s.must("trace", "own.T", "--json")), &told); err != nil {
		t.Fatal(err)
	}
	if told.Owner == nil || told.Owner.Agent != "own" || len(told.Listeners) != 2 {
		t.Errorf("trace --json: %+v", told)
	}
}
