package diag

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"strconv"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// AppTotalsDoc counts the applications.
type AppTotalsDoc struct {
	Configured int `json:"configured"`
	// Wanted are those that shall run, and Running those of them that do.
	Wanted  int `json:"wanted"`
	Running int `json:"running"`
	// Errors are those in state ERROR, wanted or not.
	Errors int `json:"errors"`
	// Unknown are those that zedmanager has not spoken about yet.
	Unknown int `json:"unknown"`
}

// AppDoc is one application: what is wanted and what is there.
type AppDoc struct {
	UUID      string   `json:"uuid"`
	Name      string   `json:"name"`
	Active    bool     `json:"active"`
	VCPUs     uint32   `json:"vcpus"`
	MemoryKiB int64    `json:"memoryKiB"`
	Networks  []string `json:"networks"`
	Volumes   []string `json:"volumes"`
	Hardware  []string `json:"hardware"`
	// Configured is false for an application that is not wanted any more and
	// still has to end.
	Configured bool `json:"configured"`
	// Wanted says that it shall run.
	Wanted bool `json:"wanted"`
	// State is empty until zedmanager has published the application's status.
	State types.SwState `json:"state"`
	// RestartAt is when it is started again; left out when it is not to be.
	RestartAt time.Time `json:"restartAt,omitzero"`
	// PID is its process; 0: there is none.
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	// CPUPercent is the part of one processor that it used between the last two
	// samples; left out until there are two.
	CPUPercent *float64 `json:"cpuPercent,omitempty"`
	// CPUNanoseconds is the processor time that its process has used.
	CPUNanoseconds uint64 `json:"cpuNanoseconds"`
	// ResidentBytes is its memory in use; 0: not known.
	ResidentBytes uint64    `json:"residentBytes"`
	Sampled       time.Time `json:"sampled,omitzero"`
	// Starts counts its processes, and Failures how often it failed in a row.
	Starts   uint32 `json:"starts"`
	Failures uint32 `json:"failures"`
	// Download is what is fetched for its volumes.
	Download      ProgressDoc     `json:"download"`
	NetworkStates []AppNetworkDoc `json:"networkStates"`
	VolumeStates  []AppVolumeDoc  `json:"volumeStates"`
	Problem       ProblemDoc      `json:"problem"`
	// Error is what is wrong with it, or with its configuration.
	Error string `json:"error"`
}

// AppNetworkDoc is a network interface of an application.
type AppNetworkDoc struct {
	Name      string   `json:"name"`
	NetworkID string   `json:"networkId"`
	Network   string   `json:"network"`
	Ready     bool     `json:"ready"`
	Uplinks   []string `json:"uplinks"`
}

// AppVolumeDoc is a volume of an application.
type AppVolumeDoc struct {
	UUID  string        `json:"uuid"`
	Name  string        `json:"name"`
	State types.SwState `json:"state"`
}

func (m *Model) appDocs() []AppDoc {
	keys := union(m.Apps, m.AppStatus)
	maps.Copy(keys, union(m.Domains, m.AppStatus))
	return sorted(keys, m.appDoc, func(d AppDoc) string { return d.Name })
}

