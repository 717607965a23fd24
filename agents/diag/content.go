package diag

import (
	"cmp"

	"github.com/evenkv/nkv/agents/types"
)

// VolumeDoc is one volume: what is wanted and what is there.
type VolumeDoc struct {
	UUID      string                 `json:"uuid"`
	Name      string                 `json:"name"`
	Origin    types.VolumeOriginType `json:"origin"`
	Content   string                 `json:"content"`
	SizeBytes int64                  `json:"sizeBytes"`
	ReadOnly  bool                   `json:"readOnly"`
	Uses      uint32                 `json:"uses"`
	// Configured is false for a volume that is not wanted any more and still
	// there.
	Configured bool `json:"configured"`
	// State is empty until volumemgr has published the volume's status.
	State    types.SwState `json:"state"`
	Path     string        `json:"path"`
	Download ProgressDoc   `json:"download"`
	Problem  ProblemDoc    `json:"problem"`
	// Error is what is wrong with it, or with its configuration.
	Error string `json:"error"`
}

// ContentTreeDoc is one content tree: what is wanted and what is there.
type ContentTreeDoc struct {
	UUID       string            `json:"uuid"`
	Name       string            `json:"name"`
	Format     types.ImageFormat `json:"format"`
	URL        string            `json:"url"`
	SHA256     string            `json:"sha256"`
	Datastores []string          `json:"datastores"`
	// Configured is false for a content tree that is not wanted any more and
	// still there.
	Configured bool `json:"configured"`
	// State is empty until volumemgr has published the content tree's status.
	State     types.SwState `json:"state"`
	Path      string        `json:"path"`
	SizeBytes int64         `json:"sizeBytes"`
	Download  ProgressDoc   `json:"download"`
	Problem   ProblemDoc    `json:"problem"`
	// Error is what is wrong with it, or with its configuration.
	Error string `json:"error"`
}

// DatastoreDoc is one datastore, without its credentials.
type DatastoreDoc struct {
	UUID  string              `json:"uuid"`
	Type  types.DatastoreType `json:"type"`
	FQDN  string              `json:"fqdn"`
	Path  string              `json:"path"`
	Error string              `json:"error"`
}

func (m *Model) volumeDocs() []VolumeDoc {
	return sorted(union(m.Volumes, m.VolumeStatus), func(key string, _ bool) VolumeDoc {
		v, configured := m.Volumes[key]
		s := m.VolumeStatus[key]
		content := cmp.Or(v.ContentID, s.ContentID)
		problem := problemDoc(s.Problem)
		return VolumeDoc{
			UUID: key, Name: cmp.Or(v.DisplayName, s.DisplayName), Origin: v.OriginType,
			Content:   cmp.Or(m.contentName(content), content),
			SizeBytes: cmp.Or(s.SizeBytes, v.MaxVolSizeBytes), ReadOnly: v.ReadOnly || s.ReadOnly, Uses: v.RefCount,
			Configured: configured, State: s.State, Path: s.Path, Download: m.progress(content),
			Problem: problem, Error: both(problem, v.Error),
		}
	}, func(d VolumeDoc) string { return d.Name })
}

func (m *Model) contentName(id string) string {
	return cmp.Or(m.ContentTrees[id].DisplayName, m.ContentStatus[id].DisplayName)
}

func (m *Model) contentDocs() []ContentTreeDoc {
	return sorted(union(m.ContentTrees, m.ContentStatus), func(key string, _ bool) ContentTreeDoc {
		c, configured := m.ContentTrees[key]
		s := m.ContentStatus[key]
		problem := problemDoc(s.Problem)
		doc := ContentTreeDoc{
			UUID: key, Name: m.contentName(key), Format: c.Format, URL: redact(c.RelativeURL),
			SHA256: cmp.Or(c.ContentSHA256, s.SHA256), Datastores: []string{},
			Configured: configured, State: s.State, Path: s.Path, SizeBytes: s.SizeBytes,
			Download: m.progress(key), Problem: problem, Error: both(problem, c.Error),
		}
		for _, id := range c.DatastoreIDs {
			doc.Datastores = append(doc.Datastores, redact(cmp.Or(m.Datastores[id].FQDN, id)))
		}
		return doc
	}, func(d ContentTreeDoc) string { return d.Name })
}

func datastoreDoc(key string, d types.DatastoreConfig) DatastoreDoc {
	return DatastoreDoc{UUID: key, Type: d.Type, FQDN: redact(d.FQDN), Path: d.DPath, Error: redact(d.Error)}
}

func (d Document) contentSections(live bool) []table {
	volumes := table{title: "Volumes",
		header: []string{"NAME", "STATE", "SIZE", "CONTENT", "USES", "STATUS"}}
	for _, v := range d.Volumes {
		volumes.add(text(cmp.Or(v.Name, v.UUID)), stateOf(v.State, v.Download, v.Configured), size(v.SizeBytes),
			text(cmp.Or(v.Content, "blank")), number(v.Uses), d.troubleSince(v.Error, v.Problem, live))
	}
	contents := table{title: "Content trees",
		header: []string{"NAME", "STATE", "SIZE", "FORMAT", "SHA256", "URL", "DATASTORES", "STATUS"}}
	for _, c := range d.ContentTrees {
		contents.add(text(cmp.Or(c.Name, c.UUID)), stateOf(c.State, c.Download, c.Configured), size(c.SizeBytes),
			text(string(c.Format)), text(short(c.SHA256)), text(c.URL), join(c.Datastores),
			d.troubleSince(c.Error, c.Problem, live))
	}
	return []table{volumes, contents}
}

func (d Document) datastoreSection() table {
	t := table{title: "Datastores",
		header: []string{"ADDRESS", "TYPE", "PATH", "STATUS"}}
	for _, s := range d.Datastores {
		t.add(text(s.FQDN), text(string(s.Type)), text(s.Path), trouble(s.Error))
	}
	return t
}
