package downloader_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/downloader"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func TestARestartInventsNothing(t *testing.T) {
	s := newScene(t, 0)
	a, b, c := s.request("amber"), s.request("b"), s.request("c")
	b.SHA256 = ""
	stop := s.downloader()
	for _, r := range []types.DownloaderConfig{a, b, c} {
		s.want(r)
		s.complete(r)
	}
	s.status.AwaitCall("restarted 1")
	stop()
	s.status.Calls()
	s.requests.Delete("c")
	write(t, c.Target+".part", []byte("left over"))
	write(t, c.Target+".part.json", nil)
	_, before := s.served("amber")
	s.downloader()
	s.status.AwaitCall("restarted 2")
	if diff := cmp.Diff([]string{"delete c", "restarted 2"}, s.status.Calls()); diff != "" {
		t.Error(diff)
	}
	s.clean(c.Target)
	s.holds(c.Target, content("c"))
	if _, after := s.served("amber"); after != before {
		t.Errorf("it was fetched again")
	}
}

// Every status that readers see after a restart is either what was there or
// new: never one that goes back on a complete file.
func TestATargetThatIsThereIsTakenWhenItIsRight(t *testing.T) {
	for _, c := range []struct {
		name    string
		target  []byte
		stated  bool
		fetched int
	}{
		{"right", content("amber"), true, 0},
		{"wrong", content("b"), true, 1},
		{"cut off", content("amber")[:1000], true, 1},
		{"empty", nil, true, 1},
		{"unstated", content("amber"), false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, 0)
			r := s.request("amber")
			if !c.stated {
				r.SHA256 = ""
			}
			write(t, r.Target, c.target)
			s.want(r)
			s.downloader()
			s.complete(r)
			if _, answers := s.served("amber"); answers != c.fetched {
				t.Errorf("fetched %d times", answers)
			}
			if calls := s.status.Calls(); c.fetched == 0 && slices.Contains(calls, "modify amber") && !slices.Contains(calls, "create amber") {
				t.Errorf("%q", calls)
			}
		})
	}
}

func TestWithAHigherAttemptAFileIsFetchedAnew(t *testing.T) {
	for _, whilstAway := range []bool{false, true} {
		for _, stated := range []bool{false, true} {
			t.Run(fmt.Sprintf("away %t stated %t", whilstAway, stated), func(t *testing.T) {
				s := newScene(t, 0)
				r := s.request("amber")
				if !stated {
					r.SHA256 = ""
				}
				stop := s.downloader()
				s.want(r)
				s.complete(r)
				if whilstAway {
					stop()
				}
				r.Attempt++
				s.want(r)
				if whilstAway {
					s.downloader()
				}
				s.complete(r)
				if _, answers := s.served("amber"); answers != 2 {
					t.Errorf("fetched %d times", answers)
				}
			})
		}
	}
}

// A target that another request made must not be taken for the present one's,
// also when the agent ends at any place in between.
func TestAFileOfAFormerRequestIsNotTaken(t *testing.T) {
	for _, whilstAway := range []bool{false, true} {
		t.Run(fmt.Sprintf("away %t", whilstAway), func(t *testing.T) {
			s := newScene(t, 0)
			r := s.request("amber")
			r.SHA256 = ""
			stop := s.downloader()
			s.want(r)
			s.complete(r)
			if whilstAway {
				stop()
			}
			s.faults.Set("b", contentserver.Fault{Status: 503})
			r.RelativeURL = "b"
			s.want(r)
			if whilstAway {
				stop = s.downloader()
			}
			s.await("fails", "amber", func(d types.DownloaderStatus) bool {
				return d.State == types.DownloadFailed && d.Request.RelativeURL == "b"
			})
			if _, err := os.Stat(r.Target); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the file of a is there: %v", err)
			}
			stop()
			s.faults.Set("b", contentserver.Fault{})
			s.downloader()
			s.await("b", "amber", func(d types.DownloaderStatus) bool { return d.SHA256 == contentserver.SHA256("b") })
			s.holds(r.Target, content("b"))
		})
	}
}

