package downloader_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/types"
)

func TestContentOfAnyNameIsFetched(t *testing.T) {
	s := newScene(t, 0)
	s.downloader() // before there is anything to do
	for _, name := range []string{"images/reader-4.2.qcow2", "plant/collector:1.9.0", "with space", "50%25 off", "a?b#c", "größe", "x/-/y"} {
		r := s.request(name)
		s.want(r)
		d := s.complete(r)
		if !strings.HasPrefix(d.URL, "http://127.0.0.1:") || d.ResumedBytes != 0 {
			t.Errorf("%+v", d)
		}
	}
	upper := s.request("upper")
	upper.SHA256 = strings.ToUpper(upper.SHA256)
	s.want(upper)
	s.complete(upper)
	unstated := s.request("unstated")
	unstated.SHA256 = ""
	s.want(unstated)
	s.complete(unstated)
}

func TestACorruptContentFailsUntilItHeals(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{Corrupt: true})
	s.downloader()
	r := s.request("amber")
	s.want(r)
	d := s.await("fails again and again", "amber", func(d types.DownloaderStatus) bool {
		return d.State == types.DownloadFailed && d.Failures >= 3
	})
	if !strings.HasPrefix(d.Problem.What, "the content has SHA-256 ") || strings.Contains(d.Problem.What, "has SHA-256 "+r.SHA256) ||
		!strings.HasSuffix(d.Problem.What, "; the configuration says "+r.SHA256) ||
		d.Problem.Where != `content tree "the amber", `+d.URL || d.RetryAt.IsZero() || d.SHA256 != "" || d.CurrentBytes != 0 {
		t.Errorf("%+v", d)
	}
	if _, err := os.Stat(r.Target); err == nil {
		t.Error("the target is there")
	}
	s.faults.Set("amber", contentserver.Fault{})
	s.complete(r)
}

func TestARequestThatIsGoneLeavesNothing(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000})
	s.downloader()
	r := s.request("amber")
	s.want(r)
	s.await("stands still", "amber", func(d types.DownloaderStatus) bool { return d.CurrentBytes == 100_000 })
	if _, err := os.Stat(r.Target + ".part"); err != nil {
		t.Error(err)
	}
	s.requests.Delete("amber")
	s.awaitGone("amber")
	s.clean(r.Target)
	b := s.request("b")
	s.want(b)
	s.complete(b)
	s.requests.Delete("b")
	s.awaitGone("b")
	s.holds(b.Target, content("b")) // that is volumemgr's
}

func TestSoManyAtATimeInTheOrderOfArrival(t *testing.T) {
	s := newScene(t, 0)
	s.opts.Parallel = 2
	names := []string{"e", "d", "c", "b", "amber"}
	for _, name := range names {
		s.faults.Set(name, contentserver.Fault{StallAfter: 1})
	}
	s.downloader()
	for i, name := range names { // their order of arrival is not that of their keys
		s.want(s.request(name))
		state := types.DownloadRunning
		if i >= 2 {
			state = types.DownloadQueued
		}
		s.awaitState(name, state)
	}
	for i := range names {
		running := []string{}
		for key, d := range s.status.Values() {
			if d.State == types.DownloadRunning {
				running = append(running, key)
			}
		}
		slices.Sort(running)
		want := slices.Clone(names[i:min(i+2, len(names))])
		slices.Sort(want)
		if diff := cmp.Diff(want, running); diff != "" {
			t.Fatal(diff)
		}
		s.requests.Delete(names[i])
		s.awaitGone(names[i])
		if next := i + 2; next < len(names) {
			s.awaitState(names[next], types.DownloadRunning)
		}
	}
}

func TestProgressIsToldAtMostTenTimesASecond(t *testing.T) {
	s := newScene(t, 250_000)
	s.downloader()
	s.status.AwaitCall("restarted 1")
	s.status.Calls()
	r := s.request("small8")
	begun := time.Now()
	s.want(r)
	d := s.complete(r)
	took := time.Since(begun)
	calls := s.status.Calls()
	least, most := int(took.Seconds())+2, int(took.Seconds()*10)+1
	if len(calls) > most || len(calls) < least {
		t.Errorf("%d calls in %s, %d bytes", len(calls), took, d.TotalBytes)
	}
	t.Logf("%d calls in %s", len(calls), took)
}

