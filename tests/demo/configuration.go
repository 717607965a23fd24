package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// configuration is a device configuration as its JSON says, so that what the
// agents don't know stays in it.
type configuration struct {
	root map[string]any
}

func readConfiguration(file string) (*configuration, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &configuration{}
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\uFEFF"))))
	decoder.UseNumber()
	if err := decoder.Decode(&c.root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// write puts the configuration in place as an editor would: a new file, renamed.
func (c *configuration) write(file string) error {
	data, err := json.MarshalIndent(c.root, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// tables returns what the configuration must become.
func (c *configuration) tables() (devconfig.Tables, error) {
	data, err := json.Marshal(c.root)
	if err != nil {
		return devconfig.Tables{}, err
	}
	parsed, err := devconfig.Parse(data)
	if err != nil {
		return devconfig.Tables{}, err
	}
	return parsed.Tables, nil
}

// items returns a section's items.
func (c *configuration) items(section string) []map[string]any {
	list, _ := c.root[section].([]any)
	items := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if item, ok := e.(map[string]any); ok {
			items = append(items, item)
		}
	}
	return items
}

func (c *configuration) set(section string, items []map[string]any) {
	list := make([]any, len(items))
	for i := range items {
		list[i] = items[i]
	}
	c.root[section] = list
}

// The steps of the demo: what the controller does to a port, an app and a
// network instance.

// add adds one of each.
func (c *configuration) add() {
	c.set("deviceIoList", append(c.items("deviceIoList"), map[string]any{
		"ptype": 1, "phylabel": "demo9", "logicallabel": "demo port/9", "assigngrp": "demo9", "usage": 2,
		"phyaddrs": map[string]any{"Ifname": "demo9"},
	}))
	network := "00000000-0000-4000-8000-00000000d0e5"
	c.set("networks", append(c.items("networks"), map[string]any{
		"id": network, "type": 4, "ip": map[string]any{"dhcp": 4},
	}))
	c.set("systemAdapterList", append(c.items("systemAdapterList"), map[string]any{
		"name": "demo port/9", "networkUUID": network,
	}))
	c.set("networkInstances", append(c.items("networkInstances"), map[string]any{
		"uuidandversion": map[string]any{"uuid": "00000000-0000-4000-8000-00000000d0e1", "version": "1"},
		"displayname":    "added", "instType": 2, "activate": true, "ipType": 1,
		"ip": map[string]any{"subnet": "10.99.0.0/24", "gateway": "10.99.0.1"},
	}))
	c.set("apps", append(c.items("apps"), map[string]any{
		"uuidandversion": map[string]any{"uuid": "00000000-0000-4000-8000-00000000d0e2", "version": "1"},
		"displayname":    "added", "activate": true,
		"fixedresources": map[string]any{"memory": 65536, "vcpus": 1},
	}))
}

// change changes the last of each.
func (c *configuration) change(round int) {
	change := func(section, field string) {
		items := c.items(section)
		if len(items) == 0 {
			return
		}
		items[len(items)-1][field] = fmt.Sprintf("changed %d", round)
		c.set(section, items)
	}
	change("deviceIoList", "assigngrp")
	change("networkInstances", "displayname")
	change("apps", "displayname")
	change("systemAdapterList", "alias")
}

// remove removes the last of each, and what refers to the port.
func (c *configuration) remove() {
	for _, section := range []string{"systemAdapterList", "deviceIoList", "networks", "networkInstances", "apps"} {
		if items := c.items(section); len(items) > 0 {
			c.set(section, items[:len(items)-1])
		}
	}
}
