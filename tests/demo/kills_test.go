package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

// TestKillsAtRandomInstants changes the configuration and kills agents at random
// instants, round after round, and now and then the server. After each round the
// device must be what its configuration says: every status, every volume, one
// process for each application; and there must never have been two.
//
// NKV_KILL_ROUNDS and NKV_KILL_SEED set the number of rounds and the seed.
func TestKillsAtRandomInstants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs and runs them for a minute")
	}
	rounds, seed := setting(t, "NKV_KILL_ROUNDS", 50), uint64(setting(t, "NKV_KILL_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("%d rounds, seed %d", rounds, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	d := startedDevice(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rounds)*20*time.Second)
	defer cancel()
	if err := d.begin(ctx); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		if round == rounds/2 { // until then one application is in error
			if err := d.serveCorrupted(); err != nil {
				t.Fatal(err)
			}
		}
		what, err := d.round(ctx, random)
		if err == nil {
			_, err = d.apps.verdict()
		}
		if err != nil {
			t.Fatalf("round %d, %s: %v", round, what, err)
		}
	}
	s := &summary{}
	if err := d.check(ctx, s); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills, %d processes of applications, %d downloads, %d of them resumed, %d handler calls of %d lives",
		d.kills, s.processes, s.loads.complete, s.loads.resumed, s.calls, s.lives)
}

// startedDevice is a device of freshly built programs. When the test failed, its
// files stay, and their place is told.
func startedDevice(t *testing.T) *device {
	t.Helper()
	testutil.DependOnSources(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "./cmd/...", "./agents/...")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d, err := newDevice(bin, "../../agents/zedagent/device.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	d.rate, d.grace = "4MiB", "200ms"
	t.Cleanup(func() {
		d.end(false, !t.Failed())
		if t.Failed() {
			t.Logf("logs: %s", d.dir)
		}
	})
	return d
}

// round changes something or nothing, and kills one to three of the programs.
func (d *device) round(ctx context.Context, random *rand.Rand) (what string, err error) {
	edit := []struct {
		name string
		do   func(*configuration)
	}{
		{"renew", (*configuration).renew},
		{"renew another", func(c *configuration) {
			apps := c.items("apps")
			at := random.IntN(len(apps))
			apps[at], apps[len(apps)-1] = apps[len(apps)-1], apps[at]
			c.set("apps", apps)
			c.renew()
		}},
		{"restart", func(c *configuration) {
			app := c.items("apps")[random.IntN(len(c.items("apps")))]
			app["restart"] = map[string]any{"counter": random.IntN(1000)}
		}},
		{"rename", func(c *configuration) { c.rename(random.IntN(1000)) }},
		{"new application", func(c *configuration) { c.addApp(fmt.Sprint("app ", random.IntN(1000))) }},
		{"application gone", func(c *configuration) {
			if n := len(c.items("apps")); n > 2 {
				c.removeApp(random.IntN(n))
			}
		}},
		{"application switched", func(c *configuration) {
			app := c.items("apps")[random.IntN(len(c.items("apps")))]
			app["activate"] = app["activate"] != true
		}},
		{"nothing", func(*configuration) {}},
	}[random.IntN(8)]
	what = edit.name
	if err := d.edit(edit.do); err != nil {
		return what, err
	}
	for range 1 + random.IntN(3) {
		pause := time.Duration(random.IntN(300)) * time.Millisecond
		time.Sleep(pause) // the random instant
		if random.IntN(10) == 0 {
			what += fmt.Sprintf(", kill server after %s", pause)
			d.kills++
			if err := d.server.kill(); err != nil {
				return what, err
			}
			if err := d.startServer(); err != nil {
				return what, err
			}
			continue
		}
		name := agentPrograms[random.IntN(len(agentPrograms))].name
		what += fmt.Sprintf(", kill %s after %s", name, pause)
		if err := d.killAgent(name); err != nil {
			return what, err
		}
		if err := d.startAgent(name); err != nil {
			return what, err
		}
	}
	limited, cancel := context.WithTimeoutCause(ctx, 30*time.Second, fmt.Errorf("no agreement within 30 s"))
	defer cancel()
	return what, d.agreed(limited)
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
