package volumemgr_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/volumemgr"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// BenchmarkAChangeAmongManyVolumes is one change of the configuration of a device
// with 1,000 volumes and content trees, until its status is told.
func BenchmarkAChangeAmongManyVolumes(b *testing.B) {
	const many = 1000
	s := agenttest.New(b)
	trees := agenttest.Publish(s, topics.ContentTreeConfig)
	volumes := agenttest.Publish(s, topics.VolumeConfig)
	status := agenttest.Watch(s, topics.VolumeStatus)
	blank := types.VolumeConfig{OriginType: types.VolumeOriginBlank, MaxVolSizeBytes: 4096}
	for i := range many {
		id := fmt.Sprint("v", i)
		blank.VolumeID = id
		volumes.Put(id, blank)
		trees.Put(id, types.ContentTreeConfig{ContentID: id, ContentSHA256: sum(id), RelativeURL: id})
	}
	trees.Restarted()
	volumes.Restarted()
	dir := b.TempDir()
	s.Start(topics.VolumeMgr, func(ctx context.Context, a *agent.Agent) error {
		return volumemgr.Run(ctx, a, volumemgr.Options{Directory: dir, Logger: s.Log})
	})
	status.Await("all", func(v map[string]types.VolumeStatus) bool {
		for _, each := range v {
			if each.State != types.StateCreatedVolume {
				return false
			}
		}
		return len(v) == many
	})
	s.Settled(topics.VolumeMgr)
	blank.VolumeID = "v0"
	b.ResetTimer()
	for n := range b.N {
		blank.DisplayName = fmt.Sprint(n)
		volumes.Put("v0", blank)
		status.Await("the change", func(v map[string]types.VolumeStatus) bool { return v["v0"].DisplayName == blank.DisplayName })
	}
}
