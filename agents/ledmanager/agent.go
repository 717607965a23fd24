package ledmanager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/converge"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

const (
	// publishTimeout is how long the agent waits for the server to acknowledge
	// its status. The publication sends it later when it can.
	publishTimeout = 5 * time.Second
	// retryPause is the time between two tries to write the file.
	retryPause = 5 * time.Second
	// patience is how long the agent waits, once, for the others to tell what
	// they know, before it shows what is missing.
	patience = 5 * time.Second
)

// Options configure the agent.
type Options struct {
	// File is where the pattern is written; required. Its directory must exist.
	File string
	// Logger gets what people should know; required.
	Logger logrus.FieldLogger
}

// Agent shows the device's state with a light. It belongs to the event loop of
// its agent.Agent.
type Agent struct {
	log   logrus.FieldLogger
	agent *agent.Agent
	file  string
	loop  *converge.Loop

	zedagent *converge.Table[types.ZedAgentStatus]
	network  *converge.Table[types.DeviceNetworkStatus]
	apps     *converge.Table[types.AppInstanceStatus]

	status  *agent.Publication[types.LedStatus]
	began   wanted.Restart
	waited  bool    // patience is over
	written Pattern // that is in the file
	retry   func()  // stops the timer of the next try to write; nil: none runs
}

// Run shows patterns until ctx is done, with an agent that was connected under
// the name "ledmanager"; then it returns nil and the agent is closed. It waits
// for the server, and for another ledmanager to leave. The file stays as it is at
// the end.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	defer a.Close()
	switch {
	case opts.File == "":
		return fmt.Errorf("%w: File is empty; name the file of the light's pattern", ErrInvalidOption)
	case opts.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	file, err := filepath.Abs(opts.File)
	if err != nil {
		return err
	}
	l := &Agent{log: opts.Logger, agent: a, file: file}
	l.loop = converge.New(a, "choose a pattern", l.converge)
	if l.status, err = wanted.Open(ctx, a, topics.LedStatus, l.log); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	var errs [3]error
	l.zedagent, errs[0] = converge.FollowOptional(ctx, l.loop, topics.ZedAgentStatus)
	l.network, errs[1] = converge.FollowOptional(ctx, l.loop, topics.DeviceNetworkStatus)
	l.apps, errs[2] = converge.FollowOptional(ctx, l.loop, topics.AppInstanceStatus)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	defer a.After("show what is known", patience, func(context.Context) {
		l.waited = true
		l.loop.Soon()
	})()
	return a.Run(ctx)
}

// converge shows the pattern of what is known. What a former instance showed
// stands until the others have told what they know.
func (l *Agent) converge(parent context.Context) {
	waiting := !(l.zedagent.Complete() && l.network.Complete() && l.apps.Complete())
	if waiting && !l.waited {
		return
	}
	pattern := Choose(Device{
		ZedAgent: l.zedagent.Values[types.StatusKey], Network: l.network.Values[types.StatusKey], Apps: l.apps.Values, Waiting: waiting,
	})
	status := types.LedStatus{Blinks: pattern.Blinks, Meaning: pattern.Meaning, File: l.file}
	if err := l.show(pattern); err != nil {
		status.Error = err.Error()
	}
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	var r wanted.Result
	wanted.Put(ctx, l.status, map[string]types.LedStatus{types.StatusKey: status}, &r)
	for _, err := range r.Refused {
		l.log.WithError(err).Error("the light's status is not published")
	}
	l.began.Tell(ctx, l.log, l.status)
}

// show writes the pattern when it is another one. A file that can't be written
// is tried again.
func (l *Agent) show(pattern Pattern) error {
	if l.retry != nil {
		l.retry()
		l.retry = nil
	}
	if pattern == l.written {
		return nil
	}
	err := os.WriteFile(l.file+".new", fmt.Appendf(nil, "%d\n%s\n", pattern.Blinks, pattern.Meaning), 0o644)
	if err == nil {
		err = os.Rename(l.file+".new", l.file)
	}
	if err != nil {
		l.log.WithError(err).Warnf("the light's pattern can't be written; again in %s", retryPause)
		l.retry = l.agent.After("write the pattern again", retryPause, func(context.Context) { l.loop.Soon() })
		return err
	}
	l.written = pattern
	l.log.WithFields(logrus.Fields{"blinks": pattern.Blinks, "meaning": pattern.Meaning}).Info("the light shows another pattern")
	return nil
}
