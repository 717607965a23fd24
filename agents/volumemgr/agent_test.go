package volumemgr_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/volumemgr"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

const (
	treeID   = "000000e5-6e6b-4d65-8d6f-000000000001"
	volumeID = "000000d4-6e6b-4d65-8d6f-000000000001"
)

// scene is volumemgr among agents that the test plays.
type scene struct {
	*agenttest.Server
	t   *testing.T
	dir string

	trees   *agenttest.Publication[types.ContentTreeConfig]
	volumes *agenttest.Publication[types.VolumeConfig]
	loads   *agenttest.Publication[types.DownloaderStatus]
	uses    *agenttest.Publication[types.VolumeUse]

	requests *agenttest.Table[types.DownloaderConfig]
	contents *agenttest.Table[types.ContentTreeStatus]
	status   *agenttest.Table[types.VolumeStatus]
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Server: agenttest.New(t), t: t, dir: t.TempDir()}
	s.trees = agenttest.Publish(s.Server, topics.ContentTreeConfig)
	s.volumes = agenttest.Publish(s.Server, topics.VolumeConfig)
	s.loads = agenttest.Publish(s.Server, topics.DownloaderStatus)
	s.uses = agenttest.Publish(s.Server, topics.VolumeUse)
	s.requests = agenttest.Watch(s.Server, topics.DownloaderConfig)
	s.contents = agenttest.Watch(s.Server, topics.ContentTreeStatus)
	s.status = agenttest.Watch(s.Server, topics.VolumeStatus)
	return s
}

// told has all owners say that their tables are complete.
func (s *scene) told() {
	s.t.Helper()
	s.trees.Restarted()
	s.volumes.Restarted()
	s.loads.Restarted()
	s.uses.Restarted()
}

func (s *scene) volumemgr() (stop func()) {
	s.t.Helper()
	return s.Start(topics.VolumeMgr, func(ctx context.Context, a *agent.Agent) error {
		return volumemgr.Run(ctx, a, volumemgr.Options{Directory: s.dir, Logger: s.Log})
	})
}

func sum(text string) string {
	digits := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digits[:])
}

func tree(text string) types.ContentTreeConfig {
	return types.ContentTreeConfig{ContentID: treeID, DisplayName: "reader 4.2", DatastoreIDs: []string{"d"}, RelativeURL: "reader", ContentSHA256: sum(text)}
}

func volume(generation int64) types.VolumeConfig {
	return types.VolumeConfig{
		VolumeID: volumeID, DisplayName: "root", OriginType: types.VolumeOriginDownload, ContentID: treeID, GenerationCounter: generation,
	}
}

