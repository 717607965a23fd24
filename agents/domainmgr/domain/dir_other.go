//go:build !linux

package domain

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

func supported() error {
	return fmt.Errorf("%w: it is %s, and only Linux is known here", ErrUnsupported, runtime.GOOS)
}

// Nothing below is ever called: Open fails.

// Process is the process of an application.
type Process struct{ record record }

// Key is the application's key.
func (p *Process) Key() string { return p.record.Key }

// PID is its number.
func (p *Process) PID() int { return 0 }

// Found says that it was there already.
func (p *Process) Found() bool { return false }

// StartedAt is when it was started.
func (p *Process) StartedAt() time.Time { return p.record.StartedAt }

// Config is the request that it was started with.
func (p *Process) Config() (types.DomainConfig, bool) { return p.record.Config, false }

// Wait returns how the process ended.
func (p *Process) Wait(context.Context) (Exit, error) { return Exit{}, supported() }

// Halt ends the process and all that it started.
func (p *Process) Halt(context.Context, time.Duration) error { return supported() }

// Close stops to watch the process.
func (p *Process) Close() {}

// Found is what there is of the applications in a directory.
type Found struct {
	Processes []*Process
	Others    []string
}

// Find looks for the applications' processes.
func (d *Dir) Find() (Found, error) { return Found{}, supported() }

// Start returns the process of an application.
func (d *Dir) Start(context.Context, string, types.DomainConfig) (*Process, error) {
	return nil, supported()
}

// End ends whatever there is of an application.
func (d *Dir) End(context.Context, string, time.Duration) error { return supported() }

// Usage is what the processes of an application use together.
type Usage struct{ CPUNanoseconds, ResidentBytes uint64 }

// Sample returns what applications use.
func (d *Dir) Sample(map[string]int) (map[string]Usage, error) { return nil, supported() }

// Trim bounds the log of an application.
func (d *Dir) Trim(string) error { return supported() }

// EndAll ends whatever there is of all applications.
func (d *Dir) EndAll(context.Context, time.Duration) error { return supported() }
