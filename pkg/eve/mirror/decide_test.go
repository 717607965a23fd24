package mirror

import (
	"bytes"
	"errors"
	"testing"
)

func TestDecide(t *testing.T) {
	at := func(value string, written int64) stamp {
		return stamp{there: true, sum: sumOf([]byte(value)), written: written}
	}
	old, now, other := at("old", 1), at("now", 2), at("other", 3)
	again := at("old", 4) // somebody wrote the old value again
	wants := note{wants: true, want: now.sum, had: old}
	first := note{wants: true, want: now.sum}
	goes := note{had: old}
	stale := first
	stale.stale = true
	for name, c := range map[string]struct {
		sight sight
		want  action
	}{
		"as it should be":                    {sight{disk: now, has: true, value: now.sum, note: wants}, actKeep},
		"no note, the same":                  {sight{disk: now, has: true, value: now.sum}, actKeep},
		"not renamed yet":                    {sight{disk: old, has: true, value: now.sum, note: wants}, actWrite},
		"the old value written again":        {sight{disk: again, has: true, value: now.sum, note: wants}, actImport},
		"another value":                      {sight{disk: other, has: true, value: now.sum, note: wants}, actImport},
		"new":                                {sight{disk: other}, actImport},
		"never mirrored":                     {sight{disk: other, has: true, value: now.sum}, actWrite},
		"table changed without a mirror":     {sight{disk: now, has: true, value: other.sum, note: wants}, actWrite},
		"key deleted without a mirror":       {sight{disk: now, note: wants}, actUnlink},
		"not unlinked yet":                   {sight{disk: old, note: goes}, actUnlink},
		"made again after its deletion":      {sight{disk: again, note: goes}, actImport},
		"gone":                               {sight{has: true, value: now.sum, note: wants}, actDelete},
		"new and gone":                       {sight{has: true, value: now.sum, note: first}, actDelete},
		"new and not renamed yet":            {sight{has: true, value: now.sum, note: first, leftover: true}, actWrite},
		"could not be written":               {sight{has: true, value: now.sum, note: stale}, actWrite},
		"never written":                      {sight{has: true, value: now.sum}, actWrite},
		"put without a mirror":               {sight{has: true, value: now.sum, note: goes}, actWrite},
		"lost, our backup":                   {sight{has: true, value: now.sum, note: wants, backup: old}, actWrite},
		"lost, a backup of the present":      {sight{has: true, value: now.sum, note: wants, backup: now}, actWrite},
		"lost, another's backup":             {sight{has: true, value: now.sum, note: wants, backup: other}, actRecover},
		"emptied":                            {sight{empty: true, has: true, value: now.sum, note: wants, backup: other}, actWrite},
		"lost, never mirrored":               {sight{backup: other}, actRecover},
		"emptied, never mirrored":            {sight{empty: true, backup: other}, actRecover},
		"empty":                              {sight{empty: true}, actLeave},
		"deleted, the backup is left":        {sight{note: goes, backup: other}, actUnlink},
		"deleted without a mirror, our bak":  {sight{note: wants, backup: old}, actUnlink},
		"deleted without a mirror, anothers": {sight{note: wants, backup: other}, actRecover},
		"a directory":                        {sight{odd: true}, actLeave},
		"a pipe in the way":                  {sight{odd: true, has: true, value: now.sum, note: wants}, actWrite},
		"too large":                          {sight{odd: true, precious: true, has: true, value: now.sum, note: wants}, actLeave},
		"nothing":                            {sight{note: goes}, actKeep},
	} {
		if got := c.sight.decide(); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func FuzzNote(f *testing.F) {
	for _, n := range []note{
		{}, {wants: true, want: sumOf([]byte("a"))}, {had: stamp{there: true, written: 1}},
		{wants: true, had: stamp{there: true, written: -1}, stale: true},
	} {
		f.Add(n.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decodeNote(b)
		if err != nil {
			if !errors.Is(err, ErrNote) {
				t.Fatal(err)
			}
			return
		}
		if back := n.encode(); !bytes.Equal(back, b) {
			t.Fatalf("%x came back as %x", b, back)
		}
	})
}