func TestAChangedRequestIsBegunAnew(t *testing.T) {
	for name, change := range map[string]func(s *scene, r *types.DownloaderConfig){
		"content": func(_ *scene, r *types.DownloaderConfig) {
			r.RelativeURL, r.SHA256 = "b", contentserver.SHA256("b")
		},
		"target":    func(s *scene, r *types.DownloaderConfig) { r.Target = filepath.Join(s.dir, "elsewhere", "amber") },
		"datastore": func(s *scene, r *types.DownloaderConfig) { r.DatastoreIDs = []string{"other"} },
		"attempt":   func(_ *scene, r *types.DownloaderConfig) { r.Attempt++ },
		"checksum":  func(_ *scene, r *types.DownloaderConfig) { r.SHA256 = "" },
		"its datastore": func(s *scene, _ *types.DownloaderConfig) {
			s.faults.Set("amber", contentserver.Fault{})
			s.store("store", s.serve(0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 0)
			s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000})
			s.store("other", s.serve(0))
			s.opts.RetryFirst = time.Hour // a cancelled try is no failure
			s.downloader()
			r := s.request("amber")
			s.want(r)
			s.awaitPart(r.Target, 100_000)
			before := r.Target
			s.faults.Set("amber", contentserver.Fault{})
			change(s, &r)
			s.want(r)
			s.complete(r)
			s.clean(before)
		})
	}
}

func TestAChangeOfTheTargetLeavesTheFileToVolumemgr(t *testing.T) {
	s := newScene(t, 0)
	s.downloader()
	r := s.request("amber")
	s.want(r)
	s.complete(r)
	before := r.Target
	r.Target = filepath.Join(s.dir, "elsewhere")
	s.want(r)
	s.complete(r)
	s.holds(before, content("amber"))
}

func TestEachRequestNeedsATargetOfItsOwn(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000})
	s.downloader()
	a, b := s.request("amber"), s.request("b")
	b.Target = filepath.Dir(a.Target) + "/./" + filepath.Base(a.Target)
	s.want(a)
	s.awaitPart(a.Target, 100_000)
	s.want(b)
	d := s.awaitState("b", types.DownloadFailed)
	if !strings.Contains(d.Problem.What, "is that of content tree amber too") || !d.RetryAt.IsZero() {
		t.Errorf("%+v", d)
	}
	s.requests.Delete("amber")
	s.awaitGone("amber")
	s.complete(b)
	// They may change places.
	c := s.request("c")
	s.want(c)
	s.complete(c)
	b.Target, c.Target = c.Target, b.Target
	s.want(b)
	s.want(c)
	s.complete(b)
	s.complete(c)
}

// Files beside a target that can't be are not there: they must not be waited for.
func TestATargetThatCanNotBeIsGivenUp(t *testing.T) {
	s := newScene(t, 0)
	s.downloader()
	for key, target := range map[string]string{
		"long": filepath.Join(s.dir, strings.Repeat("x", 300)), "zero": s.dir + "/a\x00b",
	} {
		r := s.request("amber")
		r.ContentID, r.Target = key, target
		s.want(r)
		s.awaitState(key, types.DownloadFailed)
		r.Target = filepath.Join(s.dir, key)
		s.want(r)
		s.complete(r)
	}
}

func TestATargetIsNotThePartOfAnother(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000})
	s.downloader()
	a := s.request("amber")
	s.want(a)
	s.awaitPart(a.Target, 100_000)
	for key, target := range map[string]string{"b": a.Target + ".part", "c": a.Target + ".part.json"} {
		r := s.request(key)
		r.Target = target
		s.want(r)
		if d := s.awaitState(key, types.DownloadFailed); !strings.Contains(d.Problem.What, "choose another name") {
			t.Errorf("%+v", d)
		}
		s.requests.Delete(key)
		s.awaitGone(key)
	}
	s.faults.Set("amber", contentserver.Fault{})
	s.store("store", s.serve(0))
	s.complete(a)
}

func TestARequestMayComeBackAtOnce(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000})
	s.opts.StallTimeout = time.Second // it may go unnoticed that the request was away
	s.downloader()
	r := s.request("amber")
	for range 10 {
		s.want(r)
		s.awaitPart(r.Target, 100_000)
		s.requests.Delete("amber")
	}
	s.faults.Set("amber", contentserver.Fault{})
	s.want(r)
	s.complete(r)
}

