package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
)

// Where the stores lie on a recorded disk: below directories that are not there
// at first.
const (
	durableAt  = "var/nkv/store"
	volatileAt = "run/nkv/volatile"
)

// machine is a core with its stores on a disk.
type machine struct {
	core
	stores []store.PersistValue
}

// boot starts a core on the disk at root. The floor is the smallest, so that the
// stores are compacted often.
func boot(root, bootID string, calls store.FileCalls) (*machine, error) {
	m := &machine{}
	for _, at := range []string{durableAt, volatileAt} {
		opts := store.Options{Dir: filepath.Join(root, at), Sync: at == durableAt, Floor: 4 << 10, Files: calls}
		if !opts.Sync {
			opts.Epoch = bootID
		}
		l, err := store.OpenLog(opts)
		if err != nil {
			m.stop()
			return nil, err
		}
		m.stores = append(m.stores, l)
	}
	c, err := nkv.Open(nkv.Options{Durable: m.stores[0], Volatile: m.stores[1], BootID: bootID})
	if err != nil {
		m.stop()
		return nil, err
	}
	m.core = core{c}
	return m, nil
}

func (m *machine) stop() {
	if m.c != nil {
		m.c.Close()
	}
	for _, s := range m.stores {
		s.Close() //nolint:errcheck // of a killed process, it fails
	}
}

// newWriters makes writers of durable and of volatile tables.
func newWriters(durable, volatile int, sizes []int, random *rand.Rand, now clock) []*writer {
	var writers []*writer
	for i := range durable + volatile {
		name := fmt.Sprint("D", i)
		if i >= durable {
			name = fmt.Sprint("V", i)
		}
		writers = append(writers, newWriter(name, i < durable, sizes, rand.New(rand.NewPCG(random.Uint64(), 2)), now))
	}
	return writers
}

// live has the writers write for some steps each.
func live(t testing.TB, writers []*writer, to target, steps int) {
	var writing sync.WaitGroup
	for _, w := range writers {
		writing.Go(func() {
			for range steps {
				if !w.step(t, to) {
					return
				}
			}
		})
	}
	writing.Wait()
}

// settleAll takes all tables as they are found, and fails when one is not as it
// must be.
func settleAll(t testing.TB, writers []*writer, in target) {
	t.Helper()
	for _, w := range writers {
		f, err := in.read(w.table)
		if err != nil {
			t.Fatalf("read %s: %v", w.table, err)
		}
		if err := w.settle(f); err != nil {
			t.Errorf("after a kill: %v", err)
		}
	}
}

// recordLives runs cores one after the other on one disk, each of which is killed
// under its writers, and records what they do to the disk. Every other one is
// killed right after a file got its name, before anything else.
func recordLives(t *testing.T, writers []*writer, now clock, lives, steps int, random *rand.Rand) *recorder {
	r := newRecorder(scratch(t), now)
	for i := range lives {
		calls, renames := 20+random.IntN(steps*6), 1+random.IntN(5)
		r.live(func(e event) bool {
			if e.call == rename {
				renames--
			}
			calls--
			return i%2 == 0 && calls == 0 || i%2 == 1 && renames == 0 && e.call == rename
		})
		m, err := boot(r.root, "boot 1", r.calls())
		if errors.Is(err, errDead) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		settleAll(t, writers, m)
		live(t, writers, m, steps)
		r.kill()
		m.stop()
	}
	return r
}

// TestG5PowerLoss cuts the power at every instant of recorded lives, several times
// each, and starts a core on what that may leave.
func TestG5PowerLoss(t *testing.T) {
	random := testutil.Rand(t)
	now := monotonic()
	writers := newWriters(5, 2, []int{20, 300, 3000}, random, now)
	r := recordLives(t, writers, now, scaled(8, 40), 60, random)
	events := r.trace()
	images, violations := cutEverywhere(t, events, scaled(1500, 20_000), random, func(root string, instant int64) error {
		return powerLoss(root, writers, instant)
	})
	if images < 1000 {
		t.Errorf("only %d images", images)
	}
	report(t, "%d calls recorded, %d steps, %d images, %d refused or wrong", len(events), taken(writers), images, violations)
}

func taken(writers []*writer) int {
	n := 0
	for _, w := range writers {
		n += len(w.steps)
	}
	return n
}

// cutEverywhere makes about so many images, spread over the trace, and checks
// each.
func cutEverywhere(t *testing.T, events []event, images int, random *rand.Rand, check func(root string, instant int64) error) (made, wrong int) {
	t.Helper()
	d := newDisk()
	at := scratch(t)
	for i, e := range events {
		for range images*(i+1)/len(events) - images*i/len(events) {
			root := filepath.Join(at, fmt.Sprint(made))
			seed := random.Uint64()
			if err := os.Mkdir(root, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := d.image(root, rand.New(rand.NewPCG(seed, 3))); err != nil {
				t.Fatal(err)
			}
			made++
			if err := check(root, e.at); err != nil {
				if wrong++; wrong <= 5 {
					t.Errorf("power cut before call %d of %d: %v\nthe image is in %s, after a start on it", i, len(events), err, saved(t, root))
				}
			}
			if err := os.RemoveAll(root); err != nil {
				t.Fatal(err)
			}
		}
		d.apply(e)
	}
	return made, wrong
}

// noSync saves time: what happens to an image later is of no interest.
func noSync() store.FileCalls {
	return store.FileCalls{Sync: func(*os.File) error { return nil }, SyncDir: func(string) error { return nil }}
}

// powerLoss starts a core on an image, in a new boot, and checks every table.
func powerLoss(root string, writers []*writer, instant int64) error {
	m, err := boot(root, "boot 2", noSync())
	if err != nil {
		return fmt.Errorf("no start: %w", err)
	}
	defer m.stop()
	return powerLost(m, writers, instant)
}

// powerLost checks every table as it is found after a power cut.
func powerLost(m target, writers []*writer, instant int64) error {
	most := newest(writers, instant)
	for _, w := range writers {
		f, err := m.read(w.table)
		if err != nil {
			return err
		}
		most = max(most, f.head)
		switch {
		case w.durable:
			if _, err := w.verify(f, instant); err != nil {
				return err
			}
		case f.exists:
			return fmt.Errorf("%s is volatile and is there after a power cut", w.table)
		}
	}
	revision, err := m.put("Other", "key", []byte("after"), true, nil)
	if err != nil {
		return fmt.Errorf("a put: %w", err)
	}
	if revision <= most {
		return fmt.Errorf("revision %d is given; %d was", revision, most)
	}
	return nil
}
