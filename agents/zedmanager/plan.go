package zedmanager

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// facts are what the agent knows when it decides. A plan depends on nothing else.
type facts struct {
	apps         map[string]types.AppInstanceConfig
	instances    map[string]types.NetworkInstanceConfig
	volumeConfig map[string]types.VolumeConfig
	volumes      map[string]types.VolumeStatus
	domains      map[string]types.DomainStatus
	ports        map[string]types.NetworkPortConfig
	portStatus   map[string]types.NetworkPortStatus
	volumesTold  bool // volumes are complete
	domainsTold  bool // domains are complete

	// What was published before, by this instance or a former one.
	requests map[string]types.DomainConfig
	statuses map[string]types.AppInstanceStatus
	uses     map[string]types.VolumeUse

	up  time.Duration // since the device was started, whatever its clock was set to
	now time.Time
}

// plan is what should be.
type plan struct {
	requests map[string]types.DomainConfig
	statuses map[string]types.AppInstanceStatus
	uses     map[string]types.VolumeUse
	next     time.Duration // until a start delay is over; 0: none runs
}

func (f *facts) plan() plan {
	p := plan{
		requests: map[string]types.DomainConfig{},
		statuses: map[string]types.AppInstanceStatus{},
		uses:     map[string]types.VolumeUse{},
	}
	for _, id := range slices.Sorted(maps.Keys(f.apps)) {
		app := f.apps[id]
		app.UUID = id // the key counts, whatever the value says
		f.app(&p, app)
	}
	f.leaving(&p)
	f.hold(&p)
	return p
}

// app decides about an application that is configured.
func (f *facts) app(p *plan, app types.AppInstanceConfig) {
	status := types.AppInstanceStatus{
		UUID: app.UUID, Version: app.Version, DisplayName: app.DisplayName, Wanted: app.Activate,
	}
	w := waiting{state: types.StateCreatedVolume}
	request := types.DomainConfig{
		UUID: app.UUID, DisplayName: app.DisplayName,
		VCPUs: app.FixedResources.VCPUs, MemoryKiB: app.FixedResources.MemoryKiB,
		RestartCounter: app.RestartCounter + app.PurgeCounter,
	}
	for _, ref := range app.VolumeRefs {
		v, volume := f.appVolume(ref, &w)
		status.Volumes = append(status.Volumes, v)
		request.Volumes = append(request.Volumes, volume)
	}
	for _, n := range app.NetworkAdapters {
		status.Networks = append(status.Networks, f.appNetwork(n, &w))
		request.Networks = append(request.Networks, types.DomainNetwork{Name: n.Name, NetworkID: n.NetworkID})
	}
	if delay := time.Duration(app.StartDelaySeconds)*time.Second - f.up; w.ready() && delay > 0 {
		w.state = types.StateStartDelayed
		if p.next == 0 || delay < p.next {
			p.next = delay
		}
	}
	before, asked := f.requests[app.UUID]
	switch {
	case !app.Activate:
		asked = false
	case w.ready():
		p.requests[app.UUID], asked = request, true
	case asked: // what runs goes on with what it has until its new parts are ready
		before.DisplayName = app.DisplayName
		p.requests[app.UUID] = before
	}
	f.state(&status, asked, w)
	status.Problem = f.problem(app, status.State, w).Since(f.statuses[app.UUID].Problem)
	if former, ok := f.statuses[app.UUID]; ok && !(f.volumesTold && f.domainsTold) {
		// volumemgr and domainmgr have not told yet what they have: what was
		// found before stands.
		former.Version, former.DisplayName, former.Wanted = app.Version, app.DisplayName, app.Activate
		status = former
	}
	p.statuses[app.UUID] = status
}

// waiting is what an application waits for.
type waiting struct {
	state   types.SwState // of the part that is farthest behind
	problem types.Problem // the first
}

func (w *waiting) ready() bool { return w.state == types.StateCreatedVolume }

// progress are the states of parts, from the farthest behind to ready. An error
// comes first: nothing goes on before it is mended.
var progress = []types.SwState{
	types.StateError, types.StateInitial, types.StateDownloading, types.StateVerifying, types.StateLoaded,
	types.StateCreatingVolume, types.StateAwaitingNetwork, types.StateCreatedVolume,
}

func (w *waiting) part(state types.SwState, problem types.Problem) {
	if slices.Index(progress, state) < slices.Index(progress, w.state) {
		w.state = state
	}
	if w.problem.What == "" {
		w.problem = problem
	}
}

func (f *facts) appVolume(ref types.VolumeRefConfig, w *waiting) (types.AppVolumeStatus, types.DomainVolume) {
	config, configured := f.volumeConfig[ref.VolumeID]
	v, told := f.volumes[ref.VolumeID]
	status := types.AppVolumeStatus{
		VolumeID: ref.VolumeID, DisplayName: config.DisplayName,
		GenerationCounter: ref.GenerationCounter, State: types.StateInitial,
	}
	var problem types.Problem
	switch {
	case !configured:
		status.State = types.StateError
		problem = types.Problem{What: "the volume is not configured", Where: fmt.Sprintf("volume %q", ref.VolumeID), When: f.now}
	case config.GenerationCounter != ref.GenerationCounter:
		status.State = types.StateError
		problem = types.Problem{
			What:  fmt.Sprintf("its generation is %d; the application wants %d", config.GenerationCounter, ref.GenerationCounter),
			Where: fmt.Sprintf("volume %q", config.DisplayName), When: f.now,
		}
	case told && v.GenerationCounter == ref.GenerationCounter:
		status.State, problem = v.State, v.Problem
	}
	w.part(status.State, problem)
	return status, types.DomainVolume{
		VolumeID: ref.VolumeID, GenerationCounter: ref.GenerationCounter,
		Path: v.Path, MountDir: ref.MountDir, ReadOnly: v.ReadOnly,
	}
}

