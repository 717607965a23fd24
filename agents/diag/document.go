package diag

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// Document is the device at one moment, as it is shown. Its JSON form is what
// diag prints with --once --json. Every list is in a fixed order and never
// null.
type Document struct {
	Device           DeviceDoc         `json:"device"`
	Configuration    ConfigurationDoc  `json:"configuration"`
	Network          NetworkStateDoc   `json:"network"`
	Ports            []PortDoc         `json:"ports"`
	Adapters         []AdapterDoc      `json:"adapters"`
	Networks         []NetworkDoc      `json:"networks"`
	NetworkInstances []InstanceDoc     `json:"networkInstances"`
	Apps             []AppDoc          `json:"apps"`
	Volumes          []VolumeDoc       `json:"volumes"`
	ContentTrees     []ContentTreeDoc  `json:"contentTrees"`
	Datastores       []DatastoreDoc    `json:"datastores"`
	ConfigItems      map[string]string `json:"configItems"`
	Tables           []TableState      `json:"tables"`
	// Errors are all errors of the device, each with what it concerns.
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

// NetworkStateDoc sums up the network.
type NetworkStateDoc struct {
	Wanted     int      `json:"wanted"`
	Present    int      `json:"present"`
	Up         int      `json:"up"`
	MgmtUp     int      `json:"mgmtUp"`
	Interfaces []string `json:"interfaces"`
	Source     string   `json:"source"`
	Error      string   `json:"error"`
}

// PortDoc is one port: what is wanted and what is there.
type PortDoc struct {
	Label     string         `json:"label"`
	Kind      types.LinkKind `json:"kind"`
	Interface string         `json:"interface"`
	Mgmt      bool           `json:"mgmt"`
	Cost      uint32         `json:"cost"`
	DHCP      types.DHCPType `json:"dhcp"`
	Network   string         `json:"network"`
	Labels    []string       `json:"sharedLabels"`
	// Configured is false for a status without a configuration, which lasts
	// only until nim has heard of its removal.
	Configured bool `json:"configured"`
	// Known is false until nim has published the port's status.
	Known   bool           `json:"known"`
	Present bool           `json:"present"`
	Up      bool           `json:"up"`
	MAC     string         `json:"mac"`
	MTU     int            `json:"mtu"`
	Addrs   []netip.Prefix `json:"addrs"`
	Error   string         `json:"error"`
}

// AdapterDoc is one adapter: physical, VLAN or bond.
type AdapterDoc struct {
	Label     string   `json:"label"`
	Type      string   `json:"type"`
	Usage     string   `json:"usage"`
	Interface string   `json:"interface"`
	Group     string   `json:"group"`
	Below     []string `json:"below"`
	Error     string   `json:"error"`
}

// NetworkDoc is one network.
type NetworkDoc struct {
	UUID    string            `json:"uuid"`
	Type    types.NetworkType `json:"type"`
	DHCP    types.DHCPType    `json:"dhcp"`
	Subnet  netip.Prefix      `json:"subnet"`
	Gateway netip.Addr        `json:"gateway"`
	Proxies int               `json:"proxies"`
	Error   string            `json:"error"`
}

// InstanceDoc is one network instance.
type InstanceDoc struct {
	UUID   string                    `json:"uuid"`
	Name   string                    `json:"name"`
	Type   types.NetworkInstanceType `json:"type"`
	Active bool                      `json:"active"`
	Port   string                    `json:"port"`
	Subnet netip.Prefix              `json:"subnet"`
	Apps   int                       `json:"apps"`
	Error  string                    `json:"error"`
}

// AppDoc is one application.
type AppDoc struct {
	UUID      string   `json:"uuid"`
	Name      string   `json:"name"`
	Active    bool     `json:"active"`
	VCPUs     uint32   `json:"vcpus"`
	MemoryKiB int64    `json:"memoryKiB"`
	Networks  []string `json:"networks"`
	Volumes   []string `json:"volumes"`
	Hardware  []string `json:"hardware"`
	Error     string   `json:"error"`
}

// VolumeDoc is one volume.
type VolumeDoc struct {
	UUID      string                 `json:"uuid"`
	Name      string                 `json:"name"`
	Origin    types.VolumeOriginType `json:"origin"`
	Content   string                 `json:"content"`
	SizeBytes int64                  `json:"sizeBytes"`
	ReadOnly  bool                   `json:"readOnly"`
	Uses      uint32                 `json:"uses"`
	Error     string                 `json:"error"`
}

// ContentTreeDoc is one content tree.
type ContentTreeDoc struct {
	UUID       string            `json:"uuid"`
	Name       string            `json:"name"`
	Format     types.ImageFormat `json:"format"`
	URL        string            `json:"url"`
	SHA256     string            `json:"sha256"`
	Datastores []string          `json:"datastores"`
	Error      string            `json:"error"`
}

// DatastoreDoc is one datastore, without its credentials.
type DatastoreDoc struct {
	UUID  string              `json:"uuid"`
	Type  types.DatastoreType `json:"type"`
	FQDN  string              `json:"fqdn"`
	Path  string              `json:"path"`
	Error string              `json:"error"`
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

// list makes a nil list an empty one.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return slices.Clone(l)
}

// Document returns the device as the model has it now. It shares no memory
// with the model.
func (m *Model) Document() Document {
	agent, network := m.ZedAgent[types.StatusKey], m.DeviceNetwork[types.StatusKey]
	doc := Document{
		Device: DeviceDoc{UUID: agent.DeviceID, Name: agent.DeviceName},
		Configuration: ConfigurationDoc{
			File: agent.ConfigFile, State: agent.FileState, Source: agent.Source,
			SHA256: agent.ConfigSHA256, Error: agent.Error, Warnings: list(agent.Warnings),
			UnknownFields: agent.UnknownFields, LastLoad: agent.LastLoad,
			SavedSHA256: m.LastGood[types.StatusKey].SHA256,
		},
		Network: NetworkStateDoc{
			Wanted: network.Wanted, Present: network.Present, Up: network.Up, MgmtUp: network.MgmtUp,
			Interfaces: []string{}, Source: network.Source, Error: network.Error,
		},
		Ports:            m.portDocs(),
		Adapters:         m.adapterDocs(),
		Networks:         sorted(m.Networks, networkDoc, func(d NetworkDoc) string { return d.UUID }),
		NetworkInstances: sorted(m.NetworkInstances, m.instanceDoc, func(d InstanceDoc) string { return d.Name }),
		Apps:             sorted(m.Apps, m.appDoc, func(d AppDoc) string { return d.Name }),
		Volumes:          sorted(m.Volumes, m.volumeDoc, func(d VolumeDoc) string { return d.Name }),
		ContentTrees:     sorted(m.ContentTrees, m.contentDoc, func(d ContentTreeDoc) string { return d.Name }),
		Datastores:       sorted(m.Datastores, datastoreDoc, func(d DatastoreDoc) string { return d.FQDN }),
		ConfigItems:      map[string]string{},
		Tables:           list(m.Tables),
	}
	for _, i := range network.Interfaces {
		doc.Network.Interfaces = append(doc.Network.Interfaces, i.Name)
	}
	for key, item := range m.ConfigItems {
		doc.ConfigItems[key] = item.Value
	}
	doc.Errors = m.errors(doc)
	return doc
}

func (m *Model) portDocs() []PortDoc {
	labels := map[string]bool{}
	for label := range m.Ports {
		labels[label] = true
	}
	for label := range m.PortStatus {
		labels[label] = true
	}
	return sorted(labels, func(label string, _ bool) PortDoc {
		p, configured := m.Ports[label]
		s, known := m.PortStatus[label]
		return PortDoc{
			Label: label, Kind: p.Kind, Interface: cmp.Or(p.IfName, s.IfName), Mgmt: p.IsMgmt, Cost: p.Cost,
			DHCP: p.DHCP, Network: p.NetworkUUID, Labels: list(p.SharedLabels),
			Configured: configured, Known: known,
			Present: s.Present, Up: s.Up, MAC: s.MAC, MTU: s.MTU, Addrs: list(s.Addrs),
			Error: cmp.Or(s.Error, p.Error),
		}
	}, func(d PortDoc) string { return d.Label })
}

func (m *Model) adapterDocs() []AdapterDoc {
	label := func(d AdapterDoc) string { return d.Label }
	docs := sorted(m.Adapters, func(key string, a types.PhysicalIOAdapter) AdapterDoc {
		return AdapterDoc{
			Label: key, Type: string(a.Type), Usage: string(a.Usage),
			Interface: a.PhyAddrs.IfName, Group: a.AssignGroup, Below: []string{}, Error: a.Error,
		}
	}, label)
	docs = append(docs, sorted(m.VLANs, func(key string, a types.VLANAdapter) AdapterDoc {
		return AdapterDoc{
			Label: key, Type: fmt.Sprintf("VLAN %d", a.VLANID), Interface: a.IfName,
			Below: []string{a.LowerLayerName}, Error: a.Error,
		}
	}, label)...)
	return append(docs, sorted(m.Bonds, func(key string, a types.BondAdapter) AdapterDoc {
		return AdapterDoc{
			Label: key, Type: string(a.Mode), Interface: a.IfName, Below: list(a.LowerLayerNames), Error: a.Error,
		}
	}, label)...)
}

func networkDoc(key string, n types.NetworkXObjectConfig) NetworkDoc {
	return NetworkDoc{
		UUID: key, Type: n.Type, DHCP: n.IP.DHCP, Subnet: n.IP.Subnet, Gateway: n.IP.Gateway,
		Proxies: len(n.Proxy.Proxies), Error: n.Error,
	}
}

func (m *Model) instanceDoc(key string, n types.NetworkInstanceConfig) InstanceDoc {
	users := 0
	for _, app := range m.Apps {
		if slices.ContainsFunc(app.NetworkAdapters, func(a types.AppNetAdapterConfig) bool { return a.NetworkID == key }) {
			users++
		}
	}
	return InstanceDoc{
		UUID: key, Name: n.DisplayName, Type: n.Type, Active: n.Activate,
		Port: n.PortLabel, Subnet: n.IP.Subnet, Apps: users, Error: n.Error,
	}
}

func (m *Model) appDoc(key string, a types.AppInstanceConfig) AppDoc {
	doc := AppDoc{
		UUID: key, Name: a.DisplayName, Active: a.Activate,
		VCPUs: a.FixedResources.VCPUs, MemoryKiB: a.FixedResources.MemoryKiB,
		Networks: []string{}, Volumes: []string{}, Hardware: []string{}, Error: a.Error,
	}
	for _, i := range a.NetworkAdapters {
		doc.Networks = append(doc.Networks, cmp.Or(m.NetworkInstances[i.NetworkID].DisplayName, i.NetworkID))
	}
	for _, v := range a.VolumeRefs {
		doc.Volumes = append(doc.Volumes, cmp.Or(m.Volumes[v.VolumeID].DisplayName, v.VolumeID))
	}
	for _, io := range a.IOAdapters {
		doc.Hardware = append(doc.Hardware, io.Name)
	}
	return doc
}

func (m *Model) volumeDoc(key string, v types.VolumeConfig) VolumeDoc {
	return VolumeDoc{
		UUID: key, Name: v.DisplayName, Origin: v.OriginType,
		Content:   cmp.Or(m.ContentTrees[v.ContentID].DisplayName, v.ContentID),
		SizeBytes: v.MaxVolSizeBytes, ReadOnly: v.ReadOnly, Uses: v.RefCount, Error: v.Error,
	}
}

func (m *Model) contentDoc(key string, c types.ContentTreeConfig) ContentTreeDoc {
	doc := ContentTreeDoc{
		UUID: key, Name: c.DisplayName, Format: c.Format, URL: c.RelativeURL,
		SHA256: c.ContentSHA256, Datastores: []string{}, Error: c.Error,
	}
	for _, id := range c.DatastoreIDs {
		doc.Datastores = append(doc.Datastores, cmp.Or(m.Datastores[id].FQDN, id))
	}
	return doc
}

func datastoreDoc(key string, d types.DatastoreConfig) DatastoreDoc {
	return DatastoreDoc{UUID: key, Type: d.Type, FQDN: d.FQDN, Path: d.DPath, Error: d.Error}
}

// errors collects the errors of the document in its order.
func (m *Model) errors(doc Document) []string {
	errs := []string{}
	add := func(what, name, text string) {
		if text != "" {
			errs = append(errs, what+" "+name+": "+text)
		}
	}
	add("server", "connection", m.Offline)
	add("configuration", doc.Configuration.File, doc.Configuration.Error)
	add("network", doc.Network.Source, doc.Network.Error)
	for _, refused := range m.ZedAgent[types.StatusKey].PublishErrors {
		add("zedagent", "publishes", refused)
	}
	for _, d := range doc.Ports {
		add("port", d.Label, d.Error)
	}
	for _, d := range doc.Adapters {
		add("adapter", d.Label, d.Error)
	}
	for _, d := range doc.Networks {
		add("network", d.UUID, d.Error)
	}
	for _, d := range doc.NetworkInstances {
		add("network instance", cmp.Or(d.Name, d.UUID), d.Error)
	}
	for _, d := range doc.Apps {
		add("application", cmp.Or(d.Name, d.UUID), d.Error)
	}
	for _, d := range doc.Volumes {
		add("volume", cmp.Or(d.Name, d.UUID), d.Error)
	}
	for _, d := range doc.ContentTrees {
		add("content tree", cmp.Or(d.Name, d.UUID), d.Error)
	}
	for _, d := range doc.Datastores {
		add("datastore", cmp.Or(d.FQDN, d.UUID), d.Error)
	}
	return errs
}
