package bridge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/tests/migration/original"
)

var (
	status = original.Name{Agent: "zedagent", Topic: "AppStatus"}
	scoped = original.Name{Agent: "verifier", Scope: "AppImg", Topic: "VerifyStatus"}
)

// value has what gets lost when values are taken apart carelessly.
func value(n int) string {
	return fmt.Sprintf(`{"z":18446744073709551615,"n":%d,"a":1.10,"html":"<&>"}`, n)
}

func TestOldPublisherBecomesATable(t *testing.T) {
	for _, name := range []original.Name{status, scoped} {
		for _, durable := range []bool{false, true} {
			for _, silent := range []bool{false, true} {
				b := newBench(t)
				p := b.publish(name, durable, func(p *original.Publisher) { p.Silent = silent })
				b.must(p.Publish("timer.config.interval", value(1)))
				b.must(p.Publish("a", value(2)))
				b.must(p.Restarted(3))
				b.must(p.Publish("b", value(3)))
				b.must(p.Unpublish("a"))
				info := b.holds(name, p.Values())
				b.await("the restart counter comes", func() bool { info, _ = b.snapshot(name); return info.Restart == 3 })
				if info.Durable != durable || !info.Open {
					t.Errorf("silent %t: %+v, want durable %t", silent, info, durable)
				}
				if _, err := b.client(name.Agent).Open(t.Context(), table(name)); !errors.Is(err, client.ErrTableOwned) {
					t.Errorf("a client opened the table of an old publisher: %v", err)
				}
				b.must(p.Restarted(0))
				b.await("the restart counter is cleared", func() bool { info, _ = b.snapshot(name); return info.Restart == 0 })
				if !b.files.left(table(name)) {
					t.Error("the files were not left to the publisher")
				}
				p.Kill()
				b.await("the table is free", func() bool { info, _ = b.snapshot(name); return !info.Open })
				// The bridge may look at them once more, when the socket goes.
				b.await("the files are taken back", func() bool { return !b.files.left(table(name)) })
			}
		}
	}
}

// A publisher that comes back without some keys, and with its counter cleared,
// has the table say so.
func TestOldPublisherComesBack(t *testing.T) {
	b := newBench(t)
	p := b.publish(status, true)
	for n := range 200 { // more than are under way at a time
		b.must(p.Publish(fmt.Sprint(n), value(n)))
	}
	b.must(p.Restarted(1))
	b.holds(status, p.Values())
	b.await("the counter comes", func() bool { info, _ := b.snapshot(status); return info.Restart == 1 })
	b.bridge.Close() // so that it hears of nothing
	for n := range 100 {
		b.must(p.Unpublish(fmt.Sprint(n)))
	}
	b.must(p.Publish("new", value(0)))
	b.must(p.Restarted(0))
	b.start()
	b.holds(status, p.Values())
	b.await("the counter is cleared", func() bool { info, _ := b.snapshot(status); return info.Restart == 0 })
}

// What a publisher did and did not tell is found in its files before anybody else
// can open the table.
func TestWhatAnOldPublisherDidNotTell(t *testing.T) {
	for _, durable := range []bool{false, true} {
		b := newBench(t)
		p := b.publish(status, durable)
		b.must(p.Publish("changed", value(1)))
		b.must(p.Publish("removed", value(1)))
		b.must(p.Publish("same", value(1)))
		b.holds(status, p.Values())
		b.must(p.Untold("changed", value(2)))
		b.must(p.Untold("new", value(2)))
		b.must(p.Untold("removed", ""))
		p.Kill()
		var options []client.OpenOption
		if durable {
			options = append(options, client.DurableTable())
		}
		_, pub := b.own(status, options...)
		got := map[string]string{}
		for key, value := range pub.All() {
			got[key] = string(value)
		}
		want, _, err := original.Load(status.Dir(b.root, durable), durable)
		b.must(err)
		b.holds(status, want)
		if len(got) != 3 || got["changed"] != value(2) || got["new"] != value(2) {
			t.Errorf("the client that opened the table found %v", got)
		}
	}
}

func TestLargeFieldsOfAnOldPublisher(t *testing.T) {
	b := newBench(t)
	p := b.publish(status, true)
	large := `{"a":18446744073709551615,"pubsub-large-X":{"cert":"` + strings.Repeat("x", 100_000) + `"}}`
	b.must(p.Publish("k", large))
	b.holds(status, map[string]string{"k": large})
	b.await("the file is removed", func() bool { return countFiles(t, b.large()) == 0 })
}

func countFiles(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return n
}

func TestTableBecomesASocket(t *testing.T) {
	for _, name := range []original.Name{status, scoped} {
		for _, durable := range []bool{false, true} {
			b := newBench(t)
			var mu sync.Mutex
			var heard []string
			s := b.subscribe(name, func(e original.Event) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, strings.TrimSpace(e.Verb+" "+e.Key))
			})
			var options []client.OpenOption
			if durable {
				options = append(options, client.DurableTable())
			}
			_, pub := b.own(name, options...)
			want := map[string]string{"timer.config.interval": value(1), "with space": value(2)}
			for key, value := range want {
				b.must(pub.Put(t.Context(), key, []byte(value)))
			}
			b.sees(s, want)
			b.must(pub.Delete(t.Context(), "timer.config.interval"))
			b.must(pub.Restarted(t.Context(), 5))
			b.await("the counter comes", func() bool { return s.Counter() == 5 })
			delete(want, "timer.config.interval")
			b.sees(s, want)
			b.must(pub.Restarted(t.Context(), 0))
			b.await("the counter is cleared", func() bool { return s.Counter() == 0 })

			late := b.subscribe(name, nil)
			b.sees(late, want)
			mu.Lock()
			defer mu.Unlock()
			if first := fmt.Sprintf("hello %t", durable); heard[0] != first || heard[len(heard)-2] != "restarted 5" || heard[len(heard)-3] != "delete timer.config.interval" {
				t.Errorf("heard %q", heard)
			}
		}
	}
}

