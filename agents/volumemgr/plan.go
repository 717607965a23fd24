package volumemgr

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// facts are what the agent knows when it decides. A plan depends on nothing else.
type facts struct {
	volumes      map[string]types.VolumeConfig
	contentTrees map[string]types.ContentTreeConfig
	downloads    map[string]types.DownloaderStatus
	told         bool // downloads are complete

	// What was published before, by this instance or a former one.
	requests      map[string]types.DownloaderConfig
	contentStatus map[string]types.ContentTreeStatus
	volumeStatus  map[string]types.VolumeStatus
	directory     Directory
	checked       map[string]checked         // by content tree
	failed        map[string]*failure        // by volume
	size          func(string) (int64, bool) // of a file; false: it is not there
	now           time.Time
}

// checked is the outcome of reading a downloaded file.
type checked struct {
	request types.DownloaderConfig // that it was downloaded for
	sha256  string                 // as downloader had it, and as it was found
	bytes   int64
	damaged string // what is wrong with it, so that it is fetched anew; empty: nothing
	times   int    // that it was damaged, in a row
	rests   bool   // it is not fetched anew yet
}

// failure is why a volume could not be laid out.
type failure struct {
	file volumeFile // that was to be made
	text string
	due  bool // it is tried again
}

// plan is what should be.
type plan struct {
	requests     map[string]types.DownloaderConfig
	contentTrees map[string]types.ContentTreeStatus
	volumes      map[string]types.VolumeStatus
	check        []types.DownloaderStatus // files to read
	layOut       []volumeFile             // volumes to make
}

// volumeFile is a volume to make.
type volumeFile struct {
	volume  string // its key
	path    string
	content string // the content tree's key; empty: blank
	from    string // the content's file
	sha256  string // of the content
	bytes   int64  // 0: as many as the content
}

func (f *facts) plan() plan {
	p := plan{
		requests:     map[string]types.DownloaderConfig{},
		contentTrees: map[string]types.ContentTreeStatus{},
		volumes:      map[string]types.VolumeStatus{},
	}
	for _, id := range slices.Sorted(maps.Keys(f.contentTrees)) {
		f.contentTree(&p, id)
	}
	for _, id := range slices.Sorted(maps.Keys(f.volumes)) {
		f.volume(&p, id)
	}
	return p
}

// request is what downloader is asked for a content tree. What it is asked
// already keeps its attempt; a file that turned out damaged is one more, when it
// has rested.
func (f *facts) request(tree types.ContentTreeConfig) types.DownloaderConfig {
	r := types.DownloaderConfig{
		ContentID: tree.ContentID, DisplayName: tree.DisplayName,
		DatastoreIDs: tree.DatastoreIDs, RelativeURL: tree.RelativeURL,
		SHA256: tree.ContentSHA256, MaxSizeBytes: tree.MaxDownloadSizeBytes,
		Target: f.directory.Content(tree.ContentID, tree.GenerationCounter),
	}
	if before := f.requests[tree.ContentID]; before.Target == r.Target {
		r.Attempt = before.Attempt
	}
	if c, ok := f.checked[tree.ContentID]; ok && c.damaged != "" && !c.rests && c.request.Target == r.Target && c.request.Attempt == r.Attempt {
		r.Attempt++
	}
	return r
}

func (f *facts) contentTree(p *plan, id string) {
	tree := f.contentTrees[id]
	tree.ContentID = id // the key counts, whatever the value says
	request := f.request(tree)
	p.requests[id] = request
	status := types.ContentTreeStatus{
		ContentID: tree.ContentID, DisplayName: tree.DisplayName,
		GenerationCounter: tree.GenerationCounter, State: types.StateInitial,
	}
	before := f.contentStatus[id]
	download, answered := f.downloads[id]
	answered = answered && reflect.DeepEqual(download.Request, request)
	state := types.DownloadQueued
	if answered {
		state = download.State
	}
	switch state {
	case types.DownloadRunning:
		status.State = types.StateDownloading
	case types.DownloadFailed:
		status.State, status.Problem = types.StateError, download.Problem
	case types.DownloadComplete:
		f.complete(p, &status, download)
	}
	// What a former instance found stands until the file has been read again.
	if !answered && !f.told && before.GenerationCounter == tree.GenerationCounter && before.ContentID != "" {
		before.DisplayName = tree.DisplayName
		status = before // downloader has not told yet what it has
	}
	standing := before.State == types.StateLoaded && before.Path == request.Target && before.SHA256 != "" &&
		(request.SHA256 == "" || before.SHA256 == request.SHA256)
	if standing && (!answered || status.State == types.StateVerifying) {
		if _, there := f.size(request.Target); there {
			status.State, status.Path, status.SizeBytes, status.SHA256 = before.State, before.Path, before.SizeBytes, before.SHA256
		}
	}
	status.Problem = status.Problem.Since(before.Problem)
	p.contentTrees[id] = status
}

