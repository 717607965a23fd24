package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// configuration is a device configuration as its JSON says, so that what the
// agents don't know stays in it.
type configuration struct {
	root map[string]any
	made int // identifiers given to what the demo adds
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
func (c *configuration) items(section string) []map[string]any { return list(c.root[section]) }

func list(v any) []map[string]any {
	all, _ := v.([]any)
	items := make([]map[string]any, 0, len(all))
	for _, e := range all {
		if item, ok := e.(map[string]any); ok {
			items = append(items, item)
		}
	}
	return items
}

func (c *configuration) set(section string, items []map[string]any) {
	all := make([]any, len(items))
	for i := range items {
		all[i] = items[i]
	}
	c.root[section] = all
}

func (c *configuration) add(section string, item map[string]any) {
	c.set(section, append(c.items(section), item))
}

// find returns the item of a section whose field has a text; nil: there is none.
func (c *configuration) find(section, field, text string) map[string]any {
	for _, item := range c.items(section) {
		if item[field] == text {
			return item
		}
	}
	return nil
}

// hasApps reports whether the configuration has applications. To one that has
// none the demo adds none.
func (c *configuration) hasApps() bool { return len(c.items("apps")) > 0 }

// uuid returns an identifier that nothing has yet.
func (c *configuration) uuid() string {
	c.made++
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", 0xd0e00+c.made)
}

// The steps of the demo: what the controller does to ports, network instances and
// applications.

// grow adds a port, a network instance and an application.
func (c *configuration) grow() {
	c.add("deviceIoList", map[string]any{
		"ptype": 1, "phylabel": "demo9", "logicallabel": "demo port/9", "assigngrp": "demo9", "usage": 2,
		"phyaddrs": map[string]any{"Ifname": "demo9"},
	})
	network := c.uuid()
	c.add("networks", map[string]any{"id": network, "type": 4, "ip": map[string]any{"dhcp": 4}})
	c.add("systemAdapterList", map[string]any{"name": "demo port/9", "networkUUID": network})
	c.add("networkInstances", map[string]any{
		"uuidandversion": map[string]any{"uuid": c.uuid(), "version": "1"},
		"displayname":    "added", "instType": 2, "activate": true, "ipType": 1,
		"ip": map[string]any{"subnet": "10.99.0.0/24", "gateway": "10.99.0.1"},
	})
	if c.hasApps() {
		c.addApp("added")
	}
}

// addApp adds an application with a volume of content of its own.
func (c *configuration) addApp(name string) {
	content, volume := c.uuid(), c.uuid()
	url := "demo/" + name + ":1"
	c.add("contentInfo", map[string]any{
		"uuid": content, "dsId": c.items("datastores")[0]["id"], "URL": url, "iformat": 8,
		"sha256": contentserver.SHA256(url), "displayName": name,
	})
	c.add("volumes", map[string]any{
		"uuid": volume, "displayName": name + " root",
		"origin": map[string]any{"type": 2, "downloadContentTreeID": content},
	})
	c.add("apps", map[string]any{
		"uuidandversion": map[string]any{"uuid": c.uuid(), "version": "1"},
		"displayname":    name, "activate": true,
		"fixedresources": map[string]any{"memory": 65536, "vcpus": 1},
		"volumeRefList":  []any{map[string]any{"uuid": volume, "mount_dir": "/"}},
	})
}

// rename changes the last of each, in ways that no process notices.
func (c *configuration) rename(round int) {
	change := func(section, field string) {
		if items := c.items(section); len(items) > 0 {
			items[len(items)-1][field] = fmt.Sprintf("changed %d", round)
			c.set(section, items)
		}
	}
	change("deviceIoList", "assigngrp")
	change("networkInstances", "displayname")
	change("apps", "displayname")
	change("systemAdapterList", "alias")
}

// second is the second version: one application gone, one changed, one new; where
// there are none, two ports changed.
func (c *configuration) second() {
	if !c.hasApps() {
		ports := c.items("systemAdapterList")
		for i, port := range ports[max(0, len(ports)-2):] {
			port["cost"] = 20 + i
		}
		return
	}
	c.removeApp(0)
	c.renew()
	apps := c.items("apps")
	apps[len(apps)-1]["fixedresources"] = map[string]any{"memory": 131072, "vcpus": 2}
	c.addApp("new in version 2")
}

// renew asks for the last application's volumes and their content anew, so that
// it is downloaded, laid out and started again. Without applications it renames.
func (c *configuration) renew() {
	c.rename(c.made)
	c.made++
	apps := c.items("apps")
	if len(apps) == 0 {
		return
	}
	for _, ref := range list(apps[len(apps)-1]["volumeRefList"]) {
		id, _ := ref["uuid"].(string)
		volume := c.find("volumes", "uuid", id)
		if volume == nil {
			continue
		}
		next := generation(volume) + 1
		volume["generationCount"], ref["generationCount"] = next, next
		if origin, ok := volume["origin"].(map[string]any); ok {
			content, _ := origin["downloadContentTreeID"].(string)
			if tree := c.find("contentInfo", "uuid", content); tree != nil {
				tree["generationCount"] = generation(tree) + 1
			}
		}
	}
}

// generation reads a counter, which may be a number or a text.
func generation(item map[string]any) int64 {
	n, _ := strconv.ParseInt(fmt.Sprint(item["generationCount"]), 10, 64) // absent: 0
	return n
}

// removeApp removes an application, and the volumes and content that only it
// uses.
func (c *configuration) removeApp(at int) {
	apps := c.items("apps")
	c.set("apps", append(apps[:at:at], apps[at+1:]...))
	used := map[any]bool{}
	for _, app := range c.items("apps") {
		for _, ref := range list(app["volumeRefList"]) {
			used[ref["uuid"]] = true
		}
	}
	kept := c.items("volumes")[:0]
	for _, volume := range c.items("volumes") {
		if used[volume["uuid"]] {
			kept = append(kept, volume)
			if origin, ok := volume["origin"].(map[string]any); ok {
				used[origin["downloadContentTreeID"]] = true
			}
		}
	}
	c.set("volumes", kept)
	trees := c.items("contentInfo")[:0]
	for _, tree := range c.items("contentInfo") {
		if used[tree["uuid"]] {
			trees = append(trees, tree)
		}
	}
	c.set("contentInfo", trees)
}

// shrink removes the last of each, and what refers to the port.
func (c *configuration) shrink() {
	for _, section := range []string{"systemAdapterList", "deviceIoList", "networks", "networkInstances"} {
		if items := c.items(section); len(items) > 0 {
			c.set(section, items[:len(items)-1])
		}
	}
	if n := len(c.items("apps")); n > 0 {
		c.removeApp(n - 1)
	}
}
