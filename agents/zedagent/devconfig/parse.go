package devconfig

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// Config is a device configuration that was accepted.
type Config struct {
	// Tables are the values to publish.
	Tables Tables
	// DeviceID is the device's UUID as the controller knows it; may be empty.
	DeviceID string
	// DeviceName is the device's name for people; may be empty.
	DeviceName string
	// Version is the controller's version of the configuration; may be empty.
	Version string
	// Warnings are the odd things that were kept, in the order of the text, at
	// most 100.
	Warnings []Finding
	// WarningCount is the number of warnings, also those left out.
	WarningCount int
	// UnknownFields counts the fields that were ignored.
	UnknownFields int
}

// Tables are the values of a configuration by table and key.
type Tables struct {
	Adapters         map[string]types.PhysicalIOAdapter     // by logical label
	VLANs            map[string]types.VLANAdapter           // by logical label
	Bonds            map[string]types.BondAdapter           // by logical label
	Ports            map[string]types.NetworkPortConfig     // by logical label
	Networks         map[string]types.NetworkXObjectConfig  // by UUID
	NetworkInstances map[string]types.NetworkInstanceConfig // by UUID
	Apps             map[string]types.AppInstanceConfig     // by UUID
	Volumes          map[string]types.VolumeConfig          // by UUID
	ContentTrees     map[string]types.ContentTreeConfig     // by UUID
	Datastores       map[string]types.DatastoreConfig       // by UUID
	ConfigItems      map[string]types.ConfigItem            // by the item's name
}

// Parse reads a device configuration. It accepts the message itself and the
// controller's answer that wraps it (a field "config"). The error is a
// *RefusedError that wraps ErrSyntax, ErrType, ErrKey or ErrDuplicate; no part
// of a refused configuration is returned.
//
// Parse keeps no reference to data and is safe for concurrent use.
func Parse(data []byte) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // as some editors write it
	root, err := parseJSON(data)
	if err != nil {
		finding, _ := err.(Finding)
		return nil, &RefusedError{Findings: []Finding{finding}}
	}
	d := newDecoder(newLines(data))
	d.device(d.unwrap(root))
	d.resolve()
	if len(d.findings) > 0 {
		return nil, d.refusal()
	}
	return d.config(), nil
}

// decoder turns the tree of one text into a Config.
type decoder struct {
	at       lines
	objects  []*object // every message that was read
	findings []Finding // reasons to refuse
	warnings []Finding
	entry    *entry   // the entry being read; nil between them
	finish   []func() // fill in the entries' Error fields
	labels   labels
	refs     []reference
	uses     map[string]uint32 // volume key → uses by applications
	cfg      Config
}

// entry is one value of a table in the making.
type entry struct {
	problems []string
}

func newDecoder(at lines) *decoder {
	d := &decoder{at: at, labels: newLabels(), uses: map[string]uint32{}}
	d.cfg.Tables = Tables{
		Adapters:         map[string]types.PhysicalIOAdapter{},
		VLANs:            map[string]types.VLANAdapter{},
		Bonds:            map[string]types.BondAdapter{},
		Ports:            map[string]types.NetworkPortConfig{},
		Networks:         map[string]types.NetworkXObjectConfig{},
		NetworkInstances: map[string]types.NetworkInstanceConfig{},
		Apps:             map[string]types.AppInstanceConfig{},
		Volumes:          map[string]types.VolumeConfig{},
		ContentTrees:     map[string]types.ContentTreeConfig{},
		Datastores:       map[string]types.DatastoreConfig{},
		ConfigItems:      map[string]types.ConfigItem{},
	}
	return d
}

// unwrap returns the configuration inside a controller's answer, or root when
// it is the configuration itself.
func (d *decoder) unwrap(root node) *object {
	o := d.object("", root)
	if !o.has("config") || o.has("deviceIoList") || o.has("systemAdapterList") {
		return o
	}
	o.take("configHash")
	return o.message("config")
}

// device reads the sections in the order in which they refer to each other.
func (d *decoder) device(o *object) {
	id := o.message("id")
	d.cfg.DeviceID, d.cfg.Version = id.str("uuid"), id.str("version")
	d.cfg.DeviceName = o.str("deviceName")
	d.adapters(o)
	d.vlans(o)
	d.bonds(o)
	d.networks(o)
	d.ports(o)
	d.instances(o)
	d.datastores(o)
	d.contentTrees(o)
	d.volumes(o)
	d.apps(o)
	d.configItems(o)
}

func (d *decoder) finding(path string, offset int, reason error, text string) Finding {
	line, column := d.at.at(offset)
	return Finding{Path: path, Line: line, Column: column, Reason: reason, Text: text}
}

// fail files a reason to refuse the configuration.
func (d *decoder) fail(path string, offset int, reason error, text string) {
	d.findings = append(d.findings, d.finding(path, offset, reason, text))
}

// warn files something odd about the entry being read.
func (d *decoder) warn(path string, offset int, text string) {
	d.note(path, offset, text)
	if d.entry != nil {
		d.entry.problems = append(d.entry.problems, path+": "+text)
	}
}

// note files something odd that does not make the entry doubtful.
func (d *decoder) note(path string, offset int, text string) {
	d.warnings = append(d.warnings, d.finding(path, offset, nil, text))
}

// keep stores an entry under its key; problem leads to the field that tells
// what is wrong with it, which is filled in when all references are resolved.
func keep[T any](d *decoder, table map[string]T, key string, v T, problem func(*T) *string) {
	e := d.entry
	d.entry = nil
	if key == "" {
		return // filed already
	}
	table[key] = v
	d.finish = append(d.finish, func() {
		v := table[key]
		*problem(&v) = strings.Join(e.problems, "; ")
		table[key] = v
	})
}

func byPlace(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

func (d *decoder) refusal() *RefusedError {
	slices.SortStableFunc(d.findings, byPlace)
	kept := min(len(d.findings), maxFindings)
	return &RefusedError{Findings: d.findings[:kept], Omitted: len(d.findings) - kept}
}

func (d *decoder) config() *Config {
	for _, f := range d.finish {
		f()
	}
	for _, o := range d.objects {
		for _, m := range o.fields {
			if !m.used {
				d.cfg.UnknownFields++
			}
		}
	}
	for id, n := range d.uses {
		v := d.cfg.Tables.Volumes[id]
		v.RefCount = n
		d.cfg.Tables.Volumes[id] = v
	}
	slices.SortStableFunc(d.warnings, byPlace)
	d.cfg.WarningCount = len(d.warnings)
	d.cfg.Warnings = d.warnings[:min(len(d.warnings), maxFindings)]
	return &d.cfg
}