func (f *facts) appNetwork(n types.AppNetAdapterConfig, w *waiting) types.AppNetworkStatus {
	instance, ok := f.instances[n.NetworkID]
	status := types.AppNetworkStatus{
		Name: n.Name, NetworkID: n.NetworkID, DisplayName: instance.DisplayName, Ready: ok && instance.Activate,
	}
	where := fmt.Sprintf("network interface %q", n.Name)
	switch {
	case !ok:
		w.part(types.StateAwaitingNetwork, types.Problem{
			What: fmt.Sprintf("its network instance %q is not configured", n.NetworkID), Where: where, When: f.now,
		})
	case !instance.Activate:
		w.part(types.StateAwaitingNetwork, types.Problem{
			What: fmt.Sprintf("its network instance %q is switched off", instance.DisplayName), Where: where, When: f.now,
		})
	default:
		status.Uplinks = f.uplinks(instance.PortLabel)
	}
	return status
}

// uplinks are the ports that a label selects and that work, in order.
func (f *facts) uplinks(label string) []string {
	var up []string
	for _, name := range slices.Sorted(maps.Keys(f.ports)) {
		if label != "" && selects(label, f.ports[name]) && f.portStatus[name].Up {
			up = append(up, name)
		}
	}
	return up
}

// selects reports whether a label names a port, or a group of ports that it is
// in. "all", "uplink" and "freeuplink" are the labels that every device has.
func selects(label string, p types.NetworkPortConfig) bool {
	switch label {
	case p.LogicalLabel, "all":
		return true
	case "uplink":
		return p.IsMgmt
	case "freeuplink":
		return p.IsMgmt && p.Cost == 0
	}
	return slices.Contains(p.SharedLabels, label)
}

// state is the application's as a whole.
func (f *facts) state(status *types.AppInstanceStatus, asked bool, w waiting) {
	domain, there := f.domains[status.UUID]
	status.PID, status.StartedAt = domain.PID, domain.StartedAt
	switch {
	case asked && there:
		status.State = domain.State
	case asked:
		status.State = types.StateBooting
	case there:
		status.State = types.StateHalting
	case !status.Wanted:
		status.State = types.StateHalted
	case w.ready():
		status.State = types.StateBooting
	default:
		status.State = w.state
	}
}

// problem is the one that matters most: what keeps the process from running,
// then what its parts lack, then what is odd about its configuration.
func (f *facts) problem(app types.AppInstanceConfig, state types.SwState, w waiting) types.Problem {
	if domain := f.domains[app.UUID].Problem; domain.What != "" && state != types.StateRunning {
		return domain
	}
	if w.problem.What != "" {
		return w.problem
	}
	if app.Error != "" {
		return types.Problem{What: app.Error, Where: fmt.Sprintf("configuration of application %q", app.DisplayName), When: f.now}
	}
	return types.Problem{}
}

// leaving are the applications that are not configured any more: they have a
// status until no process of theirs is left, also when domainmgr's word of it
// came after the request was withdrawn.
func (f *facts) leaving(p *plan) {
	for id, status := range f.statuses {
		if _, configured := f.apps[id]; !configured && !f.domainsTold {
			p.statuses[id] = left(status, types.DomainStatus{})
		}
	}
	for id, domain := range f.domains {
		if _, configured := f.apps[id]; configured {
			continue
		}
		status, ok := f.statuses[id]
		if !ok {
			status = types.AppInstanceStatus{UUID: id, DisplayName: domain.DisplayName, StartedAt: domain.StartedAt}
		}
		status.PID = domain.PID
		p.statuses[id] = left(status, domain)
	}
}

// left is the status of an application that is not wanted any more.
func left(status types.AppInstanceStatus, domain types.DomainStatus) types.AppInstanceStatus {
	status.Wanted, status.State, status.Problem = false, types.StateHalting, domain.Problem
	return status
}

// hold says which volumes are in use: those of what shall run, and those of what
// still does.
func (f *facts) hold(p *plan) {
	users := map[string]map[string]bool{} // by volume key
	uses := map[string]types.VolumeUse{}
	add := func(app, id string, generation int64) {
		key := types.VolumeKey(id, generation)
		if users[key] == nil {
			users[key] = map[string]bool{}
		}
		users[key][app] = true
		uses[key] = types.VolumeUse{VolumeID: id, GenerationCounter: generation}
	}
	for app, request := range p.requests {
		for _, v := range request.Volumes {
			add(app, v.VolumeID, v.GenerationCounter)
		}
	}
	for app, domain := range f.domains {
		for _, v := range domain.Running.Volumes {
			add(app, v.VolumeID, v.GenerationCounter)
		}
	}
	if !f.domainsTold {
		for _, use := range f.uses {
			for _, app := range use.Apps {
				add(app, use.VolumeID, use.GenerationCounter)
			}
		}
	}
	for key, use := range uses {
		use.Apps = slices.Sorted(maps.Keys(users[key]))
		p.uses[key] = use
	}
}
