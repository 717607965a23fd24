package linear

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// fencedTable is one that clients take from each other by force, a fresh one for
// each epoch.
func fencedTable(epoch int) wire.Table {
	return wire.Table{Agent: "fenced", Topic: "Value", Scope: strconv.Itoa(epoch)}
}

func fencedKey(slot int) string { return fmt.Sprint("slot ", slot) }

// fenced asks for something about the epoch's table: under a fence, which may have
// been another's since, or without one.
func (w *writer) fenced(ctx context.Context) {
	epoch := w.day.epoch()
	if w.epoch != epoch {
		w.epoch, w.fence = epoch, 0
	}
	table, slot := fencedTable(epoch), w.random.IntN(slots)
	path := wire.Path{Table: table, Key: fencedKey(slot)}
	in := input{Table: table.String(), Key: path.Key, Slot: slot, Expect: -1, Fence: w.fence}
	var err error
	switch n := w.random.IntN(100); {
	case n < 30:
		in.Fence = 0 // a question has none
		err = w.get(ctx, path, in)
	case n < 36 || w.fence == 0 && n < 45:
		w.take(ctx, table)
	case n < 38 && w.fence > 0:
		w.release(ctx, table)
	case n < 44:
		in.Fence = 0
		err = w.put(ctx, path, in, w.day.rec.newValue())
	case w.fence == 0: // most of the time it is one of the others that has the table
		err = w.get(ctx, path, in)
	case n < 90:
		err = w.put(ctx, path, in, w.day.rec.newValue())
	default:
		err = w.remove(ctx, path, in)
	}
	if in.Fence > 0 && errors.Is(err, client.ErrFence) && w.random.IntN(3) > 0 { // now and then it goes on all the same
		w.fence = 0
	}
}

func (w *writer) take(ctx context.Context, table wire.Table) {
	begun := w.day.rec.now()
	fence, err := w.c.Take(ctx, table, false)
	w.day.rec.add(w.id, input{Kind: take, Table: table.String(), Expect: -1}, begun, output{Revision: fence}, err)
	if err == nil {
		w.fence = fence
	}
}

func (w *writer) release(ctx context.Context, table wire.Table) {
	begun, fence := w.day.rec.now(), w.fence
	err := w.c.Release(ctx, table, fence)
	w.day.rec.add(w.id, input{Kind: release, Table: table.String(), Expect: -1, Fence: fence}, begun, output{}, err)
	w.fence = 0
}
