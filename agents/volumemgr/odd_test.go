package volumemgr_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkv/nkv/agents/types"
)

// TestAnIDThatIsNotTheKey: whoever published it, the key counts, and nothing is
// read again and again.
func TestAnIDThatIsNotTheKey(t *testing.T) {
	s := newScene(t)
	odd := tree("the image")
	odd.ContentID = "other"
	s.trees.Put(treeID, odd)
	v := volume(0)
	v.VolumeID = "other"
	s.volumes.Put(volumeID, v)
	s.told()
	s.volumemgr()
	s.arrive("the image", whichever)
	if status := s.await(types.StateCreatedVolume); status.VolumeID != volumeID {
		t.Errorf("the status is %+v", status)
	}
}

// TestContentThatIsDamagedAgain is fetched anew once without a pause.
func TestContentThatIsDamagedAgain(t *testing.T) {
	s := newScene(t)
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(0))
	s.told()
	s.volumemgr()
	for attempt := range uint32(2) {
		request := s.requests.Await("the request", func(v map[string]types.DownloaderConfig) bool {
			r, ok := v[treeID]
			return ok && r.Attempt == attempt
		})[treeID]
		if err := os.WriteFile(request.Target, []byte("the inage"), 0o644); err != nil {
			t.Fatal(err)
		}
		s.loads.Put(treeID, types.DownloaderStatus{Request: request, State: types.DownloadComplete, SHA256: sum("the image")})
	}
	if p := s.await(types.StateError).Problem; !strings.Contains(p.What, "damaged") {
		t.Errorf("the problem is %+v", p)
	}
	again := tree("the image")
	again.GenerationCounter = 1
	s.trees.Put(treeID, again)
	s.arrive("the image", func(r types.DownloaderConfig) bool { return strings.HasSuffix(r.Target, "#1") })
	s.await(types.StateCreatedVolume)
}

// TestWhatIsNotWantedAnyMoreHoldsNobodyUp: two files that take hours to read, as
// many as are read at once.
func TestWhatIsNotWantedAnyMoreHoldsNobodyUp(t *testing.T) {
	s := newScene(t)
	for _, id := range []string{"huge 1", "huge 2"} {
		s.trees.Put(id, types.ContentTreeConfig{ContentID: id})
	}
	s.told()
	s.volumemgr()
	requests := s.requests.Await("both requests", func(v map[string]types.DownloaderConfig) bool { return len(v) == 2 })
	for id, request := range requests {
		file, err := os.Create(request.Target)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(file.Truncate(1<<40), file.Close()); err != nil {
			t.Skip(err)
		}
		s.loads.Put(id, types.DownloaderStatus{Request: request, State: types.DownloadComplete, SHA256: sum("")})
	}
	s.contents.Await("both are read", func(v map[string]types.ContentTreeStatus) bool {
		return v["huge 1"].State == types.StateVerifying && v["huge 2"].State == types.StateVerifying
	})
	s.trees.Delete("huge 1")
	s.trees.Delete("huge 2")
	s.trees.Put(treeID, tree("the image"))
	s.volumes.Put(volumeID, volume(0))
	s.arrive("the image", whichever)
	s.await(types.StateCreatedVolume)
	s.loads.Delete("huge 1")
	s.loads.Delete("huge 2")
	s.awaitFiles("content", treeID+"#0")
}

// TestWhatAKilledInstanceLeftIsRemoved: an unfinished file of a volume that is
// wanted, and of one that is not.
func TestWhatAKilledInstanceLeftIsRemoved(t *testing.T) {
	s := newScene(t)
	if err := os.MkdirAll(filepath.Join(s.dir, "volumes"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{volumeID + "#0.123.tmp", "gone#7.5.tmp", "gone#7"} {
		if err := os.WriteFile(filepath.Join(s.dir, "volumes", name), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.volumes.Put(volumeID, types.VolumeConfig{VolumeID: volumeID, OriginType: types.VolumeOriginBlank, MaxVolSizeBytes: 5})
	s.told()
	s.volumemgr()
	s.await(types.StateCreatedVolume)
	s.awaitFiles("volumes", volumeID+"#0")
}
