package diag_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/nim"
	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// scene is a device with zedagent and nim.
type scene struct {
	*agenttest.Server
	t   *testing.T
	dir string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{agenttest.New(t), t, t.TempDir()}
}

func (s *scene) path(name string) string { return filepath.Join(s.dir, name) }

func (s *scene) write(name string, data []byte) {
	s.t.Helper()
	err := os.WriteFile(s.path(name)+".new", data, 0o644)
	if err == nil {
		err = os.Rename(s.path(name)+".new", s.path(name))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// agents starts zedagent on its own configuration, and nim on a host with two
// interfaces.
func (s *scene) agents() {
	s.t.Helper()
	data, err := os.ReadFile("../zedagent/device.json")
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("device.json", data)
	s.write("interfaces.json", []byte(`[{"Name":"lo","MTU":65536,"AdminUp":true,"Carrier":true,"Loopback":true,"Addrs":["127.0.0.1/8"]},
		{"Name":"eth0","MAC":"02:00:00:00:00:01","MTU":1500,"AdminUp":true,"Carrier":true,"Addrs":["192.0.2.17/24"]}]`))
	s.Start(topics.ZedAgent, func(ctx context.Context, a *agent.Agent) error {
		return zedagent.Run(ctx, a, zedagent.Options{ConfigFile: s.path("device.json"), Logger: s.Log})
	})
	s.Start(topics.NIM, func(ctx context.Context, a *agent.Agent) error {
		source, err := netif.Open(s.path("interfaces.json"), s.Log)
		if err != nil {
			return err
		}
		return nim.Run(ctx, a, nim.Options{Interfaces: source, Logger: s.Log})
	})
	s.others()
	// Tables are synchronized as soon as their owner has opened them; the
	// picture is complete when nim has found all ports.
	agenttest.Watch(s.Server, topics.DeviceNetworkStatus).Await("all ports", func(v map[string]types.DeviceNetworkStatus) bool {
		return v[types.StatusKey].Wanted == 3
	})
	agenttest.Watch(s.Server, topics.ZedAgentStatus).Await("loaded", func(v map[string]types.ZedAgentStatus) bool {
		return v[types.StatusKey].Loads == 1
	})
	for _, await := range []func(string){
		agenttest.Watch(s.Server, topics.NetworkPortStatus).AwaitCall,
		agenttest.Watch(s.Server, topics.DeviceNetworkStatus).AwaitCall,
		agenttest.Watch(s.Server, topics.ZedAgentStatus).AwaitCall,
	} {
		await("restarted 1")
	}
}

// once returns what diag prints.
func (s *scene) once(opts diag.Options) (string, error) {
	s.t.Helper()
	var out bytes.Buffer
	opts.Out, opts.Once = &out, true
	err := diag.Run(context.Background(), s.Connect(topics.Diag), opts)
	return out.String(), err
}

// varies is what differs from run to run.
var varies = regexp.MustCompile(`"(file|source|lastLoad|at)": "[^"]*(/|T)[^"]*"`)

func TestOnceAsJSON(t *testing.T) {
	s := newScene(t)
	s.agents()
	text, err := s.once(diag.Options{JSON: true})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "once.json", withoutAgents(t, varies.ReplaceAllString(text, `"$1": "…"`)))
	var doc diag.Document
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil || dec.More() {
		t.Errorf("not one document: %v", err)
	}
	for _, table := range doc.Tables {
		if !table.Synchronized || table.Restarts != 1 {
			t.Errorf("table %+v", table)
		}
	}
}

func TestOnceAsText(t *testing.T) {
	s := newScene(t)
	s.agents()
	text, err := s.once(diag.Options{Size: func() (int, int) { return 100, 0 }})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"packaging-line-3", "network 2 of 3 ports up", "label-reader", "Errors (1)"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not shown in\n%s", part, text)
		}
	}
}

