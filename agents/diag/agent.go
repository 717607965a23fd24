package diag

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// DefaultTimeout is how long a single look waits for all tables.
const DefaultTimeout = 10 * time.Second

// frame is the shortest time between two pictures: more of them nobody can
// read.
const frame = 50 * time.Millisecond

// connectionLook is how often the live picture looks whether the server is
// still there; there is no event for it.
const connectionLook = time.Second

// Options configure how the device is shown.
type Options struct {
	// Out is where it is shown; required.
	Out io.Writer
	// Once shows the device one time, when every table was read completely.
	Once bool
	// JSON shows it as one JSON document; only with Once.
	JSON bool
	// Timeout is how long Once waits; DefaultTimeout when it is 0.
	Timeout time.Duration
	// Size returns width and height of the terminal that Out is; nil: Out is
	// none. Called for every picture.
	Size func() (width, height int)
	// Resized tells that the terminal's size changed; may be nil.
	Resized <-chan struct{}
	// Colour says that the terminal shall show colours.
	Colour bool
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
	return nil
}

// view is a way of showing the device.
type view interface {
	// changed is called after each change of the model.
	changed(change)
	// completed is called when the last table was read completely.
	completed()
	// close is called at the end; it returns the first error of showing.
	close() error
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
	v, err := newView(a, model, opts, end)
	if err != nil {
		return err
	}
	r := &reader{agent: a, model: model, changed: v.changed, completed: v.completed}
	if err := r.subscribe(ctx); err != nil {
		return err
	}
	if err := a.Run(ctx); err != nil {
		return err
	}
	return v.close()
}

func newView(a *agent.Agent, model *Model, opts Options, end context.CancelCauseFunc) (view, error) {
	switch {
	case opts.Once:
		o := &onceView{agent: a, model: model, opts: opts, end: end}
		a.After("timeout", opts.Timeout, func(context.Context) {
			o.offline = a.Client().Connected()
			end(ErrIncomplete)
		})
		return o, nil
	case opts.Size == nil:
		return &lineView{out: opts.Out, end: end}, nil
	}
	s := &screenView{agent: a, model: model, opts: opts, end: end, screen: NewScreen(opts.Out)}
	if opts.Resized != nil {
		err := agent.On(a, "resize", opts.Resized, func(context.Context, struct{}) { s.draw() })
		if err != nil {
			return nil, err
		}
	}
	s.soon()
	_, err := a.Every("connection", connectionLook, func(context.Context) { s.look() })
	return s, err
}

// onceView shows the device when all of it is there.
type onceView struct {
	agent *agent.Agent
	model *Model
	opts  Options
	end   context.CancelCauseFunc
	whole bool

	offline error // when the time was up: why there was no connection
}

func (v *onceView) changed(change) {}

// completed ends the look.
func (v *onceView) completed() {
	v.whole = true
	v.end(nil)
}

func (v *onceView) close() error {
	doc := v.model.Document()
	if err := v.show(doc); err != nil {
		return err
	}
	if v.whole {
		return nil
	}
	missing := strings.Join(v.model.missing(), ", ")
	if v.offline != nil {
		return fmt.Errorf("%w: %s: %w", ErrIncomplete, missing, v.offline)
	}
	return fmt.Errorf("%w: %s; is their agent running?", ErrIncomplete, missing)
}

func (v *onceView) show(doc Document) error {
	if v.opts.JSON {
		enc := json.NewEncoder(v.opts.Out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(doc)
	}
	width := 0
	if v.opts.Size != nil {
		width, _ = v.opts.Size()
	}
	_, err := io.WriteString(v.opts.Out, strings.Join(doc.Render(width, v.opts.Colour), "\n")+"\n")
	return err
}

// lineView shows one line per change.
type lineView struct {
	out io.Writer
	end context.CancelCauseFunc
	err error
}

func (v *lineView) changed(c change) { v.write(Line(time.Now(), c.op, c.table, c.key, c.now, c.old)) }

func (v *lineView) completed() {
	v.write(time.Now().UTC().Format("15:04:05.000") + " = all tables were read completely")
}

func (v *lineView) write(line string) {
	if v.err != nil {
		return
	}
	if _, v.err = io.WriteString(v.out, line+"\n"); v.err != nil {
		v.end(v.err)
	}
}

func (v *lineView) close() error { return v.err }

// screenView redraws a picture when something changed, not more often than
// every frame.
type screenView struct {
	agent  *agent.Agent
	model  *Model
	opts   Options
	end    context.CancelCauseFunc
	screen *Screen
	due    bool // a picture is to be drawn at the end of the frame
	err    error
}

func (v *screenView) changed(change) { v.soon() }

func (v *screenView) completed() { v.soon() }

// look notes whether there is a connection to the server.
func (v *screenView) look() {
	offline := ""
	if err := v.agent.Client().Connected(); err != nil {
		offline = err.Error()
	}
	if offline != v.model.Offline {
		v.model.Offline = offline
		v.soon()
	}
}

// soon draws a picture at the end of the current frame.
func (v *screenView) soon() {
	if v.due {
		return
	}
	v.due = true
	v.agent.After("picture", frame, func(context.Context) { v.draw() })
}

func (v *screenView) draw() {
	v.due = false
	if v.err != nil {
		return
	}
	width, height := v.opts.Size()
	if v.err = v.screen.Draw(v.model.Document().Render(width, v.opts.Colour), height); v.err != nil {
		v.end(v.err)
	}
}

func (v *screenView) close() error {
	if v.err != nil {
		return v.err
	}
	v.draw() // what changed last
	return v.screen.Close()
}
