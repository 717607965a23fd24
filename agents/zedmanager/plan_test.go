package zedmanager

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/types"
)

var (
	boot = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	late = boot.Add(time.Hour)
)

// ready is a device with one application whose parts are all there.
func ready() *facts {
	return &facts{
		apps: map[string]types.AppInstanceConfig{"app": {
			UUID: "app", DisplayName: "reader", Activate: true,
			FixedResources:  types.VMConfig{VCPUs: 2, MemoryKiB: 1024},
			VolumeRefs:      []types.VolumeRefConfig{{VolumeID: "v1", GenerationCounter: 1, MountDir: "/"}},
			NetworkAdapters: []types.AppNetAdapterConfig{{Name: "lan", NetworkID: "n1"}},
			RestartCounter:  3, PurgeCounter: 1,
		}},
		instances:    map[string]types.NetworkInstanceConfig{"n1": {UUID: "n1", DisplayName: "apps", Activate: true, PortLabel: "internet"}},
		volumeConfig: map[string]types.VolumeConfig{"v1": {VolumeID: "v1", DisplayName: "root", GenerationCounter: 1}},
		volumes: map[string]types.VolumeStatus{"v1": {
			VolumeID: "v1", GenerationCounter: 1, State: types.StateCreatedVolume, Path: "/v1", ReadOnly: true,
		}},
		ports:       map[string]types.NetworkPortConfig{"eth0": {LogicalLabel: "eth0", SharedLabels: []string{"internet"}}, "eth1": {LogicalLabel: "eth1"}},
		portStatus:  map[string]types.NetworkPortStatus{"eth0": {Up: true}, "eth1": {Up: true}},
		domains:     map[string]types.DomainStatus{},
		volumesTold: true, domainsTold: true,
		up: time.Hour, now: late,
	}
}

// request is what ready asks for.
func request() types.DomainConfig {
	return types.DomainConfig{
		UUID: "app", DisplayName: "reader", VCPUs: 2, MemoryKiB: 1024,
		Volumes:        []types.DomainVolume{{VolumeID: "v1", GenerationCounter: 1, Path: "/v1", MountDir: "/", ReadOnly: true}},
		Networks:       []types.DomainNetwork{{Name: "lan", NetworkID: "n1"}},
		RestartCounter: 4,
	}
}

// running is ready, with its process.
func running() *facts {
	f := ready()
	f.requests = map[string]types.DomainConfig{"app": request()}
	f.domains["app"] = types.DomainStatus{UUID: "app", State: types.StateRunning, PID: 17, Running: request()}
	return f
}

func TestWhatIsReadyIsAskedFor(t *testing.T) {
	p := ready().plan()
	if diff := cmp.Diff(map[string]types.DomainConfig{"app": request()}, p.requests); diff != "" {
		t.Errorf("requests: %s", diff)
	}
	if diff := cmp.Diff(map[string]types.VolumeUse{"v1#1": {VolumeID: "v1", GenerationCounter: 1, Apps: []string{"app"}}}, p.uses); diff != "" {
		t.Errorf("uses: %s", diff)
	}
	want := types.AppInstanceStatus{
		UUID: "app", DisplayName: "reader", Wanted: true, State: types.StateBooting,
		Volumes:  []types.AppVolumeStatus{{VolumeID: "v1", DisplayName: "root", GenerationCounter: 1, State: types.StateCreatedVolume}},
		Networks: []types.AppNetworkStatus{{Name: "lan", NetworkID: "n1", DisplayName: "apps", Ready: true, Uplinks: []string{"eth0"}}},
	}
	if diff := cmp.Diff(want, p.statuses["app"]); diff != "" {
		t.Errorf("status: %s", diff)
	}
}