func TestAServerThatIsAwayHoldsUpNothing(t *testing.T) {
	s := newScene(t, 0)
	s.opts.Parallel = 1
	gate := make(chan struct{})
	s.store("store", s.handle(func(w http.ResponseWriter, r *http.Request) {
		data := content(contentserver.Name(r.URL.Path))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:100_000]) // the client may have left
		_ = http.NewResponseController(w).Flush()
		select {
		case <-gate:
		case <-r.Context().Done():
		}
		_, _ = w.Write(data[100_000:])
	}))
	s.downloader()
	names := []string{"amber", "b", "c"}
	for _, name := range names {
		s.want(s.request(name))
	}
	s.await("runs", "amber", func(d types.DownloaderStatus) bool { return d.CurrentBytes == 100_000 })
	s.awaitState("c", types.DownloadQueued)
	s.Refuse(topics.Downloader)
	close(gate)
	for _, name := range names {
		s.awaitFile(s.request(name).Target)
	}
	if d := s.status.Values()["amber"]; d.State != types.DownloadRunning {
		t.Errorf("the test says nothing: %+v", d)
	}
	s.Allow(topics.Downloader)
	for _, name := range names {
		s.complete(s.request(name))
	}
}

// awaitFile waits until a file is there.
func (s *scene) awaitFile(path string) {
	s.t.Helper()
	for deadline := time.Now().Add(agenttest.Patience); ; time.Sleep(time.Millisecond) { // the agent can't tell of it
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s never comes", path)
		}
	}
}

func TestAKilledServerLosesNothing(t *testing.T) {
	s := newScene(t, 512<<10)
	s.downloader()
	a, b := s.request("small8"), s.request("large4")
	b.MaxSizeBytes = 1
	s.want(a)
	s.want(b)
	s.await("runs", "small8", func(d types.DownloaderStatus) bool { return d.CurrentBytes > 0 })
	s.awaitState("large4", types.DownloadFailed)
	for range 3 {
		s.Kill()
	}
	s.Restart()
	b.MaxSizeBytes, b.DatastoreIDs = 0, []string{"fast"}
	s.store("fast", s.serve(0))
	s.want(b)
	s.complete(a)
	s.complete(b)
	s.Settled()
	if _, answers := s.served("small8"); answers != 1 {
		t.Errorf("%d answers: the transfer was disturbed", answers)
	}
}

func TestNothingIsDoneBeforeAllIsKnown(t *testing.T) {
	s := &scene{Server: agenttest.New(t), t: t, dir: t.TempDir(), asked: map[string]int{}}
	s.log = s.Log
	s.status = agenttest.Watch(s.Server, topics.DownloaderStatus)
	s.downloader()
	s.requests = agenttest.Publish(s.Server, topics.DownloaderConfig)
	s.datastores = agenttest.Publish(s.Server, topics.DatastoreConfig)
	s.items = agenttest.Publish(s.Server, topics.ConfigItem)
	s.requests.Put("amber", s.request("amber"))
	s.requests.Restarted()
	s.items.Restarted()
	s.Settled(topics.Downloader)
	if calls := s.status.Calls(); slices.Contains(calls, "create amber") {
		t.Errorf("%q", calls)
	}
	s.store("store", s.serve(0))
	s.datastores.Restarted()
	s.complete(s.request("amber"))
	s.status.AwaitCall("restarted 1")
}

func TestWrongOptionsAreNamed(t *testing.T) {
	s := agenttest.New(t)
	for name, opts := range map[string]downloader.Options{
		"Parallel":     {Parallel: -1, Logger: s.Log},
		"StallTimeout": {StallTimeout: -time.Second, Logger: s.Log},
		"RetryFirst":   {RetryFirst: -time.Second, Logger: s.Log},
		"Logger":       {},
	} {
		var a *agent.Agent
		err := downloader.Run(context.Background(), a, opts)
		if !errors.Is(err, downloader.ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
