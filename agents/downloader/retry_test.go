package downloader_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/types"
)

func item(value string) types.ConfigItem {
	return types.ConfigItem{Key: "timer.download.retry", Value: value}
}

func TestAChangeOfTheLongestPauseHoldsAtOnce(t *testing.T) {
	s := newScene(t, 0)
	s.opts.RetryFirst = 2 * time.Hour
	s.items.Put("timer.download.retry", item("3600"))
	s.faults.Set("amber", contentserver.Fault{Status: 503})
	s.downloader()
	s.want(s.request("amber"))
	d := s.awaitState("amber", types.DownloadFailed)
	if pause := d.RetryAt.Sub(d.Problem.When); pause != time.Hour {
		t.Errorf("a pause of %s", pause)
	}
	for value, want := range map[string]time.Duration{"60": time.Minute, "-1": 10 * time.Minute, "soon": 10 * time.Minute, "0": 10 * time.Minute, "": 10 * time.Minute} {
		s.items.Put("timer.download.retry", item("1800"))
		s.await("another pause", "amber", func(d types.DownloaderStatus) bool { return d.RetryAt.Sub(d.Problem.When) == 30*time.Minute })
		s.items.Put("timer.download.retry", item(value))
		s.await("pause for "+value, "amber", func(d types.DownloaderStatus) bool { return d.RetryAt.Sub(d.Problem.When) == want })
	}
	s.items.Delete("timer.download.retry")
	s.faults.Set("amber", contentserver.Fault{})
	s.items.Put("timer.download.retry", item("1")) // it is over already, or soon
	s.complete(s.request("amber"))
	if _, answers := s.served("amber"); answers != 2 {
		t.Errorf("%d tries", answers)
	}
}

func TestAChangeOfTheDatastoreTriesAtOnce(t *testing.T) {
	s := newScene(t, 0)
	s.opts.RetryFirst = time.Hour
	good := s.serve(0)
	s.store("store", "http://127.0.0.1:1")
	s.downloader()
	r := s.request("amber")
	r.DatastoreIDs = append(r.DatastoreIDs, "later")
	s.want(r)
	s.awaitState("amber", types.DownloadFailed)
	s.store("unconcerned", good)
	s.store("later", good)
	s.complete(r)
	b := s.request("b")
	s.want(b)
	s.awaitState("b", types.DownloadFailed)
	s.store("store", good)
	s.complete(b)
}

func TestPausesDouble(t *testing.T) {
	for name, fault := range map[string]contentserver.Fault{
		"nothing comes":                 {Status: 503},
		"the same bytes come each time": {BreakAfter: 100_000, NoRanges: true},
	} {
		t.Run(name, func(t *testing.T) { pausesDouble(t, fault) })
	}
}

func pausesDouble(t *testing.T, fault contentserver.Fault) {
	s := newScene(t, 0)
	s.opts.RetryFirst = 10 * time.Millisecond
	s.faults.Set("amber", fault)
	s.downloader()
	s.want(s.request("amber"))
	pauses := map[uint32]time.Duration{}
	var since time.Time
	s.await("fails four times", "amber", func(d types.DownloaderStatus) bool {
		if d.State != types.DownloadFailed {
			return false
		}
		if since.IsZero() {
			since = d.Problem.When
		}
		if !d.Problem.When.Equal(since) {
			t.Errorf("the same problem since %s and since %s", since, d.Problem.When)
		}
		pauses[d.Failures] = d.RetryAt.Sub(since)
		return d.Failures >= 4
	})
	// RetryAt lies the sum of all pauses after the first failure, or later.
	for failures, least := range map[uint32]time.Duration{1: 10, 2: 30, 3: 70, 4: 150} {
		if got, seen := pauses[failures]; seen && got < least*time.Millisecond {
			t.Errorf("after %d failures the next try is %s after the first", failures, got)
		}
	}
}

func TestCredentialsAreUsedAndNotTold(t *testing.T) {
	s := newScene(t, 0)
	var hook *test.Hook
	s.log, hook = test.NewNullLogger()
	url := s.handle(basicAuth("user", "word", contentOf("amber")))
	s.opts.RetryFirst = time.Hour
	s.downloader()
	r := s.request("amber")
	s.want(r)
	s.complete(r)
	hook.Reset()
	for name, ds := range map[string]types.DatastoreConfig{
		"fields":        {APIKey: "user", Password: "word", FQDN: url},
		"URL":           {FQDN: strings.Replace(url, "://", "://user:word@", 1)},
		"wrong":         {APIKey: "user", Password: "wrongword", FQDN: url},
		"URL wrong":     {FQDN: strings.Replace(url, "://", "://user:wrongword@", 1)},
		"URL away":      {FQDN: "http://user:wrongword@127.0.0.1:1"},
		"URL unusable":  {FQDN: "http://user:wrong/word@127.0.0.1:1"},
		"URL by ftp":    {FQDN: "ftp://user:wrongword@127.0.0.1"},
		"other type":    {Type: "DsS3", FQDN: "https://user:wrongword@s3.example"},
		"to no URL":     {FQDN: s.handle(hijacked("HTTP/1.1 302 Found\r\nLocation: http://user:wrongword@%zz/\r\n\r\n"))},
		"to a redirect": {FQDN: s.handle(redirect("http://user:wrongword@127.0.0.1:1/?secret=wrongword"))},
	} {
		if ds.Type == "" {
			ds.Type = "DsHttp"
		}
		ds.UUID = name
		s.datastores.Put(name, ds)
		r := s.request("amber")
		r.ContentID, r.DatastoreIDs, r.Target = name, []string{name}, s.dir+"/"+name
		s.want(r)
		if name == "fields" || name == "URL" {
			s.complete(r)
			continue
		}
		d := s.awaitState(name, types.DownloadFailed)
		if strings.Contains(d.Problem.String()+d.URL, "word") {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, entry := range hook.AllEntries() {
		if line, err := entry.String(); err != nil || strings.Contains(line, "word") {
			t.Errorf("logged: %s %v", line, err)
		}
	}
	if len(hook.AllEntries()) == 0 {
		t.Error("nothing was logged")
	}
}

func TestADatastoreIsTrustedByItsCertificates(t *testing.T) {
	s := newScene(t, 0)
	s.opts.RetryFirst = time.Hour
	url, cert := s.handleTLS(contentOf("amber"))
	s.datastores.Put("untrusted", types.DatastoreConfig{Type: "DsHttps", FQDN: strings.TrimPrefix(url, "https://")})
	s.datastores.Put("trusted", types.DatastoreConfig{Type: "DsHttps", FQDN: strings.TrimPrefix(url, "https://"), CertPEM: []string{cert}})
	s.datastores.Put("broken", types.DatastoreConfig{Type: "DsHttps", FQDN: url, CertPEM: []string{cert, "x"}})
	s.downloader()
	for id, problem := range map[string]string{"untrusted": "unknown authority", "broken": "holds no certificate", "trusted": ""} {
		r := s.request("amber")
		r.ContentID, r.DatastoreIDs, r.Target = id, []string{id}, s.dir+"/"+id
		s.want(r)
		if problem == "" {
			s.complete(r)
		} else if d := s.awaitState(id, types.DownloadFailed); !strings.Contains(d.Problem.What, problem) {
			t.Errorf("%s: %+v", id, d)
		}
	}
}
