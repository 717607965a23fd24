package main

import (
	"sync"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// known is all content and volumes that any configuration of the demo had. What
// they hold never changes: a new generation is made of the same.
type known struct {
	mu       sync.Mutex // guards the fields below
	contents map[string]content
	volumes  map[string]whole
}

// content is what a complete download is.
type content struct {
	name   string
	bytes  int64
	sha256 string
}

// whole is what a complete volume is.
type whole struct {
	content string // the name of its content; empty: it is blank
	bytes   int64
}

func newKnown() *known { return &known{contents: map[string]content{}, volumes: map[string]whole{}} }

// add takes up a configuration, before the agents see it.
func (k *known) add(t devconfig.Tables) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, tree := range t.ContentTrees {
		if name := tree.RelativeURL; k.contents[id].name != name {
			k.contents[id] = content{name, contentserver.Size(name), contentserver.SHA256(name)}
		}
	}
	for id, v := range t.Volumes {
		w := whole{bytes: v.MaxVolSizeBytes}
		if v.OriginType == types.VolumeOriginDownload {
			w.content = t.ContentTrees[v.ContentID].RelativeURL
			w.bytes = max(w.bytes, contentserver.Size(w.content))
		}
		k.volumes[id] = w
	}
}

func (k *known) content(id string) (content, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.contents[id]
	return c, ok
}

func (k *known) volume(id string) (whole, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w, ok := k.volumes[id]
	return w, ok
}
