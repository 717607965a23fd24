package diag

import (
	"context"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

const (
	// frame is the shortest time between two pictures: more of them nobody can
	// read.
	frame = 50 * time.Millisecond
	// second is the time between two pictures of a device on which nothing
	// happens but that time passes.
	second = time.Second
	// connectionLook is how often the live picture looks whether the server is
	// still there; there is no event for it.
	connectionLook = time.Second
)

// liveView redraws a picture when something changed, not more often than every
// frame.
type liveView struct {
	agent    *agent.Agent
	model    *Model
	opts     Options
	end      context.CancelCauseFunc
	screen   *Screen
	surveyor *surveyor
	drawn    []string // the picture on the screen
	due      bool     // a picture is to be drawn at the end of the frame
	counting bool     // a picture is to be drawn when a second is over
	err      error
}

func (v *liveView) start() error {
	if v.opts.Resized != nil {
		err := agent.On(v.agent, "resize", v.opts.Resized, func(context.Context, struct{}) {
			v.drawn = nil // the terminal may have moved what was on it
			v.draw()
		})
		if err != nil {
			return err
		}
	}
	v.soon()
	_, err := v.agent.Every("connection", connectionLook, func(context.Context) { v.look() })
	return err
}

func (v *liveView) every() time.Duration { return v.opts.surveyEvery }

func (v *liveView) surveys(s *surveyor) { v.surveyor = s }

func (v *liveView) surveyed() { v.soon() }

func (v *liveView) changed(change) { v.soon() }

func (v *liveView) completed() {
	v.soon()
	v.surveyor.ask()
}

// look notes whether there is a connection to the server.
func (v *liveView) look() {
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
func (v *liveView) soon() {
	if v.due {
		return
	}
	v.due = true
	v.agent.After("picture", frame, func(context.Context) { v.draw() })
}

func (v *liveView) draw() {
	v.due = false
	if v.err != nil {
		return
	}
	doc := v.model.Document()
	if doc.Counts() && !v.counting {
		v.counting = true
		v.agent.After("second", second, func(context.Context) {
			v.counting = false
			v.soon()
		})
	}
	width, height := v.opts.Size()
	look := Look{Width: width, Height: max(height-1, 0), Colour: v.opts.Colour, Live: true, ASCII: v.opts.ASCII}
	lines := doc.Render(look)
	if slices.Equal(lines, v.drawn) {
		return
	}
	v.drawn = lines
	if v.err = v.screen.Draw(lines, height); v.err != nil {
		v.end(v.err)
	}
}

func (v *liveView) close() error {
	if v.err != nil {
		return v.err
	}
	v.draw() // what changed last
	if v.err != nil {
		return v.err
	}
	return v.screen.Close()
}