func TestOnceSaysWhatIsMissing(t *testing.T) {
	s := newScene(t)
	a := s.Connect(topics.NIM)
	if _, err := agent.Publish(context.Background(), a, topics.NetworkPortStatus); err != nil {
		t.Fatal(err)
	}
	text, err := s.once(diag.Options{JSON: true, Timeout: 300 * time.Millisecond})
	if !errors.Is(err, diag.ErrIncomplete) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "zedagent.AppInstanceConfig") || strings.Contains(err.Error(), "nim.NetworkPortStatus") {
		t.Errorf("the error is %v", err)
	}
	var doc diag.Document
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Tables) != 22 {
		t.Errorf("what was there is not shown: %v\n%s", err, text)
	}
}

// output is a writer that tests wait on.
type output struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{}, 1)} }

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(data)
}

// await waits until ok holds of all that was written.
func (o *output) await(t *testing.T, what string, ok func(text string) bool) string {
	t.Helper()
	timeout := time.After(agenttest.Patience)
	for {
		o.mu.Lock()
		text := o.text.String()
		o.mu.Unlock()
		if ok(text) {
			return text
		}
		select {
		case <-o.changed:
		case <-timeout:
			t.Fatalf("never showed: %s\n%s", what, text)
		}
	}
}

func contains(part string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, part) }
}

// clock is the time at the start of a line.
var clock = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3} `)

func TestLinesTellEachChangeOnce(t *testing.T) {
	s := newScene(t)
	s.agents()
	out := newOutput()
	stop := s.Start(topics.Diag, func(ctx context.Context, a *agent.Agent) error {
		return diag.Run(ctx, a, diag.Options{Out: out})
	})
	text := out.await(t, "all tables", contains("= all tables were read completely\n"))
	if n, keys := strings.Count(text, "\n"), s.keys(); n != keys+1 {
		t.Errorf("%d lines for %d keys:\n%s", n, keys, text)
	}
	data, err := os.ReadFile("../zedagent/device.json")
	if err != nil {
		t.Fatal(err)
	}
	s.write("device.json", bytes.Replace(data, []byte(`"displayname": "dashboard"`), []byte(`"displayname": "panel"`), 1))
	out.await(t, "new status", contains("Loads 1 → 2"))
	all := out.await(t, "change", contains(`"panel"`))
	stop()
	var got []string
	for line := range strings.Lines(clock.ReplaceAllString(all[len(text):], "")) {
		if !strings.Contains(line, "Status") && !strings.Contains(line, "LastGood") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{`~ zedagent.AppInstanceConfig 000000c3-6e6b-4d65-8d6f-000000000003 DisplayName "dashboard" → "panel"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheLivePictureFollowsAndEndsClean(t *testing.T) {
	s := newScene(t)
	s.agents()
	out := newOutput()
	resized := make(chan struct{})
	var width = 200
	stop := s.Start(topics.Diag, func(ctx context.Context, a *agent.Agent) error {
		return diag.Run(ctx, a, diag.Options{
			Out: out, Resized: resized,
			Size: func() (int, int) { return width, 200 }, // called in the event loop, like what follows a resize
		})
	})
	out.await(t, "applications", contains("label-reader root, models"))
	s.write("interfaces.json", []byte(`[]`))
	out.await(t, "missing interfaces", contains("eth0: no such interface"))
	resized <- struct{}{}
	stop()
	text := out.await(t, "end", contains("\x1b[?25h"))
	if !strings.HasPrefix(text, "\x1b[?25l") || !strings.HasSuffix(text, "\x1b[?7h\x1b[?25h") {
		t.Error("the terminal is not given back as it was")
	}
	if styles.MatchString(text) {
		t.Error("colours were not asked for")
	}
}

// broken is an output that is gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestALostOutputEndsTheAgent(t *testing.T) {
	s := newScene(t)
	s.agents()
	for name, opts := range map[string]diag.Options{
		"lines": {}, "live": {Size: func() (int, int) { return 80, 24 }}, "once": {Once: true, JSON: true},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Out = broken{}
			if err := diag.Run(context.Background(), s.Connect(topics.Diag), opts); !errors.Is(err, os.ErrClosed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := newScene(t)
	for name, opts := range map[string]diag.Options{
		"no output": {}, "JSON without once": {Out: broken{}, JSON: true}, "negative": {Out: broken{}, Timeout: -1},
	} {
		if err := diag.Run(context.Background(), s.Connect(topics.Diag), opts); !errors.Is(err, diag.ErrInvalidOption) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
