package downloader_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/types"
)

// seeded returns a source of random numbers whose seed the test's output has.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// economical checks that a content came without being sent anew.
func (s *scene) economical(name string, atLeast int) {
	s.t.Helper()
	bytes, answers := s.served(name)
	s.t.Logf("%s: %d bytes in %d answers for a size of %d", name, bytes, answers, contentserver.Size(name))
	if bytes >= 2*contentserver.Size(name) {
		s.t.Errorf("%s: %d bytes were sent for a size of %d", name, bytes, contentserver.Size(name))
	}
	if answers < atLeast {
		s.t.Errorf("%s came in %d answers; the test wants %d to say anything", name, answers, atLeast)
	}
}

func TestADownloadGoesOnWhereItsConnectionBroke(t *testing.T) {
	s := newScene(t, 0)
	random := seeded(t)
	s.setFault(func(string) contentserver.Fault {
		return contentserver.Fault{BreakAfter: 1 + random.Int64N(400_000)}
	})
	s.opts.Parallel = 1
	s.downloader()
	for _, sum := range []bool{true, false} {
		r := s.request(fmt.Sprint("large4", sum))
		if !sum {
			r.SHA256 = ""
		}
		s.want(r)
		s.complete(r)
		s.economical(r.RelativeURL, 2)
	}
}

func TestAPauseDoesNotGrowAsLongAsBytesCome(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("large4", contentserver.Fault{BreakAfter: 40_000}) // about 50 tries
	s.opts.RetryFirst = 20 * time.Millisecond                       // doubled 15 times that is ten minutes
	s.downloader()
	r := s.request("large4")
	s.want(r)
	s.complete(r)
}

func TestADownloadGoesOnAfterItsAgentWasStopped(t *testing.T) {
	s := newScene(t, 0)
	random := seeded(t)
	r := s.request("large4")
	s.want(r)
	resumed := int64(0)
	for range 4 {
		more := 1 + random.Int64N((contentserver.Size(r.RelativeURL)-resumed)/3)
		s.faults.Set(r.RelativeURL, contentserver.Fault{StallAfter: more})
		stop := s.downloader()
		s.awaitPart(r.Target, resumed+more)
		stop()
		resumed += more
	}
	s.faults.Set(r.RelativeURL, contentserver.Fault{})
	s.downloader()
	if d := s.complete(r); d.ResumedBytes != resumed {
		t.Errorf("resumed at %d instead of %d", d.ResumedBytes, resumed)
	}
	s.economical(r.RelativeURL, 5)
}

// awaitPart waits until a part has so many bytes or its target is there.
func (s *scene) awaitPart(target string, size int64) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) { // a file's growth has no event
		if info, err := os.Stat(target + ".part"); err == nil && info.Size() >= size {
			return
		}
		if _, err := os.Stat(target); err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s.part does not get %d bytes", target, size)
		}
	}
}

func TestAPartOfAnotherContentIsNotGoneOnWith(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{Corrupt: true, StallAfter: 200_000})
	stop := s.downloader()
	r := s.request("amber")
	r.SHA256 = "" // nothing but the validator tells
	s.want(r)
	s.awaitPart(r.Target, 200_000)
	stop()
	s.faults.Set("amber", contentserver.Fault{})
	s.downloader()
	if d := s.complete(r); d.ResumedBytes != 0 {
		t.Errorf("%+v", d)
	}
	if _, answers := s.served("amber"); answers != 2 { // the server was told which content the part is of
		t.Errorf("it took %d answers", answers)
	}
}

func TestAnotherDatastoreMayGoOnWithTheSamePart(t *testing.T) {
	s := newScene(t, 0)
	answers := 0
	s.setFault(func(name string) contentserver.Fault {
		if strings.Contains(name, "/-/") {
			return contentserver.Fault{}
		}
		answers++
		return []contentserver.Fault{{BreakAfter: 100_000}, {Status: 503}, {BreakAfter: 100_000}, {Status: 503}, {}}[min(answers, 5)-1]
	})
	s.downloader()
	r := s.request("amber")
	r.DatastoreIDs = []string{"store", "store"}
	s.want(r)
	if d := s.complete(r); d.ResumedBytes != 200_000 {
		t.Errorf("%+v", d)
	}
}

