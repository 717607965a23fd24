package diag

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// DefaultTimeout is how long a single look waits for all tables.
const DefaultTimeout = 10 * time.Second

// Options configure how the device is shown.
type Options struct {
	// Out is where it is shown; required.
	Out io.Writer
	// Once shows the device one time, when every table was read completely and
	// the agents were asked how far they are.
	Once bool
	// JSON shows it as one JSON document; only with Once.
	JSON bool
	// Timeout is how long Once waits for the tables; DefaultTimeout when it is
	// 0.
	Timeout time.Duration
	// Size returns width and height of the terminal that Out is; nil: Out is
	// none. Called for every picture.
	Size func() (width, height int)
	// Resized tells that the terminal's size changed; may be nil.
	Resized <-chan struct{}
	// Colour says that the terminal shall show colours.
	Colour bool
	// ASCII says that text is written in ASCII alone.
	ASCII bool
	// Now tells the time; time.Now when it is nil.
	Now func() time.Time

	surveyEvery time.Duration // of the live picture; the constant when it is 0
}

func (o *Options) check() error {
	switch {
	case o.Out == nil:
		return fmt.Errorf("%w: Out is nil", ErrInvalidOption)
	case o.JSON && !o.Once:
		return fmt.Errorf("%w: JSON needs Once: there is one document", ErrInvalidOption)
	case o.Timeout < 0:
		return fmt.Errorf("%w: Timeout is %s; it must not be negative", ErrInvalidOption, o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.surveyEvery = cmp.Or(o.surveyEvery, surveyEvery)
	return nil
}

// view is a way of showing the device. All of it is called in the agent's event
// loop, but for close, which is called after that has ended.
type view interface {
	// start is called once, before any other.
	start() error
	// changed is called after each change of the model.
	changed(change)
	// completed is called when the last table was read completely.
	completed()
	// close is called at the end; it returns the first error of showing.
	close() error
}

// surveyed is a view that wants surveys.
type surveyed interface {
	// every is the time between two surveys; 0: only those that are asked for.
	every() time.Duration
	// surveys is called before start with what makes them.
	surveys(*surveyor)
	// surveyed is called when the model has a new survey.
	surveyed()
}

// Run shows the device with a connected agent, then closes it. It returns nil
// when ctx is done, or with Once when the device was shown. With Once, what
// was read in time is shown even when tables were missing; the error is then
// ErrIncomplete.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	defer a.Close()
	if err := opts.check(); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	model := NewModel()
	model.Now = opts.Now
	v := newView(a, model, opts, end)
	r := &reader{agent: a, model: model, changed: v.changed, completed: v.completed}
	if err := r.subscribe(ctx); err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer end(nil)
	if to, ok := v.(surveyed); ok {
		s := newSurveyor(a, model, to.every(), func(found Survey) {
			model.surveyed(found)
			to.surveyed()
		})
		to.surveys(s)
		work.Go(func() { s.run(ctx) })
	}
	if err := v.start(); err != nil {
		return err
	}
	if err := a.Run(ctx); err != nil {
		return err
	}
	return v.close()
}

func newView(a *agent.Agent, model *Model, opts Options, end context.CancelCauseFunc) view {
	switch {
	case opts.Once:
		return &onceView{agent: a, model: model, opts: opts, end: end}
	case opts.Size == nil:
		return newLineView(a, opts, end)
	}
	return &liveView{agent: a, model: model, opts: opts, end: end, screen: NewScreen(opts.Out)}
}
