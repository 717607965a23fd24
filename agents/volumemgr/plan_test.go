package volumemgr

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/types"
)

var found = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// loaded is a device with one volume of one content tree, which was read; the
// volume is to be made.
func loaded() *facts {
	f := &facts{
		volumes:      map[string]types.VolumeConfig{"v": {VolumeID: "v", DisplayName: "root", OriginType: types.VolumeOriginDownload, ContentID: "c"}},
		contentTrees: map[string]types.ContentTreeConfig{"c": {ContentID: "c", DisplayName: "image"}},
		downloads:    map[string]types.DownloaderStatus{},
		checked:      map[string]checked{},
		failed:       map[string]*failure{},
		directory:    Directory{"/d"},
		told:         true,
		now:          found,
	}
	request := f.request(f.contentTrees["c"])
	f.downloads["c"] = types.DownloaderStatus{Request: request, State: types.DownloadComplete, SHA256: "5", CurrentBytes: 9, TotalBytes: 9}
	f.checked["c"] = checked{request: request, sha256: "5", bytes: 9}
	f.size = func(path string) (int64, bool) { return 9, path == request.Target }
	return f
}

func TestALoadedContentTreeBecomesAVolume(t *testing.T) {
	p := loaded().plan()
	want := []volumeFile{{volume: "v", path: "/d/volumes/v#0", content: "c", from: "/d/content/c#0", sha256: "5"}}
	if diff := cmp.Diff(want, p.layOut, cmp.AllowUnexported(volumeFile{})); diff != "" {
		t.Error(diff)
	}
	if s := p.volumes["v"]; s.State != types.StateCreatingVolume {
		t.Errorf("the volume is %+v", s)
	}
}

// TestAnErrorStandsWhileItIsTriedAgain: else the volume, and with it the
// application, would be in error and out of it again with each try.
func TestAnErrorStandsWhileItIsTriedAgain(t *testing.T) {
	f := loaded()
	failed := &failure{file: f.plan().layOut[0], text: "no space left"}
	f.failed["v"] = failed
	rest := f.plan()
	if s := rest.volumes["v"]; s.State != types.StateError || !s.Problem.When.Equal(found) || len(rest.layOut) != 0 {
		t.Errorf("after the failure the volume is %+v, to lay out are %v", s, rest.layOut)
	}
	f.volumeStatus = rest.volumes
	f.now, failed.due = found.Add(time.Minute), true
	again := f.plan()
	if diff := cmp.Diff(rest.volumes, again.volumes); diff != "" || len(again.layOut) != 1 {
		t.Errorf("while it is tried again: %v, %s", again.layOut, diff)
	}
	v := f.volumes["v"]
	v.MaxVolSizeBytes = 100
	f.volumes["v"] = v
	failed.due = false
	if p := f.plan(); p.volumes["v"].State != types.StateCreatingVolume || len(p.layOut) != 1 {
		t.Errorf("with another configuration: %+v", p.volumes["v"])
	}
}

// TestAVolumeThatIsTooSmallIsNotBegun: its content may be large.
func TestAVolumeThatIsTooSmallIsNotBegun(t *testing.T) {
	for _, bytes := range []int64{8, -1, -1 << 63} {
		f := loaded()
		v := f.volumes["v"]
		v.MaxVolSizeBytes = bytes
		f.volumes["v"] = v
		p := f.plan()
		if s := p.volumes["v"]; s.State != types.StateError || !strings.Contains(s.Problem.What, "too small") || len(p.layOut) != 0 {
			t.Errorf("%d bytes: %+v, %v", bytes, s, p.layOut)
		}
	}
}

// TestDamagedContentRests: a disk that damages everything must not have it
// fetched again and again without a pause, and people must see why it is not
// there.
func TestDamagedContentRests(t *testing.T) {
	f := loaded()
	c := f.checked["c"]
	c.damaged, c.rests = "the file is damaged", true
	f.checked["c"] = c
	p := f.plan()
	if s := p.contentTrees["c"]; s.State != types.StateError || s.Problem.String() != `content tree "image": the file is damaged` {
		t.Errorf("while it rests: %+v", s)
	}
	if p.requests["c"].Attempt != 0 || p.volumes["v"].State != types.StateError {
		t.Errorf("while it rests: %+v, %+v", p.requests, p.volumes)
	}
	c.rests = false
	f.checked["c"] = c
	f.requests = p.requests
	if p := f.plan(); p.requests["c"].Attempt != 1 {
		t.Errorf("after it: %+v", p.requests)
	}
}

// TestTheKeyCounts: anyone may have published values whose id is another, or that
// of two keys.
func TestTheKeyCounts(t *testing.T) {
	f := loaded()
	f.volumes["w"] = f.volumes["v"]
	f.contentTrees["d"] = f.contentTrees["c"]
	p := f.plan()
	if len(p.layOut) != 2 || p.layOut[0].path == p.layOut[1].path {
		t.Errorf("two volumes are made in %+v", p.layOut)
	}
	if p.requests["c"].Target == p.requests["d"].Target || p.requests["d"].ContentID != "d" || p.volumes["w"].VolumeID != "w" {
		t.Errorf("the requests are %+v", p.requests)
	}
}

func TestFileNamesAreOneToOne(t *testing.T) {
	names := map[string]string{}
	for _, id := range []string{"a", "a#1", "a%231", "a/b", "..", ".", "a.tmp", "A", "ä", "a\x00"} {
		for _, generation := range []int64{0, 1, -1, 1<<63 - 1, -1 << 63} {
			name := fileName(id, generation)
			if other, taken := names[name]; taken || strings.ContainsAny(name, "./\x00") {
				t.Errorf("%q, generation %d: %q, as of %q", id, generation, name, other)
			}
			names[name] = id
		}
	}
}