func TestLargeFieldsForAnOldSubscriber(t *testing.T) {
	b := newBench(t)
	_, pub := b.own(status)
	large := `{"a":18446744073709551615,"pubsub-large-X":{"cert":"` + strings.Repeat("x", 100_000) + `"}}`
	b.must(pub.Put(t.Context(), "k", []byte(large)))
	for range 2 {
		b.sees(b.subscribe(status, nil), map[string]string{"k": large})
	}
	if n := countFiles(t, b.large()); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// A value that no message can carry is named in the log, once, and costs nobody
// anything else.
func TestValueThatAnOldSubscriberCantRead(t *testing.T) {
	b := newBench(t)
	_, pub := b.own(status)
	s := b.subscribe(status, nil)
	huge := []byte(`"` + strings.Repeat("secret", 10_000) + `"`)
	b.must(pub.Put(t.Context(), "huge", huge))
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	b.sees(s, map[string]string{"k": value(1)})
	b.must(pub.Delete(t.Context(), "huge")) // of which it never heard
	b.must(pub.Put(t.Context(), "huge", huge))
	b.must(pub.Put(t.Context(), "k", []byte(value(2))))
	b.sees(s, map[string]string{"k": value(2)})
	b.must(pub.Put(t.Context(), "huge", []byte(value(3))))
	b.sees(s, map[string]string{"k": value(2), "huge": value(3)})
	log := b.said.String()
	if n := strings.Count(log, "can't be told to an old subscriber"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
	for _, what := range []string{"bytes=60002", "key=huge", "table=zedagent.AppStatus"} {
		if !strings.Contains(log, what) {
			t.Errorf("the log does not say %s", what)
		}
	}
	if strings.Contains(log, "secret") {
		t.Error("the log has the value")
	}
}

// A subscriber that reads nothing holds up nobody, and has all in the end.
func TestSlowOldSubscriber(t *testing.T) {
	b := newBench(t)
	_, pub := b.own(status)
	slow, fast := b.subscribe(status, nil), b.subscribe(status, nil)
	b.must(pub.Put(t.Context(), "k", []byte(value(0))))
	b.sees(slow, map[string]string{"k": value(0)})
	goOn := slow.Hold()
	defer goOn()
	want := map[string]string{}
	padding := strings.Repeat("x", 10_000)
	for n := range 500 {
		key := fmt.Sprint("k", n%50)
		want[key] = fmt.Sprintf(`{"n":%d,"p":%q}`, n, padding)
		b.must(pub.Put(t.Context(), key, []byte(want[key])))
	}
	b.must(pub.Delete(t.Context(), "k"))
	b.sees(fast, want)
	goOn()
	b.sees(slow, want)
	if slow.Connections() != 1 {
		t.Errorf("it was cut: %d connections", slow.Connections())
	}
}

func TestBridgeThatEndsLeavesNothing(t *testing.T) {
	b := newBench(t)
	p := b.publish(scoped, false)
	b.must(p.Publish("k", value(1)))
	b.holds(scoped, p.Values())
	_, pub := b.own(status)
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	s := b.subscribe(status, nil)
	b.sees(s, map[string]string{"k": value(1)})
	b.bridge.Close()
	b.bridge.Close()
	if b.socketIsThere(status) {
		t.Error("the socket is left")
	}
	if !b.socketIsThere(scoped) {
		t.Error("an old publisher's socket was removed")
	}
	if info, _ := b.snapshot(scoped); info.Open {
		t.Error("the table of the old publisher is still open")
	}
	entries, err := os.ReadDir(filepath.Dir(status.Socket(b.root)))
	b.must(err)
	for _, e := range entries {
		if !e.IsDir() {
			t.Errorf("left: %v", e)
		}
	}
	b.must(pub.Put(t.Context(), "k", []byte(value(2)))) // the server lives
	b.start()
	b.sees(s, map[string]string{"k": value(2)})
}

func TestOptions(t *testing.T) {
	b := newBench(t)
	for _, opts := range []Options{
		{Server: b.server, Files: b.files, Gate: b.gate}, {Root: eve.Root(b.root), Files: b.files, Gate: b.gate},
		{Root: eve.Root(b.root), Server: b.server, Gate: b.gate}, {Root: eve.Root(b.root), Server: b.server, Files: b.files},
	} {
		if got, err := Start(t.Context(), opts); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%+v: got %v, %v", opts, got, err)
		}
	}
	blocked := filepath.Join(b.root, "blocked")
	b.must(os.WriteFile(blocked, nil, 0o600))
	if got, err := Start(t.Context(), Options{Root: eve.Root(blocked), Server: b.server, Files: b.files, Gate: NewGate()}); err == nil {
		got.Close()
		t.Error("it started where no directory can be made")
	}
}
