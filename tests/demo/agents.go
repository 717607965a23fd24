package main

import (
	"path/filepath"

	"github.com/evenkv/nkv/agents/topics"
)

// agentProgram is one agent of the demo.
type agentProgram struct {
	name  string
	args  func(d *device) []string // besides those that all agents have
	reads []string                 // tables that it subscribes to
}

// agentPrograms are the agents, in the order in which they are started: those
// that read before those that they read from, since nothing depends on it.
var agentPrograms = []agentProgram{
	{name: topics.Diag, reads: []string{
		topics.PhysicalIOAdapter.String(), topics.VLANAdapter.String(), topics.BondAdapter.String(), topics.NetworkPortConfig.String(),
		topics.NetworkXObjectConfig.String(), topics.NetworkInstanceConfig.String(), topics.AppInstanceConfig.String(),
		topics.VolumeConfig.String(), topics.ContentTreeConfig.String(), topics.DatastoreConfig.String(), topics.ConfigItem.String(),
		topics.ZedAgentStatus.String(), topics.LastGoodConfig.String(), topics.NetworkPortStatus.String(), topics.DeviceNetworkStatus.String(),
		topics.DownloaderStatus.String(), topics.ContentTreeStatus.String(), topics.VolumeStatus.String(),
		topics.DomainStatus.String(), topics.DomainMetric.String(), topics.AppInstanceStatus.String(), topics.LedStatus.String(),
	}},
	{name: topics.LedManager, args: func(d *device) []string { return []string{"--file", d.file("led")} }, reads: []string{
		topics.ZedAgentStatus.String(), topics.DeviceNetworkStatus.String(), topics.AppInstanceStatus.String(),
	}},
	{name: topics.DomainMgr, args: func(d *device) []string {
		return []string{"--dir", d.file("domains"), "--app", filepath.Join(d.bin, "demoapp")}
	}, reads: []string{topics.DomainConfig.String()}},
	{name: topics.ZedManager, reads: []string{
		topics.AppInstanceConfig.String(), topics.NetworkInstanceConfig.String(), topics.NetworkPortConfig.String(), topics.NetworkPortStatus.String(),
		topics.VolumeConfig.String(), topics.VolumeStatus.String(), topics.DomainStatus.String(),
	}},
	{name: topics.Downloader, reads: []string{
		topics.DownloaderConfig.String(), topics.DatastoreConfig.String(), topics.ConfigItem.String(),
	}},
	{name: topics.VolumeMgr, args: func(d *device) []string { return []string{"--dir", d.file("vault")} }, reads: []string{
		topics.VolumeConfig.String(), topics.ContentTreeConfig.String(), topics.DownloaderStatus.String(), topics.VolumeUse.String(),
	}},
	{name: topics.NIM, reads: []string{
		topics.PhysicalIOAdapter.String(), topics.VLANAdapter.String(), topics.BondAdapter.String(), topics.NetworkPortConfig.String(),
	}},
	{name: topics.ZedAgent, args: func(d *device) []string {
		return []string{"--config", d.config, "--datastore", d.datastore}
	}}, // it reads a file
}

// program returns the agent with a name.
func program(name string) agentProgram {
	for _, p := range agentPrograms {
		if p.name == name {
			return p
		}
	}
	return agentProgram{name: name}
}
