package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
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
	begins, stop := soon(ctx)
	defer stop()
	if err := d.begin(begins); err != nil {
		t.Fatal(err)
	}
	k := &killer{device: d, random: random, hits: map[string]int{}}
	var err error
	if k.events, err = d.client.Subscribe(">"); err != nil {
		t.Fatal(err)
	}
	defer k.events.Close()
	for round := range rounds {
		if round == rounds/2 { // until then one application is in error
			if err := d.serveCorrupted(); err != nil {
				t.Fatal(err)
			}
		}
		what, err := k.round(ctx)
		t.Logf("round %d%s", round, what)
		if err := errors.Join(err, d.verdict()); err != nil {
			t.Fatalf("seed %d, round %d%s: %v", seed, round, what, err)
		}
	}
	s := &summary{}
	if err := d.check(ctx, s); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills, %d of them during %v; looked at %d volumes and %d statuses", k.struck, k.hits["any"], k.hits, s.volumes, s.statuses)
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

// killer kills programs of a device, while they work if it can.
type killer struct {
	*device
	random *rand.Rand
	events *client.Subscription // all that the server tells
	struck int
	hits   map[string]int // kills while something was being done, by what; "any": by any of it
}

// round changes something or nothing and kills a program, one to three times.
func (k *killer) round(ctx context.Context) (what string, err error) {
	for range 1 + k.random.IntN(3) {
		for _, ok := k.events.Next(); ok; _, ok = k.events.Next() { // those from before
		}
		edit := edits[k.random.IntN(len(edits))]
		what += "; " + edit.name
		if err := k.edit(func(c *configuration) { edit.do(c, k.random) }); err != nil {
			return what, err
		}
		what += k.wait(ctx)
		killed, err := k.kill()
		if what += killed; err != nil {
			return what, err
		}
	}
	limited, cancel := soon(ctx)
	defer cancel()
	return what, k.agreed(limited)
}

// soon is the time within which the device must agree with its configuration.
func soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, 30*time.Second, errors.New("no agreement within 30 s"))
}

// wait returns after a number of changes on the way of an application, of all its
// tables or of one, or after a time, whichever comes first; it says what came.
func (k *killer) wait(ctx context.Context) (what string) {
	begun, n, events, tables := time.Now(), 0, 1+k.random.IntN(20), onTheWay
	if k.random.IntN(2) == 0 {
		at := k.random.IntN(len(onTheWay))
		events, tables = 1+k.random.IntN(3), onTheWay[at:at+1]
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(k.random.IntN(400))*time.Millisecond)
	defer cancel()
	for n < events {
		if c, ok := k.events.Next(); ok {
			if (c.Op == client.Put || c.Op == client.Delete) && slices.Contains(tables, c.Table) {
				n++
			}
		} else if k.events.Wait(limited) != nil {
			break
		}
	}
	what = "any table"
	if len(tables) == 1 {
		what = tables[0]
	}
	return fmt.Sprintf(", %d changes of %s, %s", n, what, time.Since(begun).Round(time.Millisecond))
}

// onTheWay are the tables that an application goes through.
var onTheWay = []string{
	topics.VolumeConfig.String(), topics.ContentTreeStatus.String(), topics.DownloaderStatus.String(), topics.VolumeStatus.String(),
	topics.VolumeUse.String(), topics.DomainConfig.String(), topics.DomainStatus.String(), topics.AppInstanceStatus.String(),
}

// kill kills a program and starts it again: now and then the server, most often
// an agent on the way of an application.
func (k *killer) kill() (what string, err error) {
	names := []string{topics.ZedAgent, topics.Downloader, topics.VolumeMgr, topics.ZedManager, topics.DomainMgr}
	names = append(names, names...)
	names = append(names, topics.NIM, topics.LedManager, topics.Diag, theServer, theServer)
	name := names[k.random.IntN(len(names))]
	work := k.statuses.working()
	k.struck++
	for each := range work {
		k.hits[each]++
	}
	if len(work) > 0 {
		k.hits["any"]++
	}
	what = fmt.Sprintf(": kill %s during %v", name, work)
	if name == theServer {
		k.device.kills++
		return what, firstError(k.device.server.kill(), k.startServer())
	}
	return what, firstError(k.killAgent(name), k.startAgent(name))
}

const theServer = "nkv-server"

// edits are the changes of a round. Those that make work come more often.
var edits = []struct {
	name string
	do   func(c *configuration, random *rand.Rand)
}{
	{"renew", func(c *configuration, _ *rand.Rand) { c.renew() }},
	{"renew another", renewAnother},
	{"renew another", renewAnother},
	{"new application", addAny},
	{"new application", addAny},
	{"restart", func(c *configuration, random *rand.Rand) {
		some(c, random)["restart"] = map[string]any{"counter": random.IntN(1000)}
	}},
	{"rename", func(c *configuration, random *rand.Rand) { c.rename(random.IntN(1000)) }},
	{"application gone", func(c *configuration, random *rand.Rand) {
		if n := len(c.items("apps")); n > 2 {
			c.removeApp(random.IntN(n))
		}
	}},
	{"application gone", func(c *configuration, random *rand.Rand) {
		if n := len(c.items("apps")); n > 4 {
			c.removeApp(random.IntN(n))
		}
	}},
	{"application switched", func(c *configuration, random *rand.Rand) {
		app := some(c, random)
		app["activate"] = app["activate"] != true
	}},
	{"nothing", func(*configuration, *rand.Rand) {}},
}

func addAny(c *configuration, random *rand.Rand) { c.addApp(fmt.Sprint("app ", random.IntN(1000))) }

// some returns one of the applications.
func some(c *configuration, random *rand.Rand) map[string]any {
	apps := c.items("apps")
	return apps[random.IntN(len(apps))]
}

func renewAnother(c *configuration, random *rand.Rand) {
	apps := c.items("apps")
	at := random.IntN(len(apps))
	apps[at], apps[len(apps)-1] = apps[len(apps)-1], apps[at]
	c.set("apps", apps)
	c.renew()
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
