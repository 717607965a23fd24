package crash

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// disk is what a trace up to some point has made of a disk: what is on the medium
// for certain, and what is on its way there.
type disk struct {
	files map[int]*node
	dirs  map[string]*dir
}

// node is one file, whatever its name.
type node struct {
	synced  []byte
	pending []event // writes and truncates since
}

// dir is one directory.
type dir struct {
	synced  map[string]entry
	pending []event // of the names in it
}

// entry is what a name stands for: a file's number, or a directory.
type entry struct {
	file int
	dir  bool
}

const (
	sectorSize = 512
	pageSize   = 4096
)

func newDisk() *disk {
	return &disk{files: map[int]*node{}, dirs: map[string]*dir{".": {synced: map[string]entry{}}}}
}

// apply adds one event.
func (d *disk) apply(e event) {
	switch e.call {
	case makeDir:
		d.dirs[e.name] = &dir{synced: map[string]entry{}}
		d.pendName(e)
	case create:
		d.files[e.file] = &node{}
		d.pendName(e)
	case rename, unlink:
		d.pendName(e)
	case write, truncate:
		n := d.files[e.file]
		n.pending = append(n.pending, e)
	case syncFile:
		n := d.files[e.file]
		done, rest := before(n.pending, e.began)
		for _, c := range done {
			n.synced = c.onto(n.synced)
		}
		n.pending = rest
	case syncDir:
		if in := d.dirs[e.name]; in != nil {
			done, rest := before(in.pending, e.began)
			for _, c := range done {
				c.among(in.synced)
			}
			in.pending = rest
		}
	}
}

func (d *disk) pendName(e event) {
	in, _ := parent(e.name)
	d.dirs[in].pending = append(d.dirs[in].pending, e)
}

// before cuts pending changes at an instant.
func before(pending []event, instant int64) (done, rest []event) {
	i := 0
	for i < len(pending) && pending[i].at < instant {
		i++
	}
	return pending[:i], slices.Clone(pending[i:])
}

// onto is a file's content with one write or truncate more.
func (e event) onto(b []byte) []byte {
	if e.call == truncate {
		if e.off <= int64(len(b)) {
			return b[:e.off:e.off]
		}
		return append(b[:len(b):len(b)], make([]byte, e.off-int64(len(b)))...)
	}
	end := e.off + int64(len(e.data))
	b = append(make([]byte, 0, max(end, int64(len(b)))), b...)
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[e.off:], e.data)
	return b
}

// among is a name operation's effect on a directory. Of a rename whose file has
// no name yet, the new name is all that counts.
func (e event) among(names map[string]entry) {
	_, base := parent(e.name)
	switch e.call {
	case makeDir:
		names[base] = entry{dir: true}
	case create:
		names[base] = entry{file: e.file}
	case unlink:
		delete(names, base)
	case rename:
		_, to := parent(e.to)
		delete(names, base)
		names[to] = entry{file: e.file}
	}
}

// How a power cut may treat what was not synced.
type policy int

const (
	all        policy = iota // it all came to the medium
	nothing                  // none of it
	firstOnes                // some first changes, and a part of the next
	anySectors               // any sectors of any changes, and any names
	tornPage                 // all, but for some sectors of one page
	policies
)

// image writes what a power cut may leave now into a directory.
func (d *disk) image(to string, r *rand.Rand) error {
	return d.imageDir(".", to, r)
}

func (d *disk) imageDir(name, to string, r *rand.Rand) error {
	in := d.dirs[name]
	names := maps.Clone(in.synced)
	how, until := policy(r.IntN(int(policies))), r.IntN(len(in.pending)+1)
	for i, e := range in.pending {
		switch how {
		case nothing:
			continue
		case firstOnes:
			if i >= until {
				continue
			}
		case anySectors:
			if r.IntN(2) == 0 {
				continue
			}
		}
		e.among(names)
	}
	for _, base := range slices.Sorted(maps.Keys(names)) {
		e, path := names[base], filepath.Join(to, base)
		if e.dir {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			if err := d.imageDir(filepath.Join(name, base), path, r); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, d.content(d.files[e.file], r), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// content is what may be left of a file.
func (d *disk) content(n *node, r *rand.Rand) []byte {
	b := slices.Clone(n.synced)
	switch how := policy(r.IntN(int(policies))); how {
	case nothing:
		return b
	case firstOnes:
		until := r.IntN(len(n.pending) + 1)
		for i, e := range n.pending[:until] {
			if i == until-1 && e.call == write {
				e.data = e.data[:r.IntN(len(e.data)+1)]
				// What was there before is replaced sector by sector.
				if end := e.off + int64(len(e.data)); end < int64(len(b)) {
					e.data = e.data[:max(0, int64(len(e.data))-end%sectorSize)]
				}
			}
			b = e.onto(b)
		}
		return b
	case anySectors:
		return d.sectors(n, r, func(int64) bool { return r.IntN(2) == 0 })
	case tornPage:
		if len(n.pending) == 0 {
			return b
		}
		last := n.pending[len(n.pending)-1]
		page := (last.off + r.Int64N(int64(len(last.data))+1)) / pageSize
		return d.sectors(n, r, func(off int64) bool { return off/pageSize != page || r.IntN(2) == 0 })
	default:
		for _, e := range n.pending {
			b = e.onto(b)
		}
		return b
	}
}

// sectors applies the sectors of pending changes that came through. Where a file
// grew and the sector did not, there are zeros, anything, or what another file
// left on the medium there.
func (d *disk) sectors(n *node, r *rand.Rand, through func(off int64) bool) []byte {
	after := slices.Clone(n.synced)
	for _, e := range n.pending {
		if e.call == truncate && r.IntN(2) == 0 {
			continue
		}
		after = e.onto(after)
	}
	stale := d.stale(r)
	for at := int64(0); at < int64(len(after)); at += sectorSize {
		end := min(at+sectorSize, int64(len(after)))
		if !touched(n.pending, at, end) || through(at) {
			continue
		}
		was := n.synced[min(at, int64(len(n.synced))):min(end, int64(len(n.synced)))]
		lost := after[at:end]
		clear(lost)
		if len(was) == 0 && at < int64(len(stale)) {
			copy(lost, stale[at:])
		}
		copy(lost, was)
	}
	if len(n.pending) > 0 && r.IntN(3) == 0 { // the length came through as it was in between
		e := n.pending[r.IntN(len(n.pending))]
		if end := e.off + int64(len(e.data)); end >= int64(len(n.synced)) && end < int64(len(after)) {
			after = after[:end]
		}
	}
	return after
}

func touched(pending []event, from, to int64) bool {
	return slices.ContainsFunc(pending, func(e event) bool {
		return e.call == write && e.off < to && from < e.off+int64(len(e.data))
	})
}

// stale is what may lie on the medium where a file was not written yet.
func (d *disk) stale(r *rand.Rand) []byte {
	switch r.IntN(3) {
	case 0:
		return nil
	case 1:
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	other := d.files[1+r.IntN(len(d.files))]
	b := bytes.Clone(other.synced)
	for _, e := range other.pending {
		b = e.onto(b)
	}
	return b
}
