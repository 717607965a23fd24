package diag_test

import (
	"time"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/wire"
)

// noon is when the tests look.
var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

// Ids of the configuration beside zedagent.
const (
	labelReader = "000000c3-6e6b-4d65-8d6f-000000000001"
	collector   = "000000c3-6e6b-4d65-8d6f-000000000002"
	dashboard   = "000000c3-6e6b-4d65-8d6f-000000000003"

	readerRoot    = "000000d4-6e6b-4d65-8d6f-000000000001"
	models        = "000000d4-6e6b-4d65-8d6f-000000000002"
	collectorRoot = "000000d4-6e6b-4d65-8d6f-000000000003"
	dashboardRoot = "000000d4-6e6b-4d65-8d6f-000000000004"

	readerImage    = "000000e5-6e6b-4d65-8d6f-000000000001"
	collectorImage = "000000e5-6e6b-4d65-8d6f-000000000002"
	dashboardImage = "000000e5-6e6b-4d65-8d6f-000000000003"
)

const mebi = 1 << 20

// request is a download's request.
func request(name string) types.DownloaderConfig { return types.DownloaderConfig{DisplayName: name} }

// workload fills in how content, volumes and applications stand: each state
// that a person should know occurs.
func workload(m *diag.Model) {
	m.Now = func() time.Time { return noon }
	downloads(m)
	refused := m.Downloads[collectorImage].Problem
	m.ContentStatus = map[string]types.ContentTreeStatus{
		readerImage:    {ContentID: readerImage, DisplayName: "label-reader 4.2", State: types.StateLoaded, SizeBytes: 900 * mebi, Path: "/persist/reader"},
		collectorImage: {ContentID: collectorImage, DisplayName: "collector 1.9.0", State: types.StateError, Problem: refused},
		dashboardImage: {ContentID: dashboardImage, DisplayName: "dashboard 2.0.1", State: types.StateDownloading},
		"e5-verifying": {ContentID: "e5-verifying", DisplayName: "firmware 7", State: types.StateVerifying},
	}
	m.VolumeStatus = map[string]types.VolumeStatus{
		readerRoot:    {VolumeID: readerRoot, DisplayName: "label-reader root", ContentID: readerImage, State: types.StateCreatedVolume, SizeBytes: 20 << 30},
		models:        {VolumeID: models, DisplayName: "models", State: types.StateCreatingVolume},
		collectorRoot: {VolumeID: collectorRoot, DisplayName: "collector root", ContentID: collectorImage, State: types.StateError, Problem: refused},
		dashboardRoot: {VolumeID: dashboardRoot, DisplayName: "dashboard root", ContentID: dashboardImage, State: types.StateDownloading},
		"d4-old": {VolumeID: "d4-old", DisplayName: "archive", State: types.StateError,
			Problem: types.Problem{What: "no space left on device", Where: `volume "archive"`, When: noon.Add(-50 * time.Hour)}},
	}
	applications(m, refused)
	m.Led[types.StatusKey] = types.LedStatus{Blinks: 3, Meaning: "connected to the controller, an application is in error", File: "/run/led", Error: "/run/led: permission denied"}
	m.Survey = survey()
}

// downloads has one of each state.
func downloads(m *diag.Model) {
	m.Downloads = map[string]types.DownloaderStatus{
		readerImage: {Request: request("label-reader 4.2"), State: types.DownloadComplete, URL: "https://images.plant.example/edge/label-reader-4.2.qcow2",
			TotalBytes: 900 * mebi, CurrentBytes: 900 * mebi},
		collectorImage: {Request: request("collector 1.9.0"), State: types.DownloadFailed, URL: "https://who:hunter2@registry.plant.example/v2/blob?sig=hunter2",
			TotalBytes: 40 * mebi, CurrentBytes: 10 * mebi, Failures: 3, RetryAt: noon.Add(12 * time.Second),
			Problem: types.Problem{What: "the server answers 404 Not Found", Where: `content tree "collector 1.9.0", https://who:hunter2@registry.plant.example`,
				When: noon.Add(-90 * time.Second)}},
		dashboardImage: {Request: request("dashboard 2.0.1"), State: types.DownloadRunning, TotalBytes: 2411724, CurrentBytes: 1258291, ResumedBytes: 524288},
		"e5-queued":    {Request: request("models 12"), State: types.DownloadQueued},
		"e5-partly":    {Request: request("models 11"), State: types.DownloadQueued, TotalBytes: 8 * mebi, CurrentBytes: 2 * mebi},
		"e5-unknown":   {State: types.DownloadRunning, CurrentBytes: 700},
	}
	m.Speeds[dashboardImage] = &diag.Speed{}
	for i := range int64(4) {
		m.Speeds[dashboardImage].Add(noon.Add(time.Duration(i-4)*time.Second), 1258291-(3-i)*524288)
	}
}

