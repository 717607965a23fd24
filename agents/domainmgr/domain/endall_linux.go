package domain

import (
	"context"
	"errors"
	"sync"
	"time"
)

// EndAll ends whatever there is of all applications; see Process.Halt.
func (d *Dir) EndAll(ctx context.Context, grace time.Duration) error {
	for {
		found, err := d.Find()
		if err != nil || len(found.Processes)+len(found.Others) == 0 {
			return err
		}
		var work sync.WaitGroup
		for _, p := range found.Processes {
			work.Go(func() {
				defer p.Close()
				_ = p.Halt(ctx, grace) // it is looked for again
			})
		}
		for _, key := range found.Others {
			work.Go(func() { _ = d.End(ctx, key, grace) }) // likewise
		}
		work.Wait()
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), errors.New("some may be left"))
		}
	}
}
