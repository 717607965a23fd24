package linear

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// rawTables are owned by nobody; everybody writes them.
var rawTables = map[wire.Table]bool{ // whether they are durable
	{Agent: "raw", Topic: "Volatile"}: false,
	{Agent: "raw", Topic: "Durable"}:  true,
}

// rawKeys is how many keys of a table are in use at a time.
const rawKeys = 4

// rawKey names the keys of an epoch: each is in use for a short time, so that
// what is checked together stays small.
func rawKey(epoch, i int) string { return fmt.Sprintf("epoch %d/%d", epoch, i) }

// writer is a client that asks for one thing after the other, and what it saw.
type writer struct {
	day    *day
	id     int
	c      *client.Client
	random *rand.Rand
	seen   map[wire.Path]output // of each key: value and revision
	fence  uint64               // of the fenced table of an epoch
	epoch  int                  // of the fence
}

// raw asks for something about a key of a table that nobody owns.
func (w *writer) raw(ctx context.Context) {
	table := pick(w.random, wire.Table{Agent: "raw", Topic: "Volatile"}, wire.Table{Agent: "raw", Topic: "Durable"})
	path := wire.Path{Table: table, Key: rawKey(w.day.epoch(), w.random.IntN(rawKeys))}
	var options []client.ChangeOption
	if rawTables[table] {
		options = append(options, client.Durable())
	}
	seen := w.seen[path]
	in := input{Table: table.String(), Key: path.Key, Expect: -1}
	switch n := w.random.IntN(100); {
	case n < 40:
		w.get(ctx, path, in)
	case n < 62:
		w.put(ctx, path, in, w.day.rec.newValue(), options...)
	case n < 75 && seen.Revision > 0: // an update of what was seen
		w.put(ctx, path, expecting(in, seen.Revision), w.day.rec.newValue(), options...)
	case n < 85:
		w.put(ctx, path, expecting(in, 0), w.day.rec.newValue(), options...)
	case n < 93:
		w.remove(ctx, path, in)
	case n < 97 && seen.Revision > 0:
		w.remove(ctx, path, expecting(in, seen.Revision))
	case seen.Value > 0: // what was there already, perhaps
		w.put(ctx, path, in, seen.Value, options...)
	}
}

func expecting(in input, revision uint64) input {
	in.Expect = int64(revision)
	return in
}

func (in input) options() []client.ChangeOption {
	var options []client.ChangeOption
	if in.Expect >= 0 {
		options = append(options, client.ExpectRevision(uint64(in.Expect)))
	}
	if in.Fence > 0 {
		options = append(options, client.Fence(in.Fence))
	}
	return options
}

func (w *writer) get(ctx context.Context, path wire.Path, in input) error {
	in.Kind = get
	begun := w.day.rec.now()
	entry, err := w.c.Get(ctx, path)
	out := output{Revision: entry.Revision}
	if err == nil {
		var v Value
		if err := json.Unmarshal(entry.Value, &v); err != nil {
			w.day.rec.violation("%s is no value: %v", path, err)
		}
		out.Value = v.N
		w.seen[path] = out
	}
	w.day.rec.add(w.id, in, begun, out, err)
	return err
}

func (w *writer) put(ctx context.Context, path wire.Path, in input, value int, options ...client.ChangeOption) error {
	in.Kind, in.Value = put, value
	begun := w.day.rec.now()
	revision, err := w.c.Put(ctx, path, encode(value), append(options, in.options()...)...)
	if err == nil {
		w.seen[path] = output{Value: value, Revision: revision}
	}
	w.day.rec.add(w.id, in, begun, output{Revision: revision}, err)
	return err
}

func (w *writer) remove(ctx context.Context, path wire.Path, in input) error {
	in.Kind = remove
	begun := w.day.rec.now()
	revision, err := w.c.Delete(ctx, path, in.options()...)
	w.day.rec.add(w.id, in, begun, output{Revision: revision}, err)
	return err
}

func encode(value int) []byte {
	data, err := json.Marshal(Value{value})
	if err != nil {
		panic(err) // a number can be written
	}
	return data
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }
