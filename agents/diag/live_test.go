package diag_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// picture returns the last picture that was drawn completely.
func picture(text string) string {
	frames := strings.Split(text, "\x1b[J")
	if len(frames) < 2 {
		return ""
	}
	return strings.ReplaceAll(strings.ReplaceAll(frames[len(frames)-2], "\x1b[K", ""), "\r", "")
}

// shows reports whether the last picture has a line that matches.
func shows(pattern string) func(string) bool {
	line := regexp.MustCompile(`(?m)^` + pattern)
	return func(text string) bool { return line.MatchString(picture(text)) }
}

// showsNot reports whether the last picture has no line that matches.
func showsNot(pattern string) func(string) bool {
	is := shows(pattern)
	return func(text string) bool { return picture(text) != "" && !is(text) }
}

// live starts the live picture on a wide terminal.
func live(s *agenttest.Server, opts diag.Options) (out *output, stop func()) {
	out = newOutput()
	opts.Out, opts.Size = out, func() (int, int) { return 200, 100 }
	return out, s.Start(topics.Diag, func(ctx context.Context, a *agent.Agent) error { return diag.Run(ctx, a, opts) })
}

// reader starts an agent that reads LedStatus.
func reader(s *agenttest.Server, name string, handle func()) {
	s.Start(name, func(ctx context.Context, a *agent.Agent) error {
		do := func(context.Context, string, types.LedStatus) error {
			handle()
			return nil
		}
		if _, err := agent.Subscribe(ctx, a, topics.LedStatus, agent.Handlers[types.LedStatus]{Create: do}); err != nil {
			return err
		}
		return a.Run(ctx)
	})
}

func TestTheLagOfAStuckAgentIsShown(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	led := agenttest.Publish(s, topics.LedStatus)
	busy, free := make(chan struct{}, 10), make(chan struct{})
	reader(s, "stuck", func() {
		busy <- struct{}{}
		<-free
	})
	released := false
	release := func() {
		if !released {
			released = true
			close(free)
		}
	}
	defer release()
	out, _ := live(s, diag.Options{}.SurveyEvery(50*time.Millisecond))
	out.await(t, "an agent that is well", shows(`  stuck +ok +1 +0 +0 +0 +\d+\.\d ms`))
	led.Put("a", types.LedStatus{Blinks: 1})
	<-busy // its handler has taken that one
	led.Put("b", types.LedStatus{Blinks: 2})
	led.Put("c", types.LedStatus{Blinks: 3})
	out.await(t, "the lag", shows(`  stuck +behind +1 +1 +[23] +0 +\d+\.\d ms .* ledmanager.LedStatus: behind, [23] pending`))
	out.await(t, "the headline", shows(`  agents 1 behind`))
	out.await(t, "diag itself", shows(`  diag +ok +22 +0 +0 +0 `))
	out.await(t, "an owner", shows(`  ledmanager +ok +0 +0 +0 +0 +- +1`))
	release()
	out.await(t, "that it is over", shows(`  stuck +ok +1 +0 +0 +0 +\d+\.\d ms`))
	out.await(t, "that it is over in the head", showsNot(`  agents `))
}

func TestASilentClientIsShown(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	agenttest.Publish(s, topics.LedStatus).Put("a", types.LedStatus{Blinks: 1})
	read := make(chan struct{}, 1)
	reader(s, "mute", func() { read <- struct{}{} })
	<-read
	s.Hold("mute")
	defer s.Release("mute")
	var text bytes.Buffer
	opts := diag.Options{Out: &text, Once: true, JSON: true, Timeout: 100 * time.Millisecond}
	if err := diag.Run(context.Background(), s.Connect(topics.Diag), opts); err == nil {
		t.Error("tables that nobody owns are not missed")
	}
	var doc diag.Document
	if err := json.Unmarshal(text.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"mute": 1, "diag": 0, "ledmanager": 0}
	got := map[string]int{}
	for _, a := range doc.Agents {
		got[a.Agent] = a.Silent
	}
	if diff := cmp.Diff(want, got); diff != "" || doc.Survey.Tables != 22 || doc.Survey.Left != 0 {
		t.Errorf("%s, survey %+v", diff, doc.Survey)
	}
}

