package mirror_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/eve"
)

// Compare says what Adopt would say, and leaves the files to the old software.
func TestCompare(t *testing.T) {
	for _, durable := range []bool{true, false} {
		d := boot(t, t.TempDir())
		table, err := eve.Table("a/T")
		if err != nil {
			t.Fatal(err)
		}
		dir := d.path(run, "a/T")
		if durable {
			dir = d.path(status, "a/T")
		}
		d.mirror.Release(table)
		if changed, deleted, restart, err := d.mirror.Compare(table); len(changed)+len(deleted) > 0 || restart != 0 || err != nil {
			t.Errorf("of nothing: %v, %v, %d, %v", changed, deleted, restart, err)
		}
		if _, _, _, err := d.mirror.Adopt(table); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"same", "changed", "gone"} {
			d.put("a/T", key, "1", durable)
		}
		d.mark("a/T", 1)
		d.mirror.Release(table)
		oldSoftware(t, dir+"/changed.json", "2")
		oldSoftware(t, dir+"/added.json", "2")
		oldSoftware(t, dir+"/restarted", "2")
		os.Remove(dir + "/gone.json.bak")
		unlink(t, dir+"/gone.json")
		for range 2 {
			changed, deleted, restart, err := d.mirror.Compare(table)
			if diff := cmp.Diff(map[string][]byte{"changed": []byte("2"), "added": []byte("2")}, changed); diff != "" || err != nil {
				t.Error(diff, err)
			}
			if diff := cmp.Diff([]string{"gone"}, deleted); diff != "" || restart != 2 {
				t.Error(diff, restart)
			}
		}
		d.put("a/T", "same", "3", durable)
		d.mark("a/T", 3)
		if got := content(t, dir+"/same.json") + content(t, dir+"/restarted"); got != "12" {
			t.Errorf("released files were written: %q", got)
		}
		changed, deleted, restart, err := d.mirror.Adopt(table)
		if len(changed) != 3 || len(deleted) != 1 || restart != 2 || err != nil {
			t.Errorf("adopted: %d changed, %v, %d, %v", len(changed), deleted, restart, err)
		}
	}
}
