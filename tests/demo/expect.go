package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// expectation is what must become of a configuration. It is computed from the
// configuration alone.
type expectation struct {
	devconfig.Tables
	encoded []encodedTable  // zedagent's tables
	corrupt map[string]bool // names of content that is served corrupted
}

// encodedTable is what a table must hold: encoded values by key.
type encodedTable struct {
	table wire.Table
	want  map[string][]byte
}

func (d *device) expect() (*expectation, error) {
	t, err := d.configured.tables()
	if err != nil {
		return nil, err
	}
	t.Datastores = zedagent.OverrideDatastores(t.Datastores, d.datastore)
	e := &expectation{Tables: t, corrupt: map[string]bool{}}
	for _, name := range d.corrupt {
		e.corrupt[name] = true
	}
	err = firstError(
		encode(e, topics.PhysicalIOAdapter, t.Adapters),
		encode(e, topics.VLANAdapter, t.VLANs),
		encode(e, topics.BondAdapter, t.Bonds),
		encode(e, topics.NetworkPortConfig, t.Ports),
		encode(e, topics.NetworkXObjectConfig, t.Networks),
		encode(e, topics.NetworkInstanceConfig, t.NetworkInstances),
		encode(e, topics.AppInstanceConfig, t.Apps),
		encode(e, topics.VolumeConfig, t.Volumes),
		encode(e, topics.ContentTreeConfig, t.ContentTrees),
		encode(e, topics.DatastoreConfig, t.Datastores),
		encode(e, topics.ConfigItem, t.ConfigItems),
	)
	return e, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func encode[T any](e *expectation, table agent.Table[T], values map[string]T) error {
	want := make(map[string][]byte, len(values))
	for key, v := range values {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		want[key] = data
	}
	e.encoded = append(e.encoded, encodedTable{table.Name(), want})
	return nil
}

// sickTree reports whether a content tree must be in error: it is served
// corrupted, and a checksum tells.
func (e *expectation) sickTree(id string) bool {
	tree := e.ContentTrees[id]
	return tree.ContentSHA256 != "" && e.corrupt[tree.RelativeURL]
}

func (e *expectation) sickVolume(id string) bool {
	v := e.Volumes[id]
	return v.OriginType == types.VolumeOriginDownload && e.sickTree(v.ContentID)
}

func (e *expectation) sickApp(app types.AppInstanceConfig) bool {
	return slices.ContainsFunc(app.VolumeRefs, func(ref types.VolumeRefConfig) bool { return e.sickVolume(ref.VolumeID) })
}

// found is what the server holds.
type found struct {
	contents map[string]types.ContentTreeStatus
	loads    map[string]types.DownloaderStatus
	volumes  map[string]types.VolumeStatus
	domains  map[string]types.DomainStatus
	apps     map[string]types.AppInstanceStatus
	ports    map[string]types.NetworkPortStatus
	led      map[string]types.LedStatus
	zedagent map[string]types.ZedAgentStatus
	network  map[string]types.DeviceNetworkStatus
}

func (d *device) find(ctx context.Context) (*found, error) {
	f := &found{}
	return f, firstError(
		snapshot(ctx, d.client, topics.ContentTreeStatus, &f.contents),
		snapshot(ctx, d.client, topics.DownloaderStatus, &f.loads),
		snapshot(ctx, d.client, topics.VolumeStatus, &f.volumes),
		snapshot(ctx, d.client, topics.DomainStatus, &f.domains),
		snapshot(ctx, d.client, topics.AppInstanceStatus, &f.apps),
		snapshot(ctx, d.client, topics.NetworkPortStatus, &f.ports),
		snapshot(ctx, d.client, topics.LedStatus, &f.led),
		snapshot(ctx, d.client, topics.ZedAgentStatus, &f.zedagent),
		snapshot(ctx, d.client, topics.DeviceNetworkStatus, &f.network),
	)
}

func snapshot[T any](ctx context.Context, c *client.Client, table agent.Table[T], into *map[string]T) error {
	_, entries, err := c.Snapshot(ctx, table.Name())
	if err != nil {
		return err
	}
	values := make(map[string]T, len(entries))
	for _, e := range entries {
		var v T
		if err := json.Unmarshal(e.Value, &v); err != nil {
			return fmt.Errorf("key %q of table %s: %w", e.Path.Key, table, err)
		}
		values[e.Path.Key] = v
	}
	*into = values
	return nil
}
