package mirror_test

import (
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestReleaseAndAdopt has the old software own a table's files for a while.
func TestReleaseAndAdopt(t *testing.T) {
	for _, durable := range []bool{true, false} {
		d := boot(t, t.TempDir())
		table, err := eve.Table("a/s/T")
		if err != nil {
			t.Fatal(err)
		}
		dir := d.path(run, "a/s/T")
		if durable {
			dir = d.path(status, "a/s/T")
		}
		for _, key := range []string{"same", "changed", "followed", "gone", "gone in both"} {
			d.put("a/s/T", key, "1", durable)
		}
		d.mark("a/s/T", 1)
		d.mirror.Release(table)
		oldSoftware(t, dir+"/changed.json", "2")
		oldSoftware(t, dir+"/followed.json", "2")
		d.put("a/s/T", "followed", "2", durable)
		d.put("a/s/T", "changed", "between", durable) // it is not written
		d.put("a/s/T", "only here", "1", durable)
		d.delete("a/s/T", "gone in both")
		d.mark("a/s/T", 5)
		for _, key := range []string{"gone", "gone in both"} {
			os.Remove(dir + "/" + key + ".json.bak")
			unlink(t, dir+"/"+key+".json")
		}
		oldSoftware(t, dir+"/added.json", "1")
		oldSoftware(t, dir+"/restarted", "2")
		if got := content(t, dir+"/changed.json"); got != "2" {
			t.Fatalf("a released file was written: %q", got)
		}
		changed, deleted, restart, err := d.mirror.Adopt(table)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string][]byte{"changed": []byte("2"), "added": []byte("1")}, changed); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"gone", "only here"}, deleted); diff != "" || restart != 2 {
			t.Error(diff, restart)
		}
		for key, value := range changed {
			d.put("a/s/T", key, string(value), durable)
		}
		for _, key := range deleted {
			d.delete("a/s/T", key)
		}
		d.mark("a/s/T", restart)
		d.agree("published")
		d.put("a/s/T", "same", "2", durable)
		d.agree("after another change")
		d = d.again()
		if len(d.report.Tables) > 0 {
			t.Errorf("the start did %+v", d.report)
		}
	}
}

// A table that the server never knew, whose files are old.
func TestAdoptUnknownTable(t *testing.T) {
	d := boot(t, t.TempDir())
	table := wire.Table{Agent: "a", Topic: "T"}
	d.mirror.Release(table)
	changed, deleted, restart, err := d.mirror.Adopt(table)
	if len(changed)+len(deleted) > 0 || restart != 0 || err != nil {
		t.Errorf("without files: %v, %v, %d, %v", changed, deleted, restart, err)
	}
	d.mirror.Release(table)
	write(t, d.path(status, "a/T/k.json"), "1")
	write(t, d.path(status, "a/T/lost.json.bak"), "0")
	write(t, d.path(status, "a/T/restarted"), "x")
	changed, _, restart, err = d.mirror.Adopt(table)
	if diff := cmp.Diff(map[string][]byte{"k": []byte("1"), "lost": []byte("0")}, changed); diff != "" || restart != 1 || err != nil {
		t.Error(diff, restart, err)
	}
	for key, value := range changed {
		d.put("a/T", key, string(value), true)
	}
	d.mark("a/T", restart)
	d.agree("published")
	if _, _, _, err := d.mirror.Adopt(wire.Table{Agent: "..", Topic: "T"}); err == nil {
		t.Error("a table that leaves the directory was adopted")
	}
}

// The server ends while a table is released.
func TestReleaseEndsWithServer(t *testing.T) {
	d := boot(t, t.TempDir())
	table := wire.Table{Agent: "a", Topic: "T"}
	d.put("a/T", "k", "1", true)
	d.mirror.Release(table)
	oldSoftware(t, d.path(status, "a/T/k.json"), "2")
	d.put("a/T", "k", "2", true)
	oldSoftware(t, d.path(status, "a/T/k.json"), "3") // not heard of yet
	oldSoftware(t, d.path(status, "a/T/new.json"), "1")
	d = d.again()
	if diff := cmp.Diff(map[string]string{"k": "3", "new": "1"}, d.values("a/T")); diff != "" {
		t.Error(diff)
	}
	d.put("a/T", "k", "4", true)
	d.agree("at the end")
}

// Nobody's change is lost while tables are released and adopted all the time.
func TestReleaseUnderLoad(t *testing.T) {
	d := boot(t, t.TempDir())
	table := wire.Table{Agent: "a", Topic: "T"}
	var workers sync.WaitGroup
	for n := range 3 {
		workers.Go(func() {
			for i := range 200 {
				change(d, "a/T", uint64(n*1000+i))
			}
		})
	}
	for range 50 {
		d.mirror.Release(table)
		if _, _, _, err := d.mirror.Adopt(table); err != nil {
			t.Error(err)
		}
	}
	workers.Wait()
	d = d.again()
	d.agree("after a start")
}
