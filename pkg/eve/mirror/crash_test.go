package mirror_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
)

// image is everything at some instant of a commit.
type image struct {
	dir   string
	base  string // of the lane that commits
	after bool
}

// TestCrashAroundCommit takes images of everything before and after the commit of
// each batch, and with some of the renames done, and starts on each.
func TestCrashAroundCommit(t *testing.T) {
	r := random(t)
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprint("durable ", durable), func(t *testing.T) {
			d := boot(t, t.TempDir())
			for i := range 6 {
				d.put("a/T", fmt.Sprint("key ", i), "0", durable)
			}
			for _, ask := range []nkv.Request{
				put("a/T", "key 1", "1", durable),
				put("a/T", "new", "1", durable),
				put("b/New", "new", "1", durable),
				{Op: nkv.OpMark, Table: name("a/T"), Restart: 1},
				{Op: nkv.OpClear, Table: name("a/T"), Match: func(key string) bool { return key < "key%204" }},
				{Op: nkv.OpOpen, Table: name("a/T"), Durable: !durable, Instance: nkv.Instance{ID: "1", Agent: "a"}},
				put("a/T", "key 1", "2", durable),
				{Op: nkv.OpMark, Table: name("a/T")},
				{Op: nkv.OpOpen, Table: name("a/T"), Durable: durable, Instance: nkv.Instance{ID: "1", Agent: "a"}},
			} {
				before := d.wanted()
				images := d.imagesOf(ask)
				after := d.wanted()
				for _, i := range images {
					if i.after {
						images = append(images, i.halfway(t, r, d), i.halfway(t, r, d))
					}
				}
				for n, i := range images {
					startOn(t, fmt.Sprintf("operation %d, image %d", ask.Op, n), i, before, after)
				}
			}
		})
	}
}

// imagesOf makes a change and takes images meanwhile.
func (d *device) imagesOf(r nkv.Request) []image {
	d.t.Helper()
	if r.Op != nkv.OpOpen {
		r.Fence = d.must(nkv.Request{Op: nkv.OpSnapshot, Table: r.Table}).Info.Fence
	}
	var mu sync.Mutex // guards images
	var images []image
	taking := func(base string) func([]store.Op, func([]store.Op) error) error {
		return func(batch []store.Op, inner func([]store.Op) error) error {
			mu.Lock()
			defer mu.Unlock()
			images = append(images, image{copyTree(d.t, d.dir), base, false})
			err := inner(batch)
			images = append(images, image{copyTree(d.t, d.dir), base, true})
			return err
		}
	}
	d.durable.on(taking(status))
	d.volatile.on(taking(run))
	d.must(r)
	d.wanted() // what follows a move has happened, too
	d.durable.on(nil)
	d.volatile.on(nil)
	return images
}

// halfway is an image with some of the files as they were in the end.
func (i image) halfway(t *testing.T, r *rand.Rand, d *device) image {
	half := image{copyTree(t, i.dir), i.base, true}
	was, is := tree(t, eve.Root(filepath.Join(half.dir, "root"))), d.tree()
	paths := slices.Sorted(maps.Keys(was))
	paths = slices.Concat(paths, slices.Sorted(maps.Keys(is)))
	for _, path := range paths {
		draft := strings.Contains(path, "tmpnkv")
		if draft || was[path] == is[path] || !strings.HasPrefix(path, i.base) || r.IntN(2) == 0 {
			continue
		}
		target := filepath.Join(half.dir, "root", path)
		if _, there := is[path]; !there {
			os.Remove(target + ".bak")
			unlink(t, target)
			continue
		}
		for other, value := range was { // its draft has become it
			if strings.Contains(other, "tmpnkv") && filepath.Dir(other) == filepath.Dir(path) && value == is[path] {
				if err := os.Rename(filepath.Join(half.dir, "root", other), target); err != nil {
					t.Fatal(err)
				}
				delete(was, other)
				break
			}
		}
	}
	return half
}

// startOn starts on an image: the tables are as before or as after a change, and
// files agree with them. Nothing is imported, as nobody else wrote a file.
func startOn(t *testing.T, what string, i image, before, after map[string]string) {
	t.Helper()
	crashed := boot(t, i.dir)
	defer crashed.end()
	crashed.agree(what)
	got := crashed.wanted()
	if !cmp.Equal(got, before) && !cmp.Equal(got, after) {
		t.Fatalf("%s: neither as before nor as after (-after +got):\n%s\nreport %+v", what, cmp.Diff(after, got), crashed.report)
	}
	for _, table := range crashed.report.Tables {
		if len(table.Imported)+len(table.Recovered)+len(table.Deleted)+len(table.Left) > 0 || table.Restarted {
			t.Errorf("%s: imported what nobody changed: %+v", what, table)
		}
	}
}
