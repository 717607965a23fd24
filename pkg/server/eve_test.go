package server_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestWhatCannotBeFileIsRefused, when tables are kept in files, and only then.
func TestWhatCannotBeFileIsRefused(t *testing.T) {
	with := start(t, server.Options{EveRoot: t.TempDir()})
	without := start(t, server.Options{})
	if with.EveFiles() == nil || without.EveFiles() != nil {
		t.Error("EveFiles is there without a root, or not with one")
	}
	for _, c := range []struct {
		verb string
		path wire.Path
		body string
		ok   bool
	}{
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k"}, "1", true},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: ".", Scope: ""}, Key: "timer.x"}, "1", true},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T", Scope: "s/t"}, Key: strings.Repeat("x", 250)}, "1", true},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k/l"}, "1", false},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k\x00"}, "1", false},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: strings.Repeat("x", 251)}, "1", false},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}, Key: "k"}, "", false},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "..", Scope: ""}, Key: "k"}, "1", false},
		{"put", wire.Path{Table: wire.Table{Agent: "a", Topic: "T", Scope: "../.."}, Key: "k"}, "1", false},
		{"put", wire.Path{Table: wire.Table{Agent: "a/b", Topic: "T"}, Key: "k"}, "1", false},
		{"open", wire.Path{Table: wire.Table{Agent: "a", Topic: "T"}}, "{}", true},
		{"open", wire.Path{Table: wire.Table{Agent: "a", Topic: "T/U"}}, "{}", false},
		{"open", wire.Path{Table: wire.Table{Agent: "a", Topic: "T", Scope: "."}}, "{}", false},
	} {
		target := c.path.Table.String()
		if c.verb == "put" {
			target = c.path.String()
		}
		subject := "nkv.v1." + c.verb + "." + target
		if got := outcome(meet(t, without, "a").ask(subject, nil, []byte(c.body))); got != "200" {
			t.Errorf("%s without files: %s", subject, got)
		}
		m := meet(t, with, "a").ask(subject, nil, []byte(c.body))
		want := "200"
		if !c.ok {
			want = "400 invalid"
		}
		if got := outcome(m); got != want {
			t.Errorf("%s: %s (%s), want %s", subject, got, header(m, wire.HeaderMessage), want)
		}
	}
}

func TestWrongEveRoot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{file, file + "/below", filepath.Join(t.TempDir(), "missing")} {
		s, err := server.Start(t.Context(), server.Options{EveRoot: root})
		if !errors.Is(err, server.ErrInvalidOption) || !strings.Contains(err.Error(), root) {
			t.Errorf("%s: got %v", root, err)
		}
		if s != nil {
			s.Shutdown()
		}
	}
}

// TestFilesAreCurrentForPublishers has owners publish, and looks right after each
// publish.
func TestFilesAreCurrentForPublishers(t *testing.T) {
	root := t.TempDir()
	opts := lives(t)
	opts.EveRoot = root
	s := start(t, opts)
	for _, durable := range []bool{false, true} {
		c := connect(t, s.ClientURL(), client.Name("a"))
		topic := fmt.Sprint("T", durable)
		file := filepath.Join(root, "run", "a", topic, "k.json")
		if durable {
			file = filepath.Join(root, "persist", "status", "a", topic, "k.json")
		}
		pub, err := c.Open(within(t), wire.Table{Agent: "a", Topic: topic}, opening(durable)...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			want := fmt.Sprint(i)
			if err := pub.Put(within(t), "k", []byte(want)); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(file); string(got) != want {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
		}
		if err := pub.Delete(within(t), "k"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is there after the deletion", file)
		}
	}
}

func opening(durable bool) []client.OpenOption {
	if durable {
		return []client.OpenOption{client.DurableTable()}
	}
	return nil
}

// BenchmarkPut measures what files cost a put, from a client on the socket.
func BenchmarkPut(b *testing.B) {
	places := map[string]string{"disk": ""}
	if _, err := os.Stat("/dev/shm"); err == nil {
		places["shm"] = "/dev/shm"
	}
	for place, base := range places {
		for _, durable := range []bool{false, true} {
			for _, files := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/durable=%t/files=%t", place, durable, files), func(b *testing.B) {
					dir, err := os.MkdirTemp(base, "nkv")
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(func() { os.RemoveAll(dir) })
					opts := server.Options{Socket: dir + "/s", StoreDir: dir + "/durable", VolatileDir: dir + "/volatile"}
					if files {
						opts.EveRoot = dir
					}
					benchmarkPut(b, opts, durable)
				})
			}
		}
	}
}

func benchmarkPut(b *testing.B, opts server.Options, durable bool) {
	s := start(b, opts)
	c := connect(b, s.ClientURL(), client.Name("a"))
	pub, err := c.Open(within(b), wire.Table{Agent: "a", Topic: "T"}, opening(durable)...)
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		value := fmt.Appendf(make([]byte, 230, 250), "%20d", i) // the client keeps it
		if err := pub.Put(b.Context(), fmt.Sprint("key ", i%100), value); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
}
