package pubsub

import (
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Where the system's watchdog looks, as EVE lays it out.
const (
	touchDir        = "/run"
	watchdogFileDir = "/run/watchdog/file"
	watchdogPidDir  = "/run/watchdog/pid"
)

// StillRunning tells the watchdog that the agent's loop turns, by touching
// /run/<agent>.touch, and logs when the last call was longer ago than warnTime or
// errTime.
func (p *PubSub) StillRunning(agentName string, warnTime, errTime time.Duration) {
	now := time.Now()
	if last, found := p.turned.swap(agentName, now); found {
		p.late(now.Sub(last), warnTime, errTime, "the loop of %s did not turn for %s", agentName)
	}
	if err := touch(filepath.Join(p.touchDir, agentName+".touch"), now); err != nil {
		p.log.Errorf("the watchdog can't be told that %s runs: %v", agentName, err)
	}
}

// CheckMaxTimeTopic logs when a handler that began at start took longer than
// warnTime or errTime; 0: never.
func (p *PubSub) CheckMaxTimeTopic(agentName, topic string, start time.Time, warnTime, errTime time.Duration) {
	took := time.Since(start)
	if warnTime == 0 {
		warnTime = took
	}
	if errTime == 0 {
		errTime = took
	}
	p.late(took, warnTime, errTime, "the handler of "+topic+" in %s took %s", agentName)
}

func (p *PubSub) late(took, warnTime, errTime time.Duration, format, agentName string) {
	switch {
	case took > errTime:
		p.log.Errorf(format+", longer than the error threshold %s", agentName, took, errTime)
	case took > warnTime:
		p.log.Warnf(format+", longer than the warning threshold %s", agentName, took, warnTime)
	}
}

// RegisterFileWatchdog has the watchdog look at the file that StillRunning touches.
func (p *PubSub) RegisterFileWatchdog(agentName string) {
	p.register(filepath.Join(p.watchdogFileDir, agentName+".touch"))
}

// RegisterPidWatchdog has the watchdog look at the agent's pid file.
func (p *PubSub) RegisterPidWatchdog(agentName string) {
	p.register(filepath.Join(p.watchdogPidDir, agentName+".pid"))
}

func (p *PubSub) register(file string) {
	p.log.Noticef("registering with the watchdog: %s", file)
	if err := touch(file, time.Now()); err != nil {
		p.log.Errorf("the watchdog does not know of the agent: %v", err)
	}
}

// touch sets a file's time, and makes the file when it is not there.
func touch(file string, now time.Time) error {
	err := os.Chtimes(file, now, now)
	if !os.IsNotExist(err) {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	return f.Close()
}

// turns remembers when each agent's loop turned last. Safe for concurrent use.
type turns struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (t *turns) swap(agent string, now time.Time) (last time.Time, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, found = t.last[agent]
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	t.last[agent] = now
	return last, found
}
