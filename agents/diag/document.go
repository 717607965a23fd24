package diag

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// Document is the device at one moment, as it is shown. Its JSON form is what
// diag prints with --once --json. Every list is in a fixed order and never
// null.
type Document struct {
	// At is the moment.
	At               time.Time         `json:"at"`
	Device           DeviceDoc         `json:"device"`
	Configuration    ConfigurationDoc  `json:"configuration"`
	Network          NetworkStateDoc   `json:"network"`
	Light            LightDoc          `json:"light"`
	AppTotals        AppTotalsDoc      `json:"appTotals"`
	DownloadTotals   DownloadTotalsDoc `json:"downloadTotals"`
	Ports            []PortDoc         `json:"ports"`
	Adapters         []AdapterDoc      `json:"adapters"`
	Networks         []NetworkDoc      `json:"networks"`
	NetworkInstances []InstanceDoc     `json:"networkInstances"`
	Apps             []AppDoc          `json:"apps"`
	Downloads        []DownloadDoc     `json:"downloads"`
	Volumes          []VolumeDoc       `json:"volumes"`
	ContentTrees     []ContentTreeDoc  `json:"contentTrees"`
	Datastores       []DatastoreDoc    `json:"datastores"`
	ConfigItems      map[string]string `json:"configItems"`
	Tables           []TableState      `json:"tables"`
	// Agents says how far each agent's subscriptions are.
	Agents []AgentDoc `json:"agents"`
	Survey SurveyDoc  `json:"survey"`
	// Problems are all that is wrong with the device, each once.
	Problems []ProblemDoc `json:"problems"`
	// Errors are the problems as texts, each with what it concerns.
	Errors []string `json:"errors"`
}

// DeviceDoc names the device.
type DeviceDoc struct {
	UUID string `json:"uuid"`
	Name string `json:"name"`
}

// ConfigurationDoc says where the configuration comes from.
type ConfigurationDoc struct {
	File          string                `json:"file"`
	State         types.ConfigFileState `json:"state"`
	Source        types.ConfigSource    `json:"source"`
	SHA256        string                `json:"sha256"`
	Error         string                `json:"error"`
	Warnings      []string              `json:"warnings"`
	UnknownFields int                   `json:"unknownFields"`
	LastLoad      time.Time             `json:"lastLoad"`
	// SavedSHA256 is the checksum of the configuration that a reboot without
	// a file would come up on.
	SavedSHA256 string `json:"savedSha256"`
}

// LightDoc is the device's light.
type LightDoc struct {
	// Blinks is how often it blinks before it pauses; 0: not known.
	Blinks  uint32 `json:"blinks"`
	Meaning string `json:"meaning"`
	File    string `json:"file"`
	Error   string `json:"error"`
}

// sorted returns what make makes of each value of a table, in the order of
// name and then key.
func sorted[T, D any](table map[string]T, make func(key string, v T) D, name func(D) string) []D {
	docs := []D{}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		docs = append(docs, make(key, table[key]))
	}
	slices.SortStableFunc(docs, func(a, b D) int { return cmp.Compare(name(a), name(b)) })
	return docs
}

// union returns the keys that occur in one of two tables or both.
func union[A, B any](a map[string]A, b map[string]B) map[string]bool {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

// list makes a nil list an empty one.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return slices.Clone(l)
}

// redacted is list for texts that may hold URLs.
func redacted(l []string) []string {
	out := []string{}
	for _, s := range l {
		out = append(out, redact(s))
	}
	return out
}

// Document returns the device as the model has it now. It shares no memory
// with the model.
func (m *Model) Document() Document {
	agent, light := m.ZedAgent[types.StatusKey], m.Led[types.StatusKey]
	doc := Document{
		At:     m.Now().UTC().Round(0),
		Device: DeviceDoc{UUID: agent.DeviceID, Name: agent.DeviceName},
		Configuration: ConfigurationDoc{
			File: agent.ConfigFile, State: agent.FileState, Source: agent.Source,
			SHA256: agent.ConfigSHA256, Error: redact(agent.Error), Warnings: redacted(agent.Warnings),
			UnknownFields: agent.UnknownFields, LastLoad: agent.LastLoad,
			SavedSHA256: m.LastGood[types.StatusKey].SHA256,
		},
		Network:          networkState(m.DeviceNetwork[types.StatusKey]),
		Light:            LightDoc{Blinks: light.Blinks, Meaning: light.Meaning, File: light.File, Error: light.Error},
		Ports:            m.portDocs(),
		Adapters:         m.adapterDocs(),
		Networks:         sorted(m.Networks, networkDoc, func(d NetworkDoc) string { return d.UUID }),
		NetworkInstances: sorted(m.NetworkInstances, m.instanceDoc, func(d InstanceDoc) string { return d.Name }),
		Apps:             m.appDocs(),
		Downloads:        sorted(m.Downloads, m.downloadDoc, func(d DownloadDoc) string { return d.Name }),
		Volumes:          m.volumeDocs(),
		ContentTrees:     m.contentDocs(),
		Datastores:       sorted(m.Datastores, datastoreDoc, func(d DatastoreDoc) string { return d.FQDN }),
		ConfigItems:      map[string]string{},
		Tables:           list(m.Tables),
		Agents:           m.Survey.agents(),
		Survey:           m.Survey.doc(),
	}
	for key, item := range m.ConfigItems {
		doc.ConfigItems[key] = redact(item.Value)
	}
	doc.AppTotals = appTotals(doc.Apps)
	doc.DownloadTotals = downloadTotals(doc.Downloads)
	doc.Problems = m.problems(&doc)
	doc.Errors = []string{}
	for _, p := range doc.Problems {
		doc.Errors = append(doc.Errors, p.String())
	}
	return doc
}

// Counts reports whether the live picture changes as time goes by, although
// nothing happens: a time is counted in it.
func (d Document) Counts() bool {
	return d.DownloadTotals.Running > 0 || d.surveyAge() != "" ||
		slices.ContainsFunc(d.Problems, func(p ProblemDoc) bool { return !p.Since.IsZero() }) ||
		slices.ContainsFunc(d.Downloads, func(w DownloadDoc) bool { return w.RetryAt.After(d.At) }) ||
		slices.ContainsFunc(d.Apps, func(a AppDoc) bool { return a.RestartAt.After(d.At) })
}
