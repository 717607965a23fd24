package domain

import (
	"errors"
	"maps"
	"slices"
)

// Found is what there is of the applications in a directory.
type Found struct {
	// Processes are the processes that live.
	Processes []*Process
	// Others are the keys of applications of which there may be something else: a
	// process that is about to start, or one that an application left behind.
	Others []string
}

// Find looks for the applications' processes and removes the lock files that are
// of no use any more.
func (d *Dir) Find() (Found, error) {
	var found Found
	processes, err := d.marked()
	if err != nil {
		return found, err
	}
	files, err := d.names()
	if err != nil {
		return found, err
	}
	names := map[string]bool{}
	for name := range processes {
		names[name] = true
	}
	for _, name := range files {
		gone, err := d.forget(name)
		if err != nil {
			d.log.WithError(err).WithField("file", d.lockPath(name)).Warn("a lock can't be looked at")
		}
		if !gone {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if p := d.leader(name, d.members(name, nil)); p != nil {
			found.Processes = append(found.Processes, p)
		} else {
			found.Others = append(found.Others, d.key(name))
		}
	}
	return found, nil
}

// members returns the processes of an application: those that carry its mark, and
// its process p, if that is given, with those in its session as long as it is not
// reaped. When the one that was started is not among them, those that hold its
// lock count too.
func (d *Dir) members(name string, p *Process) []stat {
	found, err := d.marked()
	list := found[name]
	if err == nil && p != nil && p.child {
		err = processes(func(pid int) {
			if s, err := readStat(pid); err == nil && s.session == p.pid && !s.dead() {
				list = append(list, s)
			}
		})
	} else if p != nil && !p.handle.ended() {
		var s stat
		if s, err = readStat(p.pid); err == nil {
			list = append(list, s)
		}
	}
	if err == nil && !slices.ContainsFunc(list, stat.leads) {
		var holders []stat
		holders, err = d.holders(name)
		list = append(list, holders...)
	}
	if err != nil {
		d.log.WithError(err).Error("the processes of an application can't be looked for")
	}
	slices.SortFunc(list, func(a, b stat) int { return a.pid - b.pid })
	return slices.CompactFunc(list, func(a, b stat) bool { return a.pid == b.pid })
}

// leader returns the process that was started for the application; nil: it is not
// among them. When its number was not noted, it is the first that began a session.
func (d *Dir) leader(name string, members []stat) *Process {
	var first *stat
	_, pid, _ := readRecord(d.lockPath(name)) // 0 when that fails
	for i, s := range members {
		if s.leads() && (pid == 0 || pid == s.pid) && (first == nil || s.start < first.start) {
			first = &members[i]
		}
	}
	if first == nil {
		return nil
	}
	p, err := d.attach(name, *first)
	if err != nil {
		d.log.WithError(err).WithField("key", d.key(name)).Debug("a process was found and is gone")
		return nil
	}
	return p
}

// handles opens handles of those processes that are still there.
func (d *Dir) handles(members []stat) []*handle {
	var list []*handle
	var errs []error
	for _, s := range members {
		h, err := openHandle(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, h)
	}
	if err := errors.Join(errs...); err != nil {
		d.log.WithError(err).Debug("processes of an application are gone")
	}
	return list
}

// killAll kills processes at once.
func (d *Dir) killAll(members []stat) {
	for _, h := range d.handles(members) {
		d.signal(h, kill)
		h.close()
	}
}
