package domain

import (
	"os"
	"slices"
)

// Usage is what the processes of an application use together.
type Usage struct {
	// CPUNanoseconds is the processor time that they and their ended children have
	// used, in steps of 10 ms.
	CPUNanoseconds uint64
	// ResidentBytes is their memory in use; what they share counts for each.
	ResidentBytes uint64
}

// Sample returns what applications use, by their key. It takes the process of
// each; an application whose process has ended is left out.
func (d *Dir) Sample(pids map[string]int) (map[string]Usage, error) {
	found, err := d.marked()
	if err != nil {
		return nil, err
	}
	usage := map[string]Usage{}
	for key, pid := range pids {
		members := found[Name(key)]
		if !slices.ContainsFunc(members, func(s stat) bool { return s.pid == pid }) {
			s, err := readStat(pid)
			if err != nil || s.dead() {
				continue
			}
			members = append(members, s) // it changed its environment
		}
		var sum Usage
		for _, s := range members {
			sum.CPUNanoseconds += s.ticks * clockTick
			sum.ResidentBytes += resident(s.pid)
		}
		usage[key] = sum
	}
	return usage, nil
}

// Trim bounds the log of an application.
func (d *Dir) Trim(key string) error {
	err := trim(d.logPath(Name(key)), d.logMost)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