func applications(m *diag.Model, refused types.Problem) {
	for id, app := range map[string]types.AppInstanceConfig{
		"c3-restarting": {DisplayName: "edge-proxy", Activate: true, FixedResources: types.VMConfig{VCPUs: 1, MemoryKiB: 65536}},
		"c3-silent":     {DisplayName: "mail relay", Activate: true},
		"c3-failed":     {DisplayName: "scanner", Activate: true, Error: `its volume "x" is not configured`},
	} {
		m.Apps[id] = app
	}
	ended := types.Problem{What: "it ended with exit code 3", Where: `application "edge-proxy"`, When: noon.Add(-12 * time.Second)}
	m.Domains = map[string]types.DomainStatus{
		labelReader:     {State: types.StateRunning, PID: 4711, Starts: 1},
		"c3-restarting": {State: types.StateRestarting, Starts: 5, Failures: 2, RestartAt: noon.Add(2500 * time.Millisecond), Problem: ended},
		"c3-failed":     {State: types.StateError, Starts: 1, Failures: 9, RestartAt: noon.Add(5 * time.Minute)},
		"c3-orphan":     {DisplayName: "orphan", State: types.StateRunning, PID: 99},
	}
	m.Metrics[labelReader] = types.DomainMetric{PID: 4711, CPUNanoseconds: 72e9, ResidentBytes: 191 * mebi, Sampled: noon.Add(-time.Second)}
	m.EarlierMetrics[labelReader] = types.DomainMetric{PID: 4711, CPUNanoseconds: 71e9, Sampled: noon.Add(-11 * time.Second)}
	m.AppStatus = map[string]types.AppInstanceStatus{
		labelReader: {DisplayName: "label-reader", Wanted: true, State: types.StateRunning, PID: 4711, StartedAt: noon.Add(-time.Hour),
			Volumes:  []types.AppVolumeStatus{{VolumeID: readerRoot, DisplayName: "label-reader root", State: types.StateCreatedVolume}, {VolumeID: models, State: types.StateCreatingVolume}},
			Networks: []types.AppNetworkStatus{{Name: "eth0", DisplayName: "apps", Ready: true, Uplinks: []string{"uplink"}}, {Name: "cam", DisplayName: "cameras"}}},
		collector: {DisplayName: "data collector", Wanted: true, State: types.StateError, Problem: refused,
			Volumes: []types.AppVolumeStatus{{VolumeID: collectorRoot, DisplayName: "collector root", State: types.StateError}}},
		dashboard: {DisplayName: "dashboard", Wanted: true, State: types.StateDownloading,
			Volumes:  []types.AppVolumeStatus{{VolumeID: dashboardRoot, DisplayName: "dashboard root", State: types.StateDownloading}},
			Networks: []types.AppNetworkStatus{{Name: "eth0", DisplayName: "apps", Ready: true}}},
		"c3-restarting": {DisplayName: "edge-proxy", Wanted: true, State: types.StateRestarting, Problem: ended},
		"c3-failed":     {DisplayName: "scanner", Wanted: true, State: types.StateError},
		"c3-leaving":    {DisplayName: "old panel", State: types.StateHalting},
	}
}

// survey is what traces of two tables say: an agent that is well, one that is
// behind, one that is silent, and an owner that is gone.
func survey() diag.Survey {
	state := func(pattern string, handled uint64, pending int, errors uint64) *wire.SubscriptionState {
		return &wire.SubscriptionState{Pattern: pattern, Handled: map[string]uint64{"zedagent.ConfigItem": handled, "nim.NetworkPortStatus": handled},
			Pending: pending, Errors: errors, Synchronized: true}
	}
	return diag.Survey{
		At: noon.Add(-12 * time.Second), Left: 1, Error: "forbidden",
		Traces: []wire.TraceAnswer{
			{Table: wire.TableInfo{Table: "nim.NetworkPortStatus", Head: 10}, Owner: &wire.Owner{Agent: "nim"}, Listeners: []wire.Listener{
				{Agent: "diag", Connection: 7, Subject: "nkv.v1.event.nim.NetworkPortStatus.*", RTT: 1300 * time.Microsecond, State: state("nim.NetworkPortStatus", 10, 0, 0)},
				{Agent: "backup", Connection: 9, Subject: "nkv.v1.event.>", RTT: 300 * time.Microsecond, State: state(">", 10, 4, 0)},
			}},
			{Table: wire.TableInfo{Table: "zedagent.ConfigItem", Head: 20}, Owner: &wire.Owner{Agent: "zedagent", Connection: 3}, Listeners: []wire.Listener{
				{Agent: "backup", Connection: 9, Subject: "nkv.v1.event.>", RTT: 350 * time.Microsecond, State: state(">", 10, 4, 0)},
				{Agent: "diag", Connection: 7, Subject: "nkv.v1.event.zedagent.ConfigItem.*", RTT: 1200 * time.Microsecond, State: state("zedagent.ConfigItem", 20, 0, 0)},
				{Agent: "downloader", Connection: 8, Subject: "nkv.v1.event.zedagent.ConfigItem.*", RTT: 210 * time.Microsecond, State: state("zedagent.ConfigItem", 20, 0, 2), Differs: true},
				{Connection: 12, Subject: "nkv.v1.event.zedagent.>"},
			}},
		},
	}
}
