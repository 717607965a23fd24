// Package eve knows how the pubsub library of EVE-OS names tables, lays them out
// in files and speaks on its sockets: github.com/lf-edge/eve, pkg/pillar/pubsub
// and docs/IPC.md, as of August 2026. It is what the mirror, the bridge and the
// drivers of pkg/pubsub have in common.
//
// It must not know servers or clients of nkv: it turns names into paths, values
// into files and messages into bytes, and back.
//
// Start reading at Root.
package eve
