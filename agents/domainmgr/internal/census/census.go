// Package census counts the processes of applications for tests, by other means
// than what is tested.
//
// Start reading at Watch.
package census

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pause is the time between two looks. A second process would not go away by
// itself, so it need not be short.
const pause = 10 * time.Millisecond

// Process is a process of an application.
type Process struct {
	PID int
	// Start tells it from others of that number.
	Start string
	// Env is what domainmgr put into its environment. What else is there is
	// nobody's business.
	Env map[string]string
}

// Of returns the processes that live of the applications of a directory, by their
// ids.
func Of(dir string) map[string][]Process {
	found := map[string][]Process{}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // else it is not there, and nothing but its name is known
	}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		if p, ok := look(pid); ok && p.Env["NKV_DOMAIN_DIR"] == dir {
			id := p.Env["NKV_DOMAIN_ID"]
			found[id] = append(found[id], p)
		}
	}
	return found
}

// look returns an application's process that lives; a zombie has no environment.
func look(pid int) (Process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, false
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || len(data) == 0 {
		return Process{}, false
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	p := Process{PID: pid, Start: fields[19], Env: map[string]string{}}
	for v := range strings.SplitSeq(string(data), "\x00") {
		key, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(key, "NKV_DOMAIN_") {
			p.Env[key] = value
		}
	}
	return p, p.Env["NKV_DOMAIN_ID"] != "" && p.Env["NKV_DOMAIN_DIR"] != ""
}

// lives reports whether it is still there.
func (p Process) lives() bool {
	now, ok := look(p.PID)
	return ok && now.Start == p.Start
}

// Watch fails the test when an application has two processes at any time until
// the end of the test.
func Watch(t testing.TB, dir string) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for id, list := range Of(dir) {
				if len(list) > 1 && together(list) {
					t.Errorf("application %s has processes %v at once", id, pids(list))
					return
				}
			}
			select {
			case <-end:
				return
			case <-time.After(pause): // a process's start has no event
			}
		}
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
	})
}

// together reports whether two of them live at the same time: all have been seen,
// so those that still live now have since then.
func together(list []Process) bool {
	alive := slices.DeleteFunc(slices.Clone(list), func(p Process) bool { return !p.lives() })
	return len(alive) > 1
}

func pids(list []Process) []int {
	var numbers []int
	for _, p := range list {
		numbers = append(numbers, p.PID)
	}
	return numbers
}
