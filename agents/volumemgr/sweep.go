package volumemgr

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// room is a directory in which files that nobody wants are found. It belongs to
// the event loop.
type room struct {
	dir   string
	parts bool // what is beside a file, with a longer name, stays with it
	keep  map[string]bool
	names []string // that were found, until they were judged
	due   bool     // it is to be looked at
}

// sweep removes the files that nobody wants. Whether a file is still needed only
// downloader and zedmanager know, when they have told all they know.
func (m *Agent) sweep(ctx context.Context, p plan) {
	if m.loads.Complete() {
		keep := map[string]bool{}
		for _, r := range p.requests {
			keep[filepath.Base(r.Target)] = true
		}
		for _, s := range m.loads.Values {
			keep[filepath.Base(s.Request.Target)] = true // downloader has not let go of it
		}
		m.tidy(ctx, &m.rooms[0], keep)
	}
	if m.uses.Complete() {
		keep := map[string]bool{}
		for id, v := range p.volumes {
			keep[fileName(id, v.GenerationCounter)] = true
		}
		for _, u := range m.uses.Values {
			keep[fileName(u.VolumeID, u.GenerationCounter)] = true
		}
		m.tidy(ctx, &m.rooms[1], keep)
	}
}

// tidy removes what is in a directory and not to be kept.
func (m *Agent) tidy(ctx context.Context, r *room, keep map[string]bool) {
	if r.keep == nil || !maps.Equal(r.keep, keep) {
		r.keep, r.due = keep, true
	}
	for _, name := range r.names {
		base, _, more := strings.Cut(name, ".") // no name of ours has a '.'
		inWork := m.busy[filepath.Join(r.dir, base)] != nil
		if !inWork && (!keep[base] || more && !r.parts) {
			m.remove(ctx, r, filepath.Join(r.dir, name))
		}
	}
	r.names = nil
	if r.due && m.busy[r.dir] == nil {
		r.due = false
		m.list(ctx, r)
	}
}

// list looks what is in a directory.
func (m *Agent) list(ctx context.Context, r *room) {
	var names []string
	m.begin(ctx, r.dir, true, func(context.Context) (err error) {
		names, err = list(r.dir)
		return err
	}, func(err error) {
		if err != nil {
			m.log.WithError(err).Errorf("files that nobody wants can't be found; again in %s", retryPause)
			m.lookLater(r)
		}
		r.names = names
	})
}

// remove removes a file that nobody wants.
func (m *Agent) remove(ctx context.Context, r *room, path string) {
	m.begin(ctx, path, true, func(context.Context) error {
		if _, err := os.Lstat(path); err != nil {
			return err
		}
		return os.RemoveAll(path)
	}, func(err error) {
		log := m.log.WithField("file", path)
		switch {
		case err == nil:
			log.Info("a file that nobody wants is removed")
		case !errors.Is(err, fs.ErrNotExist):
			log.WithError(err).Errorf("a file that nobody wants can't be removed; again in %s", retryPause)
			m.lookLater(r)
		}
	})
}

func (m *Agent) lookLater(r *room) {
	m.agent.After("look for files that nobody wants", retryPause, func(context.Context) {
		r.due = true
		m.loop.Soon()
	})
}