func (m *Model) appDoc(key string, _ bool) AppDoc {
	a, configured := m.Apps[key]
	s, known := m.AppStatus[key]
	d := m.Domains[key]
	doc := AppDoc{
		UUID: key, Name: cmp.Or(a.DisplayName, s.DisplayName, d.DisplayName), Active: a.Activate,
		VCPUs: a.FixedResources.VCPUs, MemoryKiB: a.FixedResources.MemoryKiB,
		Networks: []string{}, Volumes: []string{}, Hardware: []string{},
		Configured: configured, Wanted: a.Activate, State: s.State, Problem: problemDoc(s.Problem),
		RestartAt: d.RestartAt, PID: max(cmp.Or(s.PID, d.PID), 0), StartedAt: s.StartedAt, Starts: d.Starts, Failures: d.Failures,
		NetworkStates: []AppNetworkDoc{}, VolumeStates: []AppVolumeDoc{},
	}
	switch {
	case known:
		doc.Wanted = s.Wanted
	case !configured: // only domainmgr still knows it
		doc.State, doc.StartedAt, doc.Problem = d.State, d.StartedAt, problemDoc(d.Problem)
	}
	doc.Error = both(doc.Problem, a.Error)
	doc.parts(m, a)
	for _, n := range s.Networks {
		doc.NetworkStates = append(doc.NetworkStates, AppNetworkDoc{
			Name: n.Name, NetworkID: n.NetworkID, Ready: n.Ready, Uplinks: list(n.Uplinks),
			Network: cmp.Or(n.DisplayName, m.NetworkInstances[n.NetworkID].DisplayName, n.NetworkID),
		})
	}
	var contents []string
	for _, v := range s.Volumes {
		doc.VolumeStates = append(doc.VolumeStates, AppVolumeDoc{
			UUID: v.VolumeID, State: v.State,
			Name: cmp.Or(v.DisplayName, m.volumeName(v.VolumeID), v.VolumeID),
		})
		contents = append(contents, cmp.Or(m.VolumeStatus[v.VolumeID].ContentID, m.Volumes[v.VolumeID].ContentID))
	}
	doc.Download = m.progress(contents...)
	doc.usage(m, key)
	return doc
}

func (m *Model) volumeName(id string) string {
	return cmp.Or(m.Volumes[id].DisplayName, m.VolumeStatus[id].DisplayName)
}

// parts names the parts that the configuration gives to an application.
func (d *AppDoc) parts(m *Model, a types.AppInstanceConfig) {
	for _, i := range a.NetworkAdapters {
		d.Networks = append(d.Networks, cmp.Or(m.NetworkInstances[i.NetworkID].DisplayName, i.NetworkID))
	}
	for _, v := range a.VolumeRefs {
		d.Volumes = append(d.Volumes, cmp.Or(m.volumeName(v.VolumeID), v.VolumeID))
	}
	for _, io := range a.IOAdapters {
		d.Hardware = append(d.Hardware, io.Name)
	}
}

// usage says what an application's process uses. Samples of another process are
// not about it.
func (d *AppDoc) usage(m *Model, key string) {
	now, before := m.Metrics[key], m.EarlierMetrics[key]
	if d.PID == 0 || now.PID != d.PID {
		return
	}
	d.CPUNanoseconds, d.ResidentBytes, d.Sampled = now.CPUNanoseconds, now.ResidentBytes, now.Sampled
	took := now.Sampled.Sub(before.Sampled)
	if before.PID != now.PID || took <= 0 || now.CPUNanoseconds < before.CPUNanoseconds {
		return
	}
	percent := float64(now.CPUNanoseconds-before.CPUNanoseconds) / float64(took) * 100
	percent = math.Round(percent*10) / 10
	d.CPUPercent = &percent
}

func appTotals(apps []AppDoc) AppTotalsDoc {
	var sum AppTotalsDoc
	for _, a := range apps {
		switch {
		case a.State == "":
			sum.Unknown++
		case a.State == types.StateError:
			sum.Errors++
		case a.State == types.StateRunning && a.Wanted:
			sum.Running++
		}
		if a.Wanted {
			sum.Wanted++
		}
		if a.Configured {
			sum.Configured++
		}
	}
	return sum
}

// appHeadline sums up the applications.
func (d Document) appHeadline() cell {
	t := d.AppTotals
	switch {
	case len(d.Apps) == 0:
		return cell{"no applications", faint}
	case t.Unknown == len(d.Apps):
		return cell{count(len(d.Apps), "application", "applications") + ": zedmanager has not published yet", bad}
	}
	c := cell{fmt.Sprintf("applications %d of %d wanted run", t.Running, t.Wanted), good}
	if t.Errors > 0 {
		c.text += fmt.Sprintf(", %d in error", t.Errors)
	}
	if t.Unknown > 0 {
		c.text += fmt.Sprintf(", %d unknown", t.Unknown)
	}
	switch {
	case t.Errors > 0:
		c.style = bad
	case t.Running < t.Wanted:
		c.style = busy
	}
	return c
}

