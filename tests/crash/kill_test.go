package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

// TestG5Kill kills the server program at random instants under many writers. G5:
// what was acknowledged is there, nothing else is, but for the one step of each
// writer that was under way, whole. G11: this holds for volatile tables too, until
// the next boot.
func TestG5Kill(t *testing.T) {
	for _, mode := range []struct {
		name   string
		eve    bool
		rounds int
	}{
		{"plain", false, scaled(15, 150)},
		{"old files", true, scaled(5, 50)},
	} {
		t.Run(mode.name, func(t *testing.T) { testKill(t, mode.eve, mode.rounds) })
	}
}

func testKill(t *testing.T, eve bool, rounds int) {
	random := testutil.Rand(t)
	now := monotonic()
	p := newPlace(t)
	p.Program = testutil.Build(t, "cmd/nkv-server")
	if eve {
		p.keepFiles()
	}
	writers := newWriters(8, 4, []int{20, 300, 5000, 60_000}, random, now)
	reboots, steps := 0, int64(0)
	before := uint64(0) // the newest revision
	process := p.run()
	for range rounds {
		steps += killUnder(t, p, process, writers, int64(random.IntN(300)))
		before = max(before, newest(writers, now()))
		booted := random.IntN(5) == 0
		if booted {
			reboots++
			if err := errors.Join(reboot(p.VolatileDir), os.RemoveAll(filepath.Join(p.dir, "root", "run"))); err != nil {
				t.Fatal(err)
			}
		}
		process = p.run()
		checkKilled(t, p, writers, booted, &before)
		if eve {
			checkFiles(t, p, writers)
		}
		if t.Failed() {
			t.Fatalf("the stores are in %s", saved(t, p.dir))
		}
	}
	process.Kill()
	report(t, "%d rounds, %d kills, %d of them with a reboot, %d steps", rounds, rounds, reboots, steps)
}

// killUnder kills the server when so many steps were taken, and returns how many
// were.
func killUnder(t *testing.T, p *place, process *testutil.Process, writers []*writer, goal int64) int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var did atomic.Int64
	var writing sync.WaitGroup
	var clients []*client.Client
	for _, w := range writers {
		c := p.connect(client.Name(agentName), client.Timeout(5*time.Second))
		clients = append(clients, c)
		writing.Go(func() { w.write(t, server{ctx, c}, ctx.Done(), func() { did.Add(1) }) })
	}
	testutil.Await(t, 30*time.Second, "steps are taken", func() bool { return did.Load() >= goal })
	process.Kill()
	cancel()
	writing.Wait()
	for _, c := range clients {
		c.Close()
	}
	return did.Load()
}

// checkKilled looks at every table of a server that has started again, and at the
// revision that it gives next.
func checkKilled(t *testing.T, p *place, writers []*writer, booted bool, before *uint64) {
	t.Helper()
	c := p.connect()
	defer c.Close()
	for _, w := range writers {
		f, err := (server{t.Context(), c}).read(w.table)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !booted || w.durable:
			err = w.settle(f)
		case f.exists:
			err = fmt.Errorf("%s is volatile and is there after a reboot", w.table)
		default:
			w.forget()
		}
		if err != nil {
			t.Error(err)
		}
		*before = max(*before, f.head)
	}
	text := fmt.Sprint("after ", *before)
	revision, err := c.Put(testContext(t), pathOf("Other", "key"), []byte(text), client.Durable())
	if err != nil {
		t.Fatal(err)
	}
	if revision <= *before {
		t.Errorf("revision %d was given; after the kill %d is", *before, revision)
	}
	*before = revision
}

// checkFiles compares the old files of durable tables with their tables.
func checkFiles(t *testing.T, p *place, writers []*writer) {
	t.Helper()
	for _, w := range writers {
		if !w.durable {
			continue
		}
		values := map[string]string{}
		for key, c := range w.state.keys {
			values[key] = c.value
		}
		compareFiles(t, p, w.table, values)
	}
}

// compareFiles compares the old files of a durable table with its values.
func compareFiles(t *testing.T, p *place, table string, values map[string]string) {
	t.Helper()
	dir := filepath.Join(p.EveRoot, "persist", "status", agentName, table)
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			files[key] = string(b)
		}
	}
	for key, value := range values {
		if files[key] != value {
			t.Errorf("the file of %s of %s has %d bytes, not the %d of the table's value", key, table, len(files[key]), len(value))
		}
		delete(files, key)
	}
	for key := range files {
		t.Errorf("there is a file of %s of %s, which is not in the table", key, table)
	}
}

// keepFiles has the place's server keep old files.
func (p *place) keepFiles() {
	p.t.Helper()
	p.EveRoot = filepath.Join(p.dir, "root")
	if err := os.Mkdir(p.EveRoot, 0o700); err != nil {
		p.t.Fatal(err)
	}
}
