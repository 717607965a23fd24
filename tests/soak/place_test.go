package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/internal/testutil"
)

// place is where a server runs, in a process of its own unless said.
type place struct {
	t       testing.TB
	options testutil.ServerOptions
	player  string            // the program
	process *testutil.Process // nil: it runs in this one
}

// programs are what the tests run, built without the race detector also where they
// have it: it makes a client some ten times slower.
type programs struct{ server, player string }

func build(t testing.TB) programs {
	return programs{testutil.Build(t, "cmd/nkv-server"), testutil.Build(t, "tests/soak/player")}
}

func newPlace(t testing.TB, built programs) *place {
	dir := t.TempDir()
	p := &place{t: t, player: built.player, options: testutil.ServerOptions{
		Socket: filepath.Join(dir, "s.sock"), StoreDir: filepath.Join(dir, "store"), VolatileDir: filepath.Join(dir, "volatile"),
		OwnerGrace: 300 * time.Millisecond, Program: built.server,
	}}
	p.process = testutil.StartProcess(t, p.options)
	return p
}

func (p *place) url() string { return "unix://" + p.options.Socket }

func (p *place) proc(file string) string {
	pid := os.Getpid()
	if p.process != nil {
		pid = p.process.PID()
	}
	return fmt.Sprintf("/proc/%d/%s", pid, file)
}

// resident returns the process's resident memory in bytes, and the most that it
// was since it was forgotten last.
func (p *place) resident() (now, most int64) {
	p.t.Helper()
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		for name, into := range map[string]*int64{"VmRSS:": &now, "VmHWM:": &most} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					p.t.Fatal(err)
				}
				*into = kib << 10
			}
		}
	}
	return now, most
}

// forgetMost has the most resident memory be counted from now on; see
// proc_pid_clear_refs(5).
func (p *place) forgetMost() {
	p.t.Helper()
	if err := os.WriteFile(p.proc("clear_refs"), []byte("5"), 0); err != nil {
		p.t.Fatal(err)
	}
}

// descriptors returns how many files the process has open.
func (p *place) descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}

// freeDescriptor returns the lowest number that none of the process's files has.
func (p *place) freeDescriptor() uint64 {
	p.t.Helper()
	for n := uint64(0); ; n++ {
		if _, err := os.Lstat(p.proc(fmt.Sprint("fd/", n))); err != nil {
			return n
		}
	}
}

// limitDescriptors has the process get no descriptor of this number or above any
// more, and returns what it was before. Those that it has stay.
func (p *place) limitDescriptors(to uint64) (before uint64) {
	p.t.Helper()
	var old unix.Rlimit
	if err := unix.Prlimit(p.process.PID(), unix.RLIMIT_NOFILE, nil, &old); err != nil {
		p.t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: to, Max: old.Max}
	if err := unix.Prlimit(p.process.PID(), unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		p.t.Fatal(err)
	}
	return old.Cur
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