// A part that is not marked, or with something else, says nothing.
func TestAPartIsGoneOnWithOnlyWhenItsMarkFits(t *testing.T) {
	const name = "amber"
	for _, c := range []struct {
		name, mark string
		unstated   bool
		resumed    int64
	}{
		{"fits", `{"URL":"URL","ETag":ETAG,"Boot":"BOOT"}`, false, 100_000},
		{"fits, no checksum", `{"URL":"URL","ETag":ETAG,"Boot":"BOOT"}`, true, 100_000},
		{"another boot", `{"URL":"URL","ETag":ETAG,"Boot":"x"}`, false, 100_000},
		{"another boot, no checksum", `{"URL":"URL","ETag":ETAG,"Boot":"x"}`, true, 0},
		{"another URL", `{"URL":"x","ETag":ETAG,"Boot":"BOOT"}`, false, 0},
		{"another content", `{"URL":"URL","ETag":"\"x\"","Boot":"BOOT"}`, false, 0},
		{"no ETag", `{"URL":"URL","Boot":"BOOT"}`, false, 0},
		{"torn", `{"URL":"URL","ETa`, false, 0},
		{"empty", ``, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, 0)
			s.faults.Set(name, contentserver.Fault{StallAfter: 100_000})
			stop := s.downloader()
			r := s.request(name)
			if c.unstated {
				r.SHA256 = ""
			}
			s.want(r)
			s.awaitPart(r.Target, 100_000)
			url := s.await("has a URL", name, func(d types.DownloaderStatus) bool { return d.URL != "" }).URL
			stop()
			s.faults.Set(name, contentserver.Fault{})
			answer, err := http.Head(url)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
			if err != nil {
				t.Skip(err)
			}
			etag := strings.ReplaceAll(answer.Header.Get("ETag"), `"`, `\"`)
			mark := strings.NewReplacer("URL\":\"URL", "URL\":\""+url, "ETAG", `"`+etag+`"`, "BOOT", strings.TrimSpace(string(boot))).Replace(c.mark)
			write(t, r.Target+".part.json", []byte(mark))
			s.downloader()
			if d := s.complete(r); d.ResumedBytes != c.resumed {
				t.Errorf("resumed at %d; the mark was %s", d.ResumedBytes, mark)
			}
		})
	}
}

func TestWithoutAStrongETagADownloadBeginsAnew(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{WeakETag: true, BreakAfter: 100_000})
	s.downloader()
	r := s.request("amber")
	s.want(r)
	d := s.await("fails", "amber", func(d types.DownloaderStatus) bool { return d.State == types.DownloadFailed && d.Failures >= 2 })
	if !strings.HasPrefix(d.Problem.What, fmt.Sprintf("the connection broke after 100000 of %d bytes", contentserver.Size("amber"))) || d.ResumedBytes != 0 {
		t.Errorf("%+v", d)
	}
	s.faults.Set("amber", contentserver.Fault{NoRanges: true})
	s.complete(r)
}

// What can't be gone on with only takes up the disk.
func TestAUselessPartDoesNotStay(t *testing.T) {
	s := newScene(t, 0)
	s.opts.RetryFirst = time.Hour
	s.faults.Set("amber", contentserver.Fault{WeakETag: true, BreakAfter: 100_000})
	s.downloader()
	r := s.request("amber")
	s.want(r)
	if d := s.awaitState("amber", types.DownloadFailed); d.CurrentBytes != 0 {
		t.Errorf("%+v", d)
	}
	s.clean(r.Target)
}

