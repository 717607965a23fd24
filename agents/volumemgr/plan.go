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
	failed        map[string]failure         // by volume key
	size          func(string) (int64, bool) // of a file; false: it is not there
	now           time.Time
}

// checked is the outcome of reading a downloaded file.
type checked struct {
	request types.DownloaderConfig // that it was downloaded for
	sha256  string                 // as downloader had it, and as it was found
	bytes   int64
	damaged bool // it was not as it should be, and is to be fetched anew
}

// failure is why a volume could not be laid out.
type failure struct {
	text  string
	again time.Time
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
	key     string // types.VolumeKey
	path    string
	content string // the content tree's id; empty: blank
	from    string // the content's file
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
// already keeps its attempt; a file that turned out damaged is one more.
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
	if c, ok := f.checked[tree.ContentID]; ok && c.damaged && c.request.Target == r.Target && c.request.Attempt == r.Attempt {
		r.Attempt++
	}
	return r
}

func (f *facts) contentTree(p *plan, id string) {
	tree := f.contentTrees[id]
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
	if _, there := f.size(request.Target); standing && there && (!answered || status.State == types.StateVerifying) {
		status.State, status.Path, status.SizeBytes, status.SHA256 = before.State, before.Path, before.SizeBytes, before.SHA256
	}
	status.Problem = status.Problem.Since(before.Problem)
	p.contentTrees[id] = status
}

// complete decides about a file that downloader says is complete.
func (f *facts) complete(p *plan, status *types.ContentTreeStatus, download types.DownloaderStatus) {
	c, known := f.checked[status.ContentID]
	known = known && reflect.DeepEqual(c.request, download.Request) && c.sha256 == download.SHA256
	bytes, there := f.size(download.Request.Target)
	if !known || !c.damaged && (!there || bytes != c.bytes) {
		status.State = types.StateVerifying
		p.check = append(p.check, download)
		return
	}
	if c.damaged {
		return // the request of the next attempt is on its way
	}
	status.State, status.Path = types.StateLoaded, download.Request.Target
	status.SizeBytes, status.SHA256 = c.bytes, c.sha256
}

func (f *facts) volume(p *plan, id string) {
	v := f.volumes[id]
	key := types.VolumeKey(v.VolumeID, v.GenerationCounter)
	path := f.directory.Volume(v.VolumeID, v.GenerationCounter)
	status := types.VolumeStatus{
		VolumeID: v.VolumeID, DisplayName: v.DisplayName, GenerationCounter: v.GenerationCounter,
		ContentID: v.ContentID, State: types.StateInitial, ReadOnly: v.ReadOnly,
	}
	if bytes, there := f.size(path); there {
		status.State, status.Path, status.SizeBytes = types.StateCreatedVolume, path, bytes
		p.volumes[id] = status
		return
	}
	file := volumeFile{key: key, path: path, bytes: v.MaxVolSizeBytes}
	switch failed, isFailed := f.failed[key]; {
	case isFailed:
		status.State, status.Problem = types.StateError, f.problem(v, failed.text)
	case v.OriginType == types.VolumeOriginBlank && v.MaxVolSizeBytes <= 0:
		status.State, status.Problem = types.StateError, f.problem(v, "the configuration states no size for a blank volume")
	case v.OriginType == types.VolumeOriginBlank:
		status.State = types.StateCreatingVolume
		p.layOut = append(p.layOut, file)
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
	if !ok {
		status.State, status.Problem = types.StateError, f.problem(v, fmt.Sprintf("its content tree %q is not configured", v.ContentID))
		return
	}
	status.State, status.Problem = tree.State, tree.Problem
	if tree.State != types.StateLoaded {
		return
	}
	status.State = types.StateCreatingVolume
	if c, ok := f.checked[v.ContentID]; !ok || c.damaged {
		return // the file is being read again
	}
	file.content, file.from = v.ContentID, tree.Path
	p.layOut = append(p.layOut, file)
}

func (f *facts) problem(v types.VolumeConfig, what string) types.Problem {
	return types.Problem{What: what, Where: fmt.Sprintf("volume %q", v.DisplayName), When: f.now}
}