func TestWorkIsShownAsItHappens(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	downloads := agenttest.Publish(s, topics.DownloaderStatus)
	apps := agenttest.Publish(s, topics.AppInstanceStatus)
	metrics := agenttest.Publish(s, topics.DomainMetric)
	led := agenttest.Publish(s, topics.LedStatus)
	var now atomic.Int64
	clock := func() time.Time { return noon.Add(time.Duration(now.Load())) }
	out, stop := live(s, diag.Options{Now: clock})
	status := types.DownloaderStatus{Request: request("image"), State: types.DownloadRunning, TotalBytes: 10 * mebi, CurrentBytes: mebi}
	downloads.Put("c", status)
	led.Put(types.StatusKey, types.LedStatus{Blinks: 2, Meaning: "no controller"})
	out.await(t, "the light", shows(`  light blinks 2 times: no controller`))
	out.await(t, "a download", shows(`  image  \[███ +\]  10 %  1.0 of 10.0 MiB\n`))
	now.Add(int64(time.Second))
	status.CurrentBytes = 3 * mebi
	downloads.Put("c", status)
	out.await(t, "its speed", shows(`  image  \[█████████ +\]  30 %  3.0 of 10.0 MiB  2.0 MiB/s  4 s left`))
	// It stands still. Nothing is published, and the speed falls.
	now.Add(int64(3 * time.Second))
	out.await(t, "its speed then", shows(`  image  .* 30 %  3.0 of 10.0 MiB  512.0 KiB/s  14 s left`))
	status.State, status.CurrentBytes = types.DownloadComplete, 10*mebi
	downloads.Put("c", status)
	out.await(t, "its end", shows(`  image  \[█{30}\] 100 %  complete, 10.0 MiB`))

	apps.Put("a", types.AppInstanceStatus{DisplayName: "app", Wanted: true, State: types.StateRunning, PID: 7})
	metrics.Put("a", types.DomainMetric{PID: 7, CPUNanoseconds: 1e9, ResidentBytes: 5 * mebi, Sampled: noon})
	out.await(t, "an application", shows(`  app +running, removed +- +5 MiB +7 +0 .* 1s +ok`))
	metrics.Put("a", types.DomainMetric{PID: 7, CPUNanoseconds: 3e9, ResidentBytes: 6 * mebi, Sampled: noon.Add(4 * time.Second)})
	out.await(t, "what it uses", shows(`  app +running, removed +50 % +6 MiB +7 +0 .* 3s +ok`))
	apps.Put("a", types.AppInstanceStatus{DisplayName: "app", Wanted: true, State: types.StateError,
		Problem: types.Problem{What: "it ended", Where: `application "app"`, When: clock()}})
	out.await(t, "its problem", shows(`  application "app": it ended, for 0 s\n`))
	now.Add(int64(100 * time.Second))
	out.await(t, "its age", shows(`  application "app": it ended, for 1 min\n`))
	stop()
}

// The surveys draw too. Without them the picture must still count.
func TestThePictureCountsByItself(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	volumes := agenttest.Publish(s, topics.VolumeStatus)
	var now atomic.Int64
	out, _ := live(s, diag.Options{Now: func() time.Time { return noon.Add(time.Duration(now.Load())) }}.SurveyEvery(time.Hour))
	volumes.Put("v", types.VolumeStatus{DisplayName: "v", Problem: types.Problem{What: "full", When: noon}})
	out.await(t, "a problem", shows(`  volume v: full, for 0 s\n`))
	now.Add(int64(7 * time.Second))
	out.await(t, "its age", shows(`  volume v: full, for 7 s\n`))
	now.Add(int64(7 * time.Second))
	out.await(t, "its age later", shows(`  volume v: full, for 14 s\n`))
	volumes.Delete("v")
	out.await(t, "that it is over", showsNot(`  volume v`))
}

