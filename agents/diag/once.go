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

// onceView shows the device when all of it is there.
type onceView struct {
	agent    *agent.Agent
	model    *Model
	opts     Options
	end      context.CancelCauseFunc
	surveyor *surveyor
	whole    bool

	offline error // when the time was up: why there was no connection
}

func (v *onceView) start() error {
	v.agent.After("timeout", v.opts.Timeout, func(context.Context) {
		if v.whole {
			return // the survey that was asked for has a limit of its own
		}
		if v.offline = v.agent.Client().Connected(); v.offline != nil {
			v.end(ErrIncomplete)
			return
		}
		v.surveyor.ask()
	})
	return nil
}

func (v *onceView) every() time.Duration { return 0 }

func (v *onceView) surveys(s *surveyor) { v.surveyor = s }

// surveyed ends the look.
func (v *onceView) surveyed() { v.end(nil) }

func (v *onceView) changed(change) {}

func (v *onceView) completed() {
	v.whole = true
	v.surveyor.ask()
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
	look := Look{Colour: v.opts.Colour, ASCII: v.opts.ASCII}
	if v.opts.Size != nil {
		look.Width, _ = v.opts.Size()
	}
	_, err := io.WriteString(v.opts.Out, strings.Join(doc.Render(look), "\n")+"\n")
	return err
}