func TestServerErrorsAreProblems(t *testing.T) {
	for status, want := range map[int]string{401: "401 Unauthorized", 404: "404 Not Found", 503: "503 Service Unavailable"} {
		t.Run(want, func(t *testing.T) {
			s := newScene(t, 0)
			s.faults.Set("amber", contentserver.Fault{Status: status})
			s.downloader()
			r := s.request("amber")
			s.want(r)
			d := s.await("fails", "amber", func(d types.DownloaderStatus) bool { return d.State == types.DownloadFailed && d.Failures >= 2 })
			if d.Problem.What != "the server answered "+want {
				t.Errorf("%+v", d)
			}
			s.faults.Set("amber", contentserver.Fault{})
			s.complete(r)
		})
	}
}

func TestTheNextDatastoreIsUsedWhenOneFails(t *testing.T) {
	s := newScene(t, 0)
	s.datastores.Put("registry", types.DatastoreConfig{UUID: "registry", Type: "DsContainerRegistry", FQDN: "docker://registry.example"})
	s.store("empty", s.handle(http404))
	s.store("away", "http://127.0.0.1:1")
	s.downloader()
	r := s.request("amber")
	r.DatastoreIDs = []string{"unknown", "registry", "empty", "away", "store"}
	s.want(r)
	s.complete(r)
	r = s.request("b")
	r.DatastoreIDs = []string{"unknown", "registry", "empty", "away"}
	s.want(r)
	d := s.awaitState("b", types.DownloadFailed)
	for _, part := range []string{
		"datastore unknown is not in the configuration",
		"datastore docker://registry.example: type DsContainerRegistry can't be fetched from; start zedagent with --datastore URL",
		"/images.example/edge/-/b: the server answered 404 Not Found",
		"connection refused",
	} {
		if !strings.Contains(d.Problem.What, part) {
			t.Errorf("%q lacks %q", d.Problem.What, part)
		}
	}
}

func TestContentOverTheLimitIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		url  func(s *scene) string
		what string
	}{
		"announced": {
			func(s *scene) string { return s.serve(0) },
			fmt.Sprintf("the content is too large: %d bytes; the request allows 100000", contentserver.Size("amber")),
		},
		"unannounced": {
			func(s *scene) string {
				return s.handle(func(w http.ResponseWriter, r *http.Request) { sendChunks(w, content("amber")) })
			},
			" bytes or more; the request allows 100000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 0)
			s.store("store", c.url(s))
			s.opts.RetryFirst = time.Hour
			s.downloader()
			r := s.request("amber")
			r.MaxSizeBytes = 100_000
			s.want(r)
			d := s.awaitState("amber", types.DownloadFailed)
			if !strings.Contains(d.Problem.What, c.what) {
				t.Errorf("%+v", d)
			}
			s.clean(r.Target)
			r.MaxSizeBytes = uint64(contentserver.Size("amber"))
			s.want(r)
			s.complete(r)
		})
	}
}

func TestATroubledFileSystemIsAProblem(t *testing.T) {
	s := newScene(t, 0)
	write(t, filepath.Join(s.dir, "file"), nil)
	write(t, filepath.Join(s.dir, "full", "there"), nil)
	if err := os.Symlink("/dev/full", filepath.Join(s.dir, "full", "amber.part")); err != nil {
		t.Fatal(err)
	}
	s.opts.RetryFirst = time.Hour
	s.downloader()
	for key, c := range map[string]struct{ target, problem string }{
		"not a directory": {filepath.Join(s.dir, "file", "amber"), "not a directory"},
		"disk full":       {filepath.Join(s.dir, "full", "amber"), "no space left on device"},
		"a directory":     {filepath.Join(s.dir, "full"), "is there and is no file"},
		"relative":        {"amber", "no absolute path"},
		"none":            {"", "no absolute path"},
		"too long":        {"/" + strings.Repeat("x", 300), "file name too long"},
	} {
		r := s.request("amber")
		r.ContentID, r.Target = key, c.target
		s.want(r)
		d := s.awaitState(key, types.DownloadFailed)
		if !strings.HasPrefix(d.Problem.What, "the file can't be made: ") || !strings.Contains(d.Problem.What, c.problem) {
			t.Errorf("%s: %+v", key, d.Problem)
		}
	}
	r := s.request("amber")
	s.want(r)
	s.complete(r)
}