func TestProgressLinesAreFew(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	downloads := agenttest.Publish(s, topics.DownloaderStatus)
	const total = 40
	status := types.DownloaderStatus{Request: request("image"), State: types.DownloadRunning, TotalBytes: total}
	downloads.Put("c", status)
	out := newOutput()
	stop := s.Start(topics.Diag, func(ctx context.Context, a *agent.Agent) error {
		return diag.Run(ctx, a, diag.Options{Out: out})
	})
	out.await(t, "the download", contains("+ downloader.DownloaderStatus c (image)\n"))
	began := time.Now()
	for status.CurrentBytes < total {
		status.CurrentBytes++
		downloads.Put("c", status)
	}
	out.await(t, "the last progress", contains("→ 40 (image, 100 %, 40 of 40 B)\n"))
	took := time.Since(began)
	status.State, status.CurrentBytes = types.DownloadComplete, 41
	downloads.Put("c", status)
	text := out.await(t, "the end", contains(`State "downloading" → "complete"`))
	stop()
	// What was left out is told with what comes next: the lines are a chain.
	at, lines := 0, 0
	for _, step := range regexp.MustCompile(`CurrentBytes (\d+) → (\d+)`).FindAllStringSubmatch(text, -1) {
		from, _ := strconv.Atoi(step[1])
		to, _ := strconv.Atoi(step[2])
		if from != at {
			t.Errorf("a line begins at %d; the one before ended at %d", from, at)
		}
		at, lines = to, lines+1
	}
	if most := 3 + int(took/time.Second); at != 41 || lines > most {
		t.Errorf("%d lines within %s, up to %d:\n%s", lines, took, at, text)
	}
}

// What was held back when diag ends is told.
func TestTheLastProgressIsToldAtTheEnd(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	downloads := agenttest.Publish(s, topics.DownloaderStatus)
	status := types.DownloaderStatus{State: types.DownloadRunning}
	downloads.Put("c", status)
	out := newOutput()
	heard := make(chan struct{}, 10)
	stop := s.Start(topics.Diag, func(ctx context.Context, a *agent.Agent) error {
		return diag.Run(ctx, a, diag.Options{Out: out, Now: func() time.Time { return noon }})
	}, agent.Observer(func(c agent.Call) {
		if c.Op == "modify" {
			heard <- struct{}{}
		}
	}))
	out.await(t, "the download", contains("+ downloader.DownloaderStatus c"))
	for status.CurrentBytes < 3 {
		status.CurrentBytes++
		downloads.Put("c", status)
		<-heard
	}
	stop()
	out.mu.Lock()
	defer out.mu.Unlock()
	want := "12:00:00.000 ~ downloader.DownloaderStatus c CurrentBytes 0 → 1 (1 B)\n" +
		"12:00:00.000 ~ downloader.DownloaderStatus c CurrentBytes 1 → 3 (3 B)\n"
	if text := out.text.String(); !strings.HasSuffix(text, want) {
		t.Error(text)
	}
}

func TestLinesInASCII(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	led := agenttest.Publish(s, topics.LedStatus)
	led.Put("x", types.LedStatus{Blinks: 1})
	out := newOutput()
	s.Start(topics.Diag, func(ctx context.Context, a *agent.Agent) error {
		return diag.Run(ctx, a, diag.Options{Out: out, ASCII: true})
	})
	out.await(t, "the light", contains("+ ledmanager.LedStatus x\n"))
	led.Put("x", types.LedStatus{Blinks: 2})
	out.await(t, "the change", contains("~ ledmanager.LedStatus x Blinks 1 > 2\n"))
}

func TestALostConnectionIsShown(t *testing.T) {
	t.Parallel() // it mostly waits
	s := agenttest.New(t)
	agenttest.Publish(s, topics.LedStatus).Put(types.StatusKey, types.LedStatus{Blinks: 1})
	out, _ := live(s, diag.Options{}.SurveyEvery(50*time.Millisecond))
	out.await(t, "agents", shows(`  diag +ok +22 `))
	s.Refuse(topics.Diag)
	out.await(t, "that it is offline", shows(`  server connection: `))
	out.await(t, "the agents of before", shows(`  diag +ok +22 `))
	out.await(t, "that they may be old", shows(`Agents \(2\), 22 tables not traced: no connection`))
	s.Allow(topics.Diag)
	out.await(t, "that it is back", showsNot(`  server connection: `))
	out.await(t, "agents again", shows(`Agents \(\d\)\n`))
}
