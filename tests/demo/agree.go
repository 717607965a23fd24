package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// wantedTable is what a table must hold: encoded values by key.
type wantedTable struct {
	table wire.Table
	want  map[string][]byte
}

// wanted returns what every table of a configuration must hold.
func wanted(t devconfig.Tables) ([]wantedTable, error) {
	var all []wantedTable
	var failed error
	add := func(table wire.Table, want map[string][]byte, err error) {
		if err != nil {
			failed = err
		}
		all = append(all, wantedTable{table, want})
	}
	addTable(add, topics.PhysicalIOAdapter.Name(), t.Adapters)
	addTable(add, topics.VLANAdapter.Name(), t.VLANs)
	addTable(add, topics.BondAdapter.Name(), t.Bonds)
	addTable(add, topics.NetworkPortConfig.Name(), t.Ports)
	addTable(add, topics.NetworkXObjectConfig.Name(), t.Networks)
	addTable(add, topics.NetworkInstanceConfig.Name(), t.NetworkInstances)
	addTable(add, topics.AppInstanceConfig.Name(), t.Apps)
	addTable(add, topics.VolumeConfig.Name(), t.Volumes)
	addTable(add, topics.ContentTreeConfig.Name(), t.ContentTrees)
	addTable(add, topics.DatastoreConfig.Name(), t.Datastores)
	addTable(add, topics.ConfigItem.Name(), t.ConfigItems)
	return all, failed
}

func addTable[T any](add func(wire.Table, map[string][]byte, error), table wire.Table, values map[string]T) {
	want := make(map[string][]byte, len(values))
	var failed error
	for key, v := range values {
		data, err := json.Marshal(v)
		if err != nil {
			failed = err
		}
		want[key] = data
	}
	add(table, want, failed)
}

// agreed waits until every table is what the configuration says and nim has
// judged every port of it. It looks again with each change that the server tells.
// What the agents were told of it, check finds out at the end.
func (d *device) agreed(ctx context.Context) error {
	tables, err := d.configured.tables()
	if err != nil {
		return err
	}
	want, err := wanted(tables)
	if err != nil {
		return err
	}
	sub, err := d.client.Subscribe(">")
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		if err := d.alive(); err != nil {
			return err
		}
		missing := d.differs(ctx, want, tables)
		if missing == nil {
			return nil
		}
		if err := sub.Wait(ctx); err != nil {
			return fmt.Errorf("the tables do not agree with the configuration: %w", missing)
		}
		for _, ok := sub.Next(); ok; _, ok = sub.Next() { // only that there was something
		}
	}
}

// differs returns the first thing that is not yet as it must be.
func (d *device) differs(ctx context.Context, want []wantedTable, tables devconfig.Tables) error {
	for _, w := range want {
		_, found, err := d.client.Snapshot(ctx, w.table)
		if err != nil {
			return err
		}
		if err := w.differs(found); err != nil {
			return err
		}
	}
	_, found, err := d.client.Snapshot(ctx, topics.NetworkPortStatus.Name())
	if err != nil {
		return err
	}
	judged := map[string]bool{}
	for _, e := range found {
		var status types.NetworkPortStatus
		if err := json.Unmarshal(e.Value, &status); err != nil {
			return err
		}
		judged[e.Path.Key] = true
	}
	if got, wanted := slices.Sorted(maps.Keys(judged)), slices.Sorted(maps.Keys(tables.Ports)); !slices.Equal(got, wanted) {
		return fmt.Errorf("nim judges the ports %q; wanted are %q", got, wanted)
	}
	return nil
}

func (w wantedTable) differs(found []client.Entry) error {
	if len(found) != len(w.want) {
		return fmt.Errorf("table %s has %d keys; %d are wanted", w.table, len(found), len(w.want))
	}
	for _, e := range found {
		if !bytes.Equal(e.Value, w.want[e.Path.Key]) {
			return fmt.Errorf("key %q of table %s is not as the configuration says", e.Path.Key, w.table)
		}
	}
	return nil
}