func (d Document) appState(a AppDoc) cell {
	c := words(a.State)
	switch a.State {
	case types.StateDownloading:
		return stateOf(a.State, a.Download, a.Configured)
	case types.StateRestarting:
		c.text += d.in(a.RestartAt)
	case types.StateError:
		if in := d.in(a.RestartAt); in != "" {
			c.text += ", again" + in
		}
	case types.StateHalted:
		if a.Wanted {
			c.style = busy
		}
	}
	if !a.Configured {
		c.text += ", removed"
	}
	return c
}

func (a AppDoc) cpu() cell {
	of := ""
	if a.VCPUs > 0 {
		of = fmt.Sprintf("/%d", a.VCPUs)
	}
	if a.CPUPercent == nil {
		return cell{"-" + of, faint}
	}
	return text(strconv.FormatFloat(*a.CPUPercent, 'f', 0, 64) + " %" + of)
}

func (a AppDoc) memory() cell {
	wanted := ""
	if a.MemoryKiB > 0 {
		wanted = "/" + size(plus(0, a.MemoryKiB)*1024).text
	}
	if a.ResidentBytes == 0 {
		return cell{"-" + wanted, faint}
	}
	f, unit := inUnit(clamped(a.ResidentBytes))
	return text(strconv.FormatFloat(f, 'f', 0, 64) + " " + unit + wanted)
}

func (a AppDoc) restarts() cell {
	c := number(int64(max(a.Starts, 1) - 1))
	if a.Failures > 0 {
		c = cell{fmt.Sprintf("%s (%d failed)", c.text, a.Failures), busy}
	}
	return c
}

// process is a cell about the process: nothing when there is none.
func (a AppDoc) process(text string) cell {
	if a.PID == 0 {
		return cell{"-", faint}
	}
	return cell{text: text}
}

func (a AppDoc) networks() cell {
	if len(a.NetworkStates) == 0 {
		return join(a.Networks)
	}
	var names []string
	c := cell{}
	for _, n := range a.NetworkStates {
		name := n.Network
		switch {
		case !n.Ready:
			name += " (not ready)"
			c.style = busy
		case len(n.Uplinks) > 0:
			name += " via " + join(n.Uplinks).text
		}
		names = append(names, name)
	}
	c.text = join(names).text
	return c
}

func (a AppDoc) volumes() cell {
	if len(a.VolumeStates) == 0 {
		return join(a.Volumes)
	}
	var names []string
	c := cell{}
	for _, v := range a.VolumeStates {
		name := v.Name
		if v.State != types.StateCreatedVolume {
			state := words(v.State)
			name += " (" + state.text + ")"
			c.style = max(c.style, state.style)
		}
		names = append(names, name)
	}
	c.text = join(names).text
	return c
}

func (d Document) appSection(live bool) table {
	t := table{title: "Applications",
		header: []string{"NAME", "STATE", "CPU", "MEMORY", "PID", "RESTARTS", "NETWORKS", "VOLUMES", "HARDWARE", "CPU TIME", "STATUS"}}
	for _, a := range d.Apps {
		t.add(text(cmp.Or(a.Name, a.UUID)), d.appState(a), a.cpu(), a.memory(), a.process(strconv.Itoa(a.PID)), a.restarts(),
			a.networks(), a.volumes(), join(a.Hardware),
			a.process(time.Duration(clamped(a.CPUNanoseconds)).Round(100*time.Millisecond).String()),
			d.troubleSince(a.Error, a.Problem, live))
	}
	return t
}