func TestStates(t *testing.T) {
	sick := types.Problem{What: "no answer", Where: `content tree "x"`, When: boot}
	app := func(f *facts, change func(*types.AppInstanceConfig)) {
		a := f.apps["app"]
		change(&a)
		f.apps["app"] = a
	}
	volume := func(state types.SwState, p types.Problem) func(*facts) {
		return func(f *facts) {
			v := f.volumes["v1"]
			v.State, v.Problem = state, p
			f.volumes["v1"] = v
		}
	}
	for _, test := range []struct {
		name    string
		facts   *facts
		change  func(f *facts)
		state   types.SwState
		problem string
		asked   bool
	}{
		{"downloading", ready(), volume(types.StateDownloading, types.Problem{}), types.StateDownloading, "", false},
		{"volume in error", ready(), volume(types.StateError, sick), types.StateError, `content tree "x": no answer`, false},
		{"volume unknown yet", ready(), func(f *facts) { clear(f.volumes) }, types.StateInitial, "", false},
		{"volume not configured", ready(), func(f *facts) { clear(f.volumeConfig) }, types.StateError, `volume "v1": the volume is not configured`, false},
		{"other generation wanted", ready(), func(f *facts) {
			f.volumeConfig["v1"] = types.VolumeConfig{VolumeID: "v1", DisplayName: "root", GenerationCounter: 2}
		}, types.StateError, `volume "root": its generation is 2; the application wants 1`, false},
		{"generation on its way", ready(), func(f *facts) {
			f.volumes["v1"] = types.VolumeStatus{VolumeID: "v1", State: types.StateCreatedVolume, Path: "/old"}
		}, types.StateInitial, "", false},
		{"no network", ready(), func(f *facts) { clear(f.instances) }, types.StateAwaitingNetwork,
			`network interface "lan": its network instance "n1" is not configured`, false},
		{"network switched off", ready(), func(f *facts) { f.instances["n1"] = types.NetworkInstanceConfig{DisplayName: "apps"} },
			types.StateAwaitingNetwork, `network interface "lan": its network instance "apps" is switched off`, false},
		{"start delay", ready(), func(f *facts) {
			app(f, func(a *types.AppInstanceConfig) { a.StartDelaySeconds = 10 })
			f.up = 9 * time.Second
		}, types.StateStartDelayed, "", false},
		{"start delay is over", ready(), func(f *facts) {
			app(f, func(a *types.AppInstanceConfig) { a.StartDelaySeconds = 10 })
			f.up = 10 * time.Second
		}, types.StateBooting, "", true},
		{"switched off", ready(), func(f *facts) { app(f, func(a *types.AppInstanceConfig) { a.Activate = false }) }, types.StateHalted, "", false},
		{"running", running(), func(*facts) {}, types.StateRunning, "", true},
		{"running, an old problem of the process", running(), func(f *facts) {
			d := f.domains["app"]
			d.Problem = types.Problem{What: "exited", When: boot}
			f.domains["app"] = d
		}, types.StateRunning, "", true},
		{"running, odd configuration", running(), func(f *facts) { app(f, func(a *types.AppInstanceConfig) { a.Error = "no such adapter" }) },
			types.StateRunning, `configuration of application "reader": no such adapter`, true},
		{"dead", running(), func(f *facts) {
			f.domains["app"] = types.DomainStatus{State: types.StateRestarting, Problem: types.Problem{What: "exited", Where: `application "reader"`, When: boot}}
		}, types.StateRestarting, `application "reader": exited`, true},
		{"runs on while its volume is made anew", running(), volume(types.StateCreatingVolume, types.Problem{}), types.StateRunning, "", true},
		{"runs on while its network is away", running(), func(f *facts) { clear(f.instances) }, types.StateRunning,
			`network interface "lan": its network instance "n1" is not configured`, true},
		{"halting", running(), func(f *facts) { app(f, func(a *types.AppInstanceConfig) { a.Activate = false }) }, types.StateHalting, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.change(test.facts)
			p := test.facts.plan()
			status := p.statuses["app"]
			_, asked := p.requests["app"]
			if status.State != test.state || status.Problem.String() != test.problem || asked != test.asked {
				t.Errorf("state %s, problem %q, asked for: %t", status.State, status.Problem, asked)
			}
			if (status.Problem.What == "") != status.Problem.When.IsZero() {
				t.Errorf("the problem's time is %s", status.Problem.When)
			}
		})
	}
}

func TestAProblemKeepsItsTime(t *testing.T) {
	f := ready()
	clear(f.instances)
	f.statuses = f.plan().statuses
	f.now = late.Add(time.Hour)
	if when := f.plan().statuses["app"].Problem.When; !when.Equal(late) {
		t.Errorf("the problem is of %s; it was found at %s", when, late)
	}
}

// TestAnAppThatLeavesHoldsItsVolumes: until no process is left.
func TestAnAppThatLeavesHoldsItsVolumes(t *testing.T) {
	f := running()
	f.statuses = f.plan().statuses
	clear(f.apps)
	p := f.plan()
	if len(p.requests) != 0 || p.statuses["app"].State != types.StateHalting || p.statuses["app"].Wanted || len(p.uses) != 1 {
		t.Errorf("while it ends: %+v", p)
	}
	clear(f.domains)
	if p := f.plan(); len(p.statuses) != 0 || len(p.uses) != 0 {
		t.Errorf("when it has ended: %+v", p)
	}
}

