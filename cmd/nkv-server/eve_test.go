package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// evePlaces is places with a root for files in the directory.
func evePlaces(t *testing.T, dir string) []string {
	t.Helper()
	if err := os.MkdirAll(dir+"/root", 0o700); err != nil {
		t.Fatal(err)
	}
	return append(places(dir), "--eve-root", dir+"/root")
}

func checkEveRoot(t *testing.T, i *instance) {
	if _, err := i.ready().connect().Put(t.Context(), keyPath("T", "k"), []byte("1"), client.Durable()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(i.file("persist/status/tester/T/k.json")); string(got) != "1" {
		t.Errorf("got %q, %v", got, err)
	}
	i.says("eve-root=")
}

// attempts are the changes of one key whose outcome is not known, after one that
// was acknowledged. A change is a value, empty: the deletion.
type attempts struct {
	acknowledged string
	pending      []string
}

func (a attempts) allows(value string) bool {
	if value == a.acknowledged {
		return true
	}
	for _, p := range a.pending {
		if value == p {
			return true
		}
	}
	return false
}

// storm changes the keys of some tables from many connections until the server is
// gone.
type storm struct {
	mu   sync.Mutex // guards keys
	keys map[wire.Path]*attempts
	durs map[wire.Table]bool
}

func (s *storm) blow(t *testing.T, i *instance, seed uint64, stop context.Context) *sync.WaitGroup {
	var writers sync.WaitGroup
	n := uint64(0)
	for table, durable := range s.durs {
		for part := range 2 {
			n++
			r := rand.New(rand.NewPCG(seed, n))
			c := i.connect()
			writers.Go(func() {
				for k := 0; stop.Err() == nil; k++ {
					path := wire.Path{Table: table, Key: fmt.Sprintf("key %d.%d", part, r.IntN(6))}
					value := fmt.Sprintf("%d %d %s", seed, k, strings.Repeat("x", r.IntN(300)))
					if r.IntN(5) == 0 {
						value = ""
					}
					if !s.change(c, path, value, durable) {
						return
					}
				}
			})
		}
	}
	return &writers
}

// change makes one change, and reports whether the server still answers.
func (s *storm) change(c *client.Client, path wire.Path, value string, durable bool) bool {
	s.mu.Lock()
	a := s.keys[path]
	if a == nil {
		a = &attempts{}
		s.keys[path] = a
	}
	if value == "" && a.acknowledged == "" {
		s.mu.Unlock()
		return true
	}
	a.pending = append(a.pending, value)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var err error
	switch {
	case value == "":
		_, err = c.Delete(ctx, path)
	case durable:
		_, err = c.Put(ctx, path, []byte(value), client.Durable())
	default:
		_, err = c.Put(ctx, path, []byte(value))
	}
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*a = attempts{acknowledged: value}
	return true
}

// TestKillKeepsFilesAndTables kills the server at any instant. What was
// acknowledged is in the files then, and files and tables agree after the next
// start, which imports nothing.
func TestKillKeepsFilesAndTables(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := newDir(t)
	args := evePlaces(t, dir)
	root := eve.Root(dir + "/root")
	s := &storm{keys: map[wire.Path]*attempts{}, durs: map[wire.Table]bool{
		{Agent: "a", Topic: "Durable"}: true, {Agent: "a", Scope: "s", Topic: "Durable"}: true,
		{Agent: "a", Topic: "Volatile"}: false, {Agent: "global", Topic: "Volatile"}: false,
	}}
	for round := range rounds {
		i := spawn(t, dir, args...).ready()
		if round > 0 && !strings.Contains(i.stderr.String(), "deleted=0 imported=0 left=0 recovered=0") {
			t.Fatalf("round %d: the start imported something that nobody changed:\n%s", round, i.stderr.String())
		}
		s.compare(t, round, root, i.connect())
		blowing, calm := context.WithCancel(t.Context())
		writers := s.blow(t, i, seed+uint64(round), blowing)
		select {
		case <-time.After(time.Duration(r.IntN(300)) * time.Millisecond):
		case <-i.ended:
			t.Fatalf("the server ended:\n%s", i.stderr.String())
		}
		i.signal(syscall.SIGKILL)
		<-i.ended
		calm()
		writers.Wait()
		s.afterKill(t, round, root)
	}
	i := spawn(t, dir, args...).ready()
	s.compare(t, rounds, root, i.connect())
	i.stop()
}

// afterKill looks at the files that a killed server left.
func (s *storm) afterKill(t *testing.T, round int, root eve.Root) {
	t.Helper()
	for path, a := range s.keys {
		got, err := os.ReadFile(filepath.Join(root.Dir(path.Table, s.durs[path.Table]), path.Key+".json"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if !a.allows(string(got)) {
			t.Fatalf("round %d: the file of %s holds neither what was acknowledged nor what was tried after that", round, path)
		}
	}
}

// compare looks at a server that has just started: its tables hold what was
// acknowledged, and its files hold what the tables do.
func (s *storm) compare(t *testing.T, round int, root eve.Root, c *client.Client) {
	t.Helper()
	want := map[string]string{}
	for table, durable := range s.durs {
		_, entries, err := c.Snapshot(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, e := range entries {
			found[e.Path.Key] = string(e.Value)
			want[filepath.Join(root.Dir(table, durable), e.Path.Key+".json")] = string(e.Value)
		}
		for path, a := range s.keys {
			if path.Table != table {
				continue
			}
			if !a.allows(found[path.Key]) {
				t.Fatalf("round %d: %s holds neither what was acknowledged nor what was tried after that", round, path)
			}
			*a = attempts{acknowledged: found[path.Key]}
		}
	}
	got := map[string]string{}
	err := filepath.WalkDir(string(root), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasSuffix(path, eve.Backup) {
			var b []byte
			b, err = os.ReadFile(path)
			got[path] = string(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("round %d: files differ from tables (-tables +files):\n%s", round, diff)
	}
}