// arrive is downloader's work: the request that meets the condition is fulfilled.
func (s *scene) arrive(text string, asked func(types.DownloaderConfig) bool) {
	s.t.Helper()
	request := s.requests.Await("the request", func(v map[string]types.DownloaderConfig) bool {
		r, ok := v[treeID]
		return ok && asked(r)
	})[treeID]
	if err := os.WriteFile(request.Target, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.loads.Put(treeID, types.DownloaderStatus{
		Request: request, State: types.DownloadComplete, SHA256: sum(text), CurrentBytes: int64(len(text)),
	})
}

func whichever(types.DownloaderConfig) bool { return true }

func (s *scene) await(state types.SwState) types.VolumeStatus {
	s.t.Helper()
	return s.status.Await(string(state), func(v map[string]types.VolumeStatus) bool { return v[volumeID].State == state })[volumeID]
}

func (s *scene) files(dir string) []string {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	if err != nil {
		s.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAVolumeIsMadeOfItsContent(t *testing.T) {
	s := newScene(t)
	s.volumemgr()
	s.trees.Put(treeID, tree("the image"))
	v := volume(3)
	v.MaxVolSizeBytes = 1 << 20
	s.volumes.Put(volumeID, v)
	s.told()
	s.await(types.StateInitial)
	s.arrive("the image", whichever)
	status := s.await(types.StateCreatedVolume)
	data, err := os.ReadFile(status.Path)
	if err != nil || len(data) != 1<<20 || status.SizeBytes != 1<<20 || strings.TrimRight(string(data), "\x00") != "the image" {
		t.Errorf("the volume has %d bytes, status %+v, %v", len(data), status, err)
	}
	content := s.contents.Values()[treeID]
	if content.State != types.StateLoaded || content.SHA256 != sum("the image") || content.SizeBytes != 9 {
		t.Errorf("the content tree is %+v", content)
	}
}

func TestABlankVolumeHasItsSize(t *testing.T) {
	s := newScene(t)
	s.volumes.Put(volumeID, types.VolumeConfig{VolumeID: volumeID, OriginType: types.VolumeOriginBlank, MaxVolSizeBytes: 8 << 30})
	s.told()
	s.volumemgr()
	status := s.await(types.StateCreatedVolume)
	info, err := os.Stat(status.Path)
	if err != nil || info.Size() != 8<<30 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWhatCanNotBeMadeSaysWhy(t *testing.T) {
	small := volume(0)
	small.MaxVolSizeBytes = 3
	lost := volume(0)
	lost.ContentID = "nothing"
	for _, test := range []struct {
		name string
		v    types.VolumeConfig
		want string
	}{
		{"too small", small, "it is too small: the configuration gives it 3 bytes, its content has 9"},
		{"blank without a size", types.VolumeConfig{VolumeID: volumeID, OriginType: types.VolumeOriginBlank}, "no size"},
		{"unknown origin", types.VolumeConfig{VolumeID: volumeID, OriginType: "VCOT_X"}, `"VCOT_X"`},
		{"no content tree", lost, `content tree "nothing" is not configured`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.trees.Put(treeID, tree("the image"))
			test.v.DisplayName = "root"
			s.volumes.Put(volumeID, test.v)
			s.told()
			s.volumemgr()
			s.arrive("the image", whichever)
			p := s.await(types.StateError).Problem
			if p.Where != `volume "root"` || !strings.Contains(p.What, test.want) || p.When.IsZero() {
				t.Errorf("the problem is %+v", p)
			}
		})
	}
}

func TestDamagedContentIsFetchedAnew(t *testing.T) {
	s := newScene(t)
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(0))
	s.told()
	s.volumemgr()
	request := s.requests.Await("the request", func(v map[string]types.DownloaderConfig) bool { return len(v) == 1 })[treeID]
	if err := os.WriteFile(request.Target, []byte("the inage"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.loads.Put(treeID, types.DownloaderStatus{Request: request, State: types.DownloadComplete, SHA256: sum("the image")})
	s.arrive("the image", func(r types.DownloaderConfig) bool { return r.Attempt == 1 })
	status := s.await(types.StateCreatedVolume)
	if data, err := os.ReadFile(status.Path); err != nil || string(data) != "the image" {
		t.Errorf("the volume holds %q, %v", data, err)
	}
}

func TestAFailedDownloadIsTheVolumesProblemToo(t *testing.T) {
	s := newScene(t)
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(0))
	s.told()
	s.volumemgr()
	request := s.requests.Await("the request", func(v map[string]types.DownloaderConfig) bool { return len(v) == 1 })[treeID]
	failed := types.DownloaderStatus{Request: request, State: types.DownloadFailed, Failures: 1, Problem: types.Problem{What: "no answer", Where: `content tree "reader 4.2"`}}
	s.loads.Put(treeID, failed)
	if p := s.await(types.StateError).Problem; p.String() != `content tree "reader 4.2": no answer` {
		t.Errorf("the problem is %+v", p)
	}
	s.arrive("the image", whichever)
	if p := s.await(types.StateCreatedVolume).Problem; p != (types.Problem{}) {
		t.Errorf("after it healed the problem is %+v", p)
	}
}

// TestAVolumeInUseOutlivesItsConfiguration: not the first word about a volume
// decides, but the last user's.
func TestAVolumeInUseOutlivesItsConfiguration(t *testing.T) {
	s := newScene(t)
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(1))
	s.told()
	s.volumemgr()
	s.arrive("the image", whichever)
	s.await(types.StateCreatedVolume)
	s.uses.Put(types.VolumeKey(volumeID, 1), types.VolumeUse{VolumeID: volumeID, GenerationCounter: 1, Apps: []string{"a"}})
	s.Settled(topics.VolumeMgr)
	s.volumes.Put(volumeID, volume(2))
	s.status.Await("generation 2", func(v map[string]types.VolumeStatus) bool {
		return v[volumeID].GenerationCounter == 2 && v[volumeID].State == types.StateCreatedVolume
	})
	if diff := cmp.Diff([]string{volumeID + "#1", volumeID + "#2"}, s.files("volumes")); diff != "" {
		t.Errorf("files while the old generation is in use: %s", diff)
	}
	s.volumes.Delete(volumeID)
	s.trees.Delete(treeID)
	s.requests.Await("no request", func(v map[string]types.DownloaderConfig) bool { return len(v) == 0 })
	s.awaitFiles("volumes", volumeID+"#1")
	s.uses.Delete(types.VolumeKey(volumeID, 1))
	s.awaitFiles("volumes")
	s.awaitFiles("content", treeID+"#0") // downloader has not let go of it
	s.loads.Delete(treeID)
	s.awaitFiles("content")
}

// awaitFiles waits until a directory has these files and no others.
func (s *scene) awaitFiles(dir string, want ...string) {
	s.t.Helper()
	want = append([]string{}, want...)
	if !testutil.Holds(agenttest.Patience, func() bool { return cmp.Equal(want, s.files(dir)) }) {
		s.t.Fatalf("directory %s has %q; wanted are %q", dir, s.files(dir), want)
	}
}

// TestAnEmptyTableIsNoReasonToRemove: after a boot tables are opened first and
// filled then.
func TestAnEmptyTableIsNoReasonToRemove(t *testing.T) {
	s := newScene(t)
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(0))
	s.told()
	stop := s.volumemgr()
	s.arrive("the image", whichever)
	path := s.await(types.StateCreatedVolume).Path
	stop()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	next := newScene(t) // the device after a boot: same disk, empty tables
	next.dir = s.dir
	next.volumemgr()
	next.uses.Restarted()
	next.loads.Restarted()
	next.trees.Put(treeID, tree("the image"))
	next.Settled(topics.VolumeMgr)
	next.volumes.Put(volumeID, volume(0))
	next.trees.Restarted()
	next.volumes.Restarted()
	next.await(types.StateCreatedVolume)
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the volume was made anew: %v", err)
	}
}

func TestARestartChangesNothing(t *testing.T) {
	s := newScene(t)
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(0))
	s.told()
	stop := s.volumemgr()
	s.arrive("the image", whichever)
	s.await(types.StateCreatedVolume)
	s.status.AwaitCall("restarted 1")
	stop()
	s.requests.Calls()
	s.contents.Calls()
	s.status.Calls()
	s.volumemgr()
	s.status.AwaitCall("restarted 2")
	s.Settled(topics.VolumeMgr)
	for name, calls := range map[string][]string{"requests": s.requests.Calls(), "contents": s.contents.Calls(), "volumes": s.status.Calls()} {
		if diff := cmp.Diff([]string{"restarted 2"}, calls); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := agenttest.New(t)
	for _, opts := range []volumemgr.Options{{Logger: s.Log}, {Directory: t.TempDir()}} {
		if err := volumemgr.Run(context.Background(), s.Connect(topics.VolumeMgr), opts); !errors.Is(err, volumemgr.ErrInvalidOption) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}