// A datastore that breaks off each time at the same place, and can't go on, must
// not keep the next one from being asked.
func TestADatastoreThatNeverGetsFurtherIsLeft(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{BreakAfter: 100_000, NoRanges: true})
	s.store("good", s.handle(contentOf("amber")))
	s.downloader()
	r := s.request("amber")
	r.DatastoreIDs = []string{"store", "good"}
	s.want(r)
	s.complete(r)
}

// The part is whole when the agent ended between its last byte and its renaming.
func TestAWholePartIsCompleteWithoutATransfer(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 1000})
	stop := s.downloader()
	r := s.request("amber")
	s.want(r)
	s.awaitPart(r.Target, 1000)
	stop()
	s.faults.Set("amber", contentserver.Fault{})
	write(t, r.Target+".part", content("amber"))
	s.downloader()
	if d := s.complete(r); d.ResumedBytes != contentserver.Size("amber") {
		t.Errorf("%+v", d)
	}
	if bytes, _ := s.served("amber"); bytes > 2000 {
		t.Errorf("%d bytes were sent", bytes)
	}
}

// That there is no more says nothing about what is there.
func TestAWholePartWithoutAChecksumIsFetchedAnew(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 1000})
	stop := s.downloader()
	r := s.request("amber")
	r.SHA256 = ""
	s.want(r)
	s.awaitPart(r.Target, 1000)
	stop()
	s.faults.Set("amber", contentserver.Fault{})
	write(t, r.Target+".part", make([]byte, contentserver.Size("amber")))
	s.downloader()
	s.complete(r)
}

func TestAPartThatIsTooLongOrWrongIsReplaced(t *testing.T) {
	for name, data := range map[string][]byte{
		"too long": append(content("amber"), "more"...),
		"wrong":    make([]byte, 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 0)
			s.faults.Set("amber", contentserver.Fault{StallAfter: 1000})
			stop := s.downloader()
			r := s.request("amber")
			s.want(r)
			s.awaitPart(r.Target, 1000)
			stop()
			s.faults.Set("amber", contentserver.Fault{})
			write(t, r.Target+".part", data)
			s.downloader()
			s.complete(r)
		})
	}
}

func TestAPartOfAnotherProcessIsNotTouched(t *testing.T) {
	s := newScene(t, 0)
	r := s.request("amber")
	write(t, r.Target+".part", []byte("another's"))
	other, err := os.Open(r.Target + ".part")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	s.downloader()
	s.want(r)
	d := s.await("fails", "amber", func(d types.DownloaderStatus) bool { return d.Failures >= 2 })
	if !strings.Contains(d.Problem.What, "in use by another process") {
		t.Errorf("%+v", d)
	}
	s.holds(r.Target+".part", []byte("another's"))
	other.Close()
	s.complete(r)
}

func TestAServerThatSendsNothingIsGivenUp(t *testing.T) {
	s := newScene(t, 0)
	s.opts.StallTimeout = 200 * time.Millisecond
	s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000, WeakETag: true})
	s.downloader()
	r := s.request("amber")
	s.want(r)
	want := fmt.Sprintf("the server is too slow: 0 bytes in 200ms, after 100000 of %d bytes", contentserver.Size("amber"))
	s.await("stalls", "amber", func(d types.DownloaderStatus) bool { return d.Problem.What == want })
	s.faults.Set("amber", contentserver.Fault{})
	s.complete(r)
	release := make(chan struct{})
	s.store("silent", s.handle(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(func() { close(release) })
	r = s.request("b")
	r.DatastoreIDs = []string{"silent", "store"}
	s.want(r)
	s.complete(r)
}

func TestAStopInTheMidstIsPrompt(t *testing.T) {
	s := newScene(t, 0)
	s.faults.Set("amber", contentserver.Fault{StallAfter: 100_000})
	stop := s.downloader()
	r := s.request("amber")
	s.want(r)
	s.awaitPart(r.Target, 100_000)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	stop()
	if ctx.Err() != nil {
		t.Error("it took more than 5 s")
	}
	if _, err := os.Stat(filepath.Dir(r.Target)); errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