// TestAChangedAppMovesWhenItsNewPartsAreThere: both generations are held
// meanwhile.
func TestAChangedAppMovesWhenItsNewPartsAreThere(t *testing.T) {
	f := running()
	a := f.apps["app"]
	a.VolumeRefs[0].GenerationCounter = 2
	f.volumeConfig["v1"] = types.VolumeConfig{VolumeID: "v1", GenerationCounter: 2}
	p := f.plan()
	if diff := cmp.Diff(request(), p.requests["app"]); diff != "" {
		t.Errorf("it does not run on: %s", diff)
	}
	f.volumes["v1"] = types.VolumeStatus{VolumeID: "v1", GenerationCounter: 2, State: types.StateCreatedVolume, Path: "/v2"}
	p = f.plan()
	if v := p.requests["app"].Volumes[0]; v.Path != "/v2" || v.GenerationCounter != 2 {
		t.Errorf("it does not move: %+v", v)
	}
	if len(p.uses) != 2 {
		t.Errorf("held are %v", p.uses)
	}
}

// TestWhatWasFoundStandsUntilTheOthersTell: a restart must not invent states.
func TestWhatWasFoundStandsUntilTheOthersTell(t *testing.T) {
	f := running()
	before := f.plan()
	f.statuses, f.uses = before.statuses, before.uses
	clear(f.volumes)
	clear(f.domains)
	f.volumesTold, f.domainsTold = false, false
	after := f.plan()
	if diff := cmp.Diff(before, after, cmp.AllowUnexported(plan{})); diff != "" {
		t.Error(diff)
	}
	clear(f.apps)
	gone := f.plan()
	if len(gone.requests) != 0 || gone.statuses["app"].State != types.StateHalting || len(gone.uses) != 1 {
		t.Errorf("an application that was removed meanwhile: %+v", gone)
	}
}

// TestTheKeyCounts: anyone may have published a value whose id is another.
func TestTheKeyCounts(t *testing.T) {
	f := running()
	app := f.apps["app"]
	app.UUID = "other"
	f.apps["app"] = app
	f.statuses = f.plan().statuses
	p := f.plan()
	if s := p.statuses["app"]; len(p.statuses) != 1 || s.UUID != "app" || s.State != types.StateRunning || p.requests["app"].UUID != "app" {
		t.Errorf("%+v", p)
	}
}

// TestAProcessThatIsToldOfTooLate: its application left before domainmgr had said
// that it runs.
func TestAProcessThatIsToldOfTooLate(t *testing.T) {
	f := running()
	clear(f.apps)
	clear(f.requests)
	p := f.plan()
	if s := p.statuses["app"]; s.State != types.StateHalting || s.Wanted || s.PID != 17 || len(p.uses) != 1 {
		t.Errorf("%+v", p)
	}
}

// TestAnEmptyIDInAVolumesStatus is a status all the same.
func TestAnEmptyIDInAVolumesStatus(t *testing.T) {
	f := ready()
	v := f.volumes["v1"]
	v.VolumeID = ""
	f.volumes["v1"] = v
	if p := f.plan(); len(p.requests) != 1 {
		t.Errorf("%+v", p.statuses)
	}
}

func TestLabelsSelectPorts(t *testing.T) {
	for _, test := range []struct {
		label string
		port  types.NetworkPortConfig
		want  bool
	}{
		{"eth0", types.NetworkPortConfig{LogicalLabel: "eth0"}, true},
		{"eth0", types.NetworkPortConfig{LogicalLabel: "eth1"}, false},
		{"all", types.NetworkPortConfig{LogicalLabel: "eth1"}, true},
		{"uplink", types.NetworkPortConfig{IsMgmt: true, Cost: 5}, true},
		{"uplink", types.NetworkPortConfig{}, false},
		{"freeuplink", types.NetworkPortConfig{IsMgmt: true, Cost: 5}, false},
		{"freeuplink", types.NetworkPortConfig{IsMgmt: true}, true},
		{"plant", types.NetworkPortConfig{SharedLabels: []string{"x", "plant"}}, true},
	} {
		if got := selects(test.label, test.port); got != test.want {
			t.Errorf("%q selects %+v: %t", test.label, test.port, got)
		}
	}
}
