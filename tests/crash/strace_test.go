package crash

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

// TestG5PowerLossOfProgram records with strace what the server program does to its
// disk under many writers, cuts the power everywhere in that, and starts the
// program again on some of what it may leave. It does not go through the stores'
// file calls, which other tests record: what they did not see would show here.
func TestG5PowerLossOfProgram(t *testing.T) {
	tool, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace")
	}
	random := testutil.Rand(t)
	wall := func() int64 { return time.Now().UnixNano() }
	p := newPlace(t)
	disk := scratch(t)
	p.StoreDir, p.VolatileDir = filepath.Join(disk, durableAt), filepath.Join(disk, volatileAt)
	p.Program = testutil.Build(t, "cmd/nkv-server")
	record := filepath.Join(scratch(t), "strace")
	p.Wrap = []string{tool, "-D", "-f", "-qq", "-xx", "-s", "100000000", "--absolute-timestamps=unix,ns", "-T", "--seccomp-bpf",
		"-e", "trace=" + changing, "-o", record}
	if !traces(p.Wrap) {
		t.Skip("strace can't trace here")
	}
	writers := newWriters(5, 2, []int{300, 60_000}, random, wall)
	process := p.run()
	writeFor(t, p, writers, scaled(50, 400))
	process.Kill()
	testutil.Await(t, 30*time.Second, "strace has written all", func() bool {
		text, err := exec.Command("tail", "-c", "100", record).Output()
		return err == nil && strings.HasSuffix(string(text), "+++ killed by SIGKILL +++\n")
	})
	trace, err := readTrace(record, disk)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mkdirat", "pwrite64", "fdatasync", "fsync", "renameat"} {
		if trace.kinds[name] < 2 {
			t.Errorf("%s was recorded %d times: %v", name, trace.kinds[name], trace.kinds)
		}
	}
	p.Wrap = nil
	started := 0
	images, violations := cutEverywhere(t, trace.events, scaled(150, 3000), random, func(root string, instant int64) error {
		if random.IntN(20) != 0 {
			return powerLoss(root, writers, instant)
		}
		started++
		return p.starts(root, writers, instant)
	})
	report(t, "%d calls recorded (%v), %d steps, %d images, %d of them for the program, %d refused or wrong",
		len(trace.events), trace.kinds, taken(writers), images, started, violations)
}

// traces reports whether strace may trace here.
func traces(wrap []string) bool {
	return exec.Command(wrap[0], append(slices.Clone(wrap[1:]), "true")...).Run() == nil
}

// writeFor has the writers take some steps each, over connections of their own.
func writeFor(t *testing.T, p *place, writers []*writer, steps int) {
	t.Helper()
	var writing sync.WaitGroup
	for _, w := range writers {
		c := p.connect(client.Name(agentName))
		defer c.Close()
		writing.Go(func() {
			for range steps {
				if !w.step(t, server{t.Context(), c}) {
					return
				}
			}
		})
	}
	writing.Wait()
}

// starts starts the program on an image, in a new boot, and checks every table.
func (p *place) starts(root string, writers []*writer, instant int64) error {
	at := *p
	at.StoreDir, at.VolatileDir = filepath.Join(root, durableAt), filepath.Join(root, volatileAt)
	if err := reboot(at.VolatileDir); err != nil {
		return err
	}
	process, err := testutil.TryProcess(p.t, at.ServerOptions)
	if err != nil {
		return err
	}
	defer process.Kill()
	c := at.connect()
	defer c.Close()
	if err := powerLost(server{p.t.Context(), c}, writers, instant); err != nil {
		return fmt.Errorf("the program: %w", err)
	}
	return nil
}