// complete decides about a file that downloader says is complete.
func (f *facts) complete(p *plan, status *types.ContentTreeStatus, download types.DownloaderStatus) {
	c, known := f.checked[status.ContentID]
	known = known && reflect.DeepEqual(c.request, download.Request) && c.sha256 == download.SHA256
	bytes, there := f.size(download.Request.Target)
	switch {
	case !known || c.damaged == "" && (!there || bytes != c.bytes):
		status.State = types.StateVerifying
		p.check = append(p.check, download)
		return
	case c.damaged != "" && c.rests:
		status.State = types.StateError
		status.Problem = types.Problem{What: c.damaged, Where: fmt.Sprintf("content tree %q", status.DisplayName), When: f.now}
		return
	case c.damaged != "":
		return // the request of the next attempt is on its way
	}
	status.State, status.Path = types.StateLoaded, download.Request.Target
	status.SizeBytes, status.SHA256 = c.bytes, c.sha256
}

func (f *facts) volume(p *plan, id string) {
	v := f.volumes[id]
	v.VolumeID = id // the key counts, whatever the value says
	path := f.directory.Volume(id, v.GenerationCounter)
	status := types.VolumeStatus{
		VolumeID: id, DisplayName: v.DisplayName, GenerationCounter: v.GenerationCounter,
		ContentID: v.ContentID, State: types.StateInitial, ReadOnly: v.ReadOnly,
	}
	file := volumeFile{volume: id, path: path, bytes: v.MaxVolSizeBytes}
	bytes, there := f.size(path)
	switch {
	case there:
		status.State, status.Path, status.SizeBytes = types.StateCreatedVolume, path, bytes
	case v.OriginType == types.VolumeOriginBlank && v.MaxVolSizeBytes <= 0:
		status.State, status.Problem = types.StateError, f.problem(v, "the configuration states no size for a blank volume")
	case v.OriginType == types.VolumeOriginBlank:
		f.layOut(p, &status, v, file)
	case v.OriginType != types.VolumeOriginDownload:
		status.State, status.Problem = types.StateError, f.problem(v, fmt.Sprintf("volumes of origin %q can't be made", v.OriginType))
	default:
		f.fromContent(p, &status, v, file)
	}
	status.Problem = status.Problem.Since(f.volumeStatus[id].Problem)
	p.volumes[id] = status
}

// fromContent is a volume that is made of a content tree: until that is LOADED
// it stands as the content tree does.
func (f *facts) fromContent(p *plan, status *types.VolumeStatus, v types.VolumeConfig, file volumeFile) {
	tree, ok := p.contentTrees[v.ContentID]
	c := f.checked[v.ContentID]
	switch {
	case !ok:
		status.State, status.Problem = types.StateError, f.problem(v, fmt.Sprintf("its content tree %q is not configured", v.ContentID))
	case tree.State != types.StateLoaded:
		status.State, status.Problem = tree.State, tree.Problem
	case v.MaxVolSizeBytes != 0 && v.MaxVolSizeBytes < tree.SizeBytes:
		status.State = types.StateError
		status.Problem = f.problem(v, fmt.Sprintf("it is too small: the configuration gives it %d bytes, its content has %d", v.MaxVolSizeBytes, tree.SizeBytes))
	case c.sha256 != tree.SHA256 || c.damaged != "":
		status.State = types.StateCreatingVolume // the file is being read again
	default:
		file.content, file.from, file.sha256 = v.ContentID, tree.Path, tree.SHA256
		f.layOut(p, status, v, file)
	}
}

// layOut has a volume made. What failed stands until another try has succeeded.
func (f *facts) layOut(p *plan, status *types.VolumeStatus, v types.VolumeConfig, file volumeFile) {
	status.State = types.StateCreatingVolume
	if failed := f.failed[v.VolumeID]; failed != nil && failed.file == file {
		status.State, status.Problem = types.StateError, f.problem(v, failed.text)
		if !failed.due {
			return
		}
	}
	p.layOut = append(p.layOut, file)
}

func (f *facts) problem(v types.VolumeConfig, what string) types.Problem {
	return types.Problem{What: what, Where: fmt.Sprintf("volume %q", v.DisplayName), When: f.now}
}
