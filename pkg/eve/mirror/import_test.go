package mirror_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/evenkv/nkv/pkg/eve/mirror"
	"github.com/evenkv/nkv/pkg/nkv"
)

// socket makes a table's socket, as its publisher does.
func socket(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(filepath.Dir(path)) // the path itself may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func reports(t *testing.T, d *device, want map[string]mirror.TableReport) {
	t.Helper()
	for table, r := range want {
		r.Table = table
		want[table] = r
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff(want, reported(d.report), sorted, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(mirror.TableReport{}, "Left")); diff != "" {
		t.Errorf("report (-want +got):\n%s\nlog:\n%s", diff, d.log)
	}
}

// TestFirstStart imports what the old software left, of its tables alone.
func TestFirstStart(t *testing.T) {
	dir := t.TempDir()
	d := &device{t: t, dir: dir}
	for path, value := range map[string]string{
		status + "/zedagent/AppInstanceConfig/a.b.json":    `{"a":1}`,
		status + "/zedagent/AppInstanceConfig/c.json":      `{"c":1}`,
		status + "/zedagent/AppInstanceConfig/c.json.bak":  `{"c":0}`,
		status + "/zedagent/AppInstanceConfig/d.json.bak":  `{"d":0}`,
		status + "/zedagent/AppInstanceConfig/e.json":      "",
		status + "/zedagent/AppInstanceConfig/e.json.bak":  `{"e":0}`,
		status + "/zedagent/AppInstanceConfig/f.json":      "",
		status + "/zedagent/AppInstanceConfig/restarted":   "",
		status + "/zedagent/AppInstanceConfig/tmp123":      "half",
		status + "/verifier/AppImg/VerifyConfig/x.json":    "1",
		status + "/alone/k.json":                           "1",
		status + "/only/Restarted/restarted":               "7",
		status + "/uuid":                                   "not a table",
		status + "/top.json":                               "not a table either",
		run + "/zedagent/Metrics/m.json":                   "1",
		run + "/zedagent/Metrics/restarted":                "2",
		run + "/global/LedBlinkCounter/ledconfig.json":     "1",
		run + "/containerd/io.containerd/task/config.json": "not a table",
	} {
		write(t, d.path(path), value)
	}
	socket(t, d.path(run, "zedagent/Metrics.sock"))
	d = boot(t, dir)
	reports(t, d, map[string]mirror.TableReport{
		"zedagent.AppInstanceConfig":   {Durable: true, Imported: []string{"a.b", "c"}, Recovered: []string{"d", "e"}, Restarted: true},
		"verifier.VerifyConfig@AppImg": {Durable: true, Imported: []string{"x"}},
		"alone.%2E":                    {Durable: true, Imported: []string{"k"}},
		"only.Restarted":               {Durable: true, Restarted: true},
		"zedagent.Metrics":             {Imported: []string{"m"}, Restarted: true},
		"global.LedBlinkCounter":       {Imported: []string{"ledconfig"}},
	})
	want := map[string]string{"a.b": `{"a":1}`, "c": `{"c":1}`, "d": `{"d":0}`, "e": `{"e":0}`}
	if diff := cmp.Diff(want, d.values("zedagent/AppInstanceConfig")); diff != "" {
		t.Error(diff)
	}
	for table, restart := range map[string]uint64{"zedagent/AppInstanceConfig": 1, "only/Restarted": 7, "zedagent/Metrics": 2} {
		if got := d.restart(table); got != restart {
			t.Errorf("%s: restart counter %d, want %d", table, got, restart)
		}
	}
	for path, value := range map[string]string{
		status + "/zedagent/AppInstanceConfig/tmp123":      "half",
		status + "/zedagent/AppInstanceConfig/d.json":      `{"d":0}`,
		status + "/zedagent/AppInstanceConfig/e.json.bak":  `{"e":0}`,
		status + "/top.json":                               "not a table either",
		run + "/containerd/io.containerd/task/config.json": "not a table",
	} {
		if got := content(t, d.path(path)); got != value {
			t.Errorf("%s: %q", path, got)
		}
	}
	before := d.wanted()
	d = d.again()
	if len(reported(d.report)) > 1 { // the empty file is told of each time
		t.Errorf("the second start did %+v", d.report)
	}
	if diff := cmp.Diff(before, d.wanted()); diff != "" {
		t.Error(diff)
	}
}

// TestFallbackAndReturn: what the old software changed is imported, and that only.
func TestFallbackAndReturn(t *testing.T) {
	for _, durable := range []bool{true, false} {
		t.Run(fmt.Sprint("durable ", durable), func(t *testing.T) {
			dir := t.TempDir()
			d := boot(t, dir)
			base := d.path(run, "a/s/T")
			if durable {
				base = d.path(status, "a/s/T")
			}
			revisions := map[string]uint64{}
			for _, key := range []string{"same", "touched", "changed", "back", "gone", "new then gone"} {
				if key != "new then gone" {
					d.put("a/s/T", key, "0", durable)
				}
				revisions[key] = d.put("a/s/T", key, "1", durable)
			}
			d.mark("a/s/T", 1)
			d.put("other/T", "k", "1", durable)
			d.end()

			oldSoftware(t, filepath.Join(base, "touched.json"), "1")
			oldSoftware(t, filepath.Join(base, "changed.json"), "2")
			oldSoftware(t, filepath.Join(base, "back.json"), "0") // as it was once
			oldSoftware(t, filepath.Join(base, "added.json"), "1")
			oldSoftware(t, filepath.Join(base, "restarted"), "2")
			for _, key := range []string{"gone", "new then gone"} {
				os.Remove(filepath.Join(base, key+".json.bak"))
				unlink(t, filepath.Join(base, key+".json"))
			}
			d = boot(t, dir)
			reports(t, d, map[string]mirror.TableReport{
				"a.T@s": {Durable: durable, Imported: []string{"changed", "back", "added"}, Deleted: []string{"gone", "new then gone"}, Restarted: true},
			})
			want := map[string]string{"same": "1", "touched": "1", "changed": "2", "back": "0", "added": "1"}
			if diff := cmp.Diff(want, d.values("a/s/T")); diff != "" {
				t.Error(diff)
			}
			for _, key := range []string{"same", "touched"} {
				if got := d.must(nkv.Request{Op: nkv.OpGet, Table: name("a/s/T"), Key: key}).Revision; got != revisions[key] {
					t.Errorf("%s has revision %d instead of %d", key, got, revisions[key])
				}
			}
			if got := d.restart("a/s/T"); got != 2 {
				t.Errorf("restart counter %d", got)
			}
			d.agree("after the return")
			d = d.again()
			reports(t, d, map[string]mirror.TableReport{})

			d.end()
			unlink(t, filepath.Join(base, "restarted"))
			oldSoftware(t, filepath.Join(base, "changed.json"), "1") // as the mirror had it once
			d = boot(t, dir)
			reports(t, d, map[string]mirror.TableReport{"a.T@s": {Durable: durable, Imported: []string{"changed"}, Restarted: true}})
			d.agree("after the second return")
		})
	}
}

// TestWithoutMirrorForAWhile: the table wins where nobody else changed the file.
func TestWithoutMirrorForAWhile(t *testing.T) {
	for _, durable := range []bool{true, false} {
		dir := t.TempDir()
		d := boot(t, dir)
		for _, key := range []string{"same", "changed", "gone", "both"} {
			d.put("a/T", key, "1", durable)
		}
		d.mark("a/T", 1)
		d.end()
		plain := start(t, dir, false)
		plain.put("a/T", "changed", "2", durable)
		plain.put("a/T", "both", "2", durable)
		plain.put("a/T", "added", "1", durable)
		plain.delete("a/T", "gone")
		plain.mark("a/T", 0)
		plain.open("a/T", durable)
		plain.end()
		base := d.path(run, "a/T")
		if durable {
			base = d.path(status, "a/T")
		}
		oldSoftware(t, filepath.Join(base, "both.json"), "3")
		d = boot(t, dir)
		reports(t, d, map[string]mirror.TableReport{"a.T": {Durable: durable, Imported: []string{"both"}, Written: 2, Removed: 2}})
		want := map[string]string{"same": "1", "changed": "2", "added": "1", "both": "3"}
		if diff := cmp.Diff(want, d.values("a/T")); diff != "" {
			t.Error(diff)
		}
		d.agree("with a mirror again")
		d = d.again()
		reports(t, d, map[string]mirror.TableReport{})
	}
}

// A table that moved while there was no mirror has its files in one place only.
func TestMovedWithoutMirror(t *testing.T) {
	dir := t.TempDir()
	d := boot(t, dir)
	d.put("a/T", "k", "1", false)
	d.put("a/T", "k", "2", false)
	d.mark("a/T", 1)
	d.end()
	plain := start(t, dir, false)
	plain.open("a/T", true)
	plain.end()
	d = boot(t, dir)
	d.agree("at the start")
	if got := content(t, d.path(status, "a/T/k.json")); got != "2" {
		t.Errorf("the durable file: %q", got)
	}
}

// TestNotesAreGone: the stores are lost, and the files bring everything back.
func TestNotesAreGone(t *testing.T) {
	dir := t.TempDir()
	d := boot(t, dir)
	d.put("a/T", "k", "1", true)
	d.put("b/T", "k", "1", false)
	d.put("/G", "k", "1", false)
	d.mark("a/T", 3)
	socket(t, d.path(run, "b/T.sock"))
	before := d.wanted()
	d.end()
	for _, lane := range []string{"durable", "volatile"} {
		if err := os.RemoveAll(filepath.Join(dir, lane)); err != nil {
			t.Fatal(err)
		}
	}
	d = boot(t, dir)
	if diff := cmp.Diff(before, d.wanted()); diff != "" {
		t.Error(diff)
	}
	d.agree("at the start")
}

// TestDirectoriesAreGone: all files are lost with their directories, as when another
// file system was mounted there. Nobody deleted the keys.
func TestDirectoriesAreGone(t *testing.T) {
	dir := t.TempDir()
	d := boot(t, dir)
	d.put("a/T", "k", "1", true)
	d.put("b/T", "k", "1", false)
	d.mark("a/T", 3)
	before := d.wanted()
	d.end()
	if err := os.RemoveAll(string(d.root())); err != nil {
		t.Fatal(err)
	}
	d = boot(t, dir)
	if diff := cmp.Diff(before, d.wanted()); diff != "" {
		t.Error(diff)
	}
	d.agree("at the start")
}

// TestRecovery: a file that is lost comes from its backup when somebody else made
// that, and from the table when the mirror did, as the table has the newer value.
func TestRecovery(t *testing.T) {
	for _, c := range []struct {
		name     string
		lose     func(path string) error
		backup   string // "": as it is
		want     string // "": deleted
		recovers bool
	}{
		{"removed", os.Remove, "", "2", false},
		{"removed, another backup", os.Remove, "old software's", "old software's", true},
		{"removed with its backup", func(path string) error { os.Remove(path + ".bak"); return os.Remove(path) }, "", "", false},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }, "", "2", false},
		{"emptied, another backup", func(path string) error { return os.Truncate(path, 0) }, "old software's", "2", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			d := boot(t, dir)
			d.put("a/T", "k", "1", true)
			d.put("a/T", "k", "2", true)
			d.put("a/T", "other", "1", true)
			d.end()
			file := d.path(status, "a/T/k.json")
			if err := c.lose(file); err != nil {
				t.Fatal(err)
			}
			if c.backup != "" {
				write(t, file+".bak", c.backup)
			}
			d = boot(t, dir)
			if got := d.values("a/T")["k"]; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := len(reported(d.report)["a.T"].Recovered) > 0; got != c.recovers {
				t.Errorf("report: %+v", d.report)
			}
			d.agree("at the start")
		})
	}
}

// TestOddFiles has things where files are expected that nobody can read.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	d := boot(t, dir)
	for _, key := range []string{"directory", "fifo", "link", "large", "fine"} {
		d.put("a/T", key, "1", true)
	}
	d.put("b/T", "k", "1", true)
	d.end()
	base := d.path(status, "a/T")
	write(t, d.path("outside"), "secret")
	for _, prefix := range []string{"", "new "} {
		for key, make := range map[string]func(path string) error{
			"directory": func(path string) error { return os.MkdirAll(path+"/x", 0o700) },
			"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"link":      func(path string) error { return os.Symlink(d.path("outside"), path) },
			"large":     func(path string) error { return os.WriteFile(path, make([]byte, maxValue+1), 0o600) },
		} {
			path := filepath.Join(base, prefix+key+".json")
			os.Remove(path)
			if err := make(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t, filepath.Join(base, "\xff.json"), "1")
	// A table's directory that leads out.
	os.RemoveAll(d.path(status, "b/T"))
	if err := os.Symlink(d.path("."), d.path(status, "b/T")); err != nil {
		t.Fatal(err)
	}
	write(t, d.path("k.json"), "outside")

	d = boot(t, dir)
	want := map[string]string{"directory": "1", "fifo": "1", "link": "1", "large": "1", "fine": "1"}
	if diff := cmp.Diff(want, d.values("a/T")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"k": "1"}, d.values("b/T")); diff != "" {
		t.Error(diff)
	}
	for path, value := range map[string]string{d.path("outside"): "secret", d.path("k.json"): "outside", filepath.Join(base, "fifo.json"): "1", filepath.Join(base, "link.json"): "1"} {
		if got := content(t, path); got != value {
			t.Errorf("%s: %q", path, got)
		}
	}
	for _, path := range []string{"large.json", "new large.json"} {
		if info, err := os.Stat(filepath.Join(base, path)); err != nil || info.Size() <= maxValue {
			t.Errorf("%s is lost: %v", path, err)
		}
	}
	left := strings.Join(reported(d.report)["a.T"].Left, "\n")
	for _, file := range []string{"new directory.json", "new fifo.json", "new link.json", "new large.json", "large.json", `\xff.json`} {
		if !strings.Contains(left, file) || !strings.Contains(d.log.String(), strings.ReplaceAll(file, `\`, `\\`)) && !strings.Contains(d.log.String(), file) {
			t.Errorf("%s is not told of: %s", file, left)
		}
	}
	d.put("a/T", "large", "2", true)
	d.put("a/T", "new large", "2", true)
	if got := content(t, filepath.Join(base, "new large.json")); got != "2" {
		t.Errorf("a new value: %d bytes", len(got))
	}
	if err := d.ask(put("b/T", "k", "2", true)).Err; err == nil {
		t.Error("a value was put through a directory that leads out")
	}
}

// Files in the place of the other durability are left alone.
func TestFilesInTheOtherPlace(t *testing.T) {
	dir := t.TempDir()
	d := boot(t, dir)
	d.put("a/T", "k", "1", true)
	d.end()
	write(t, d.path(run, "a/T/k.json"), "2")
	write(t, d.path(run, "b/T/k.json"), "2")
	write(t, d.path(status, "b/T/k.json"), "1")
	socket(t, d.path(run, "a/T.sock"))
	socket(t, d.path(run, "b/T.sock"))
	d = boot(t, dir)
	for _, table := range []string{"a/T", "b/T"} {
		if diff := cmp.Diff(map[string]string{"k": "1"}, d.values(table)); diff != "" {
			t.Error(table, diff)
		}
		if got := content(t, d.path(run, table, "k.json")); got != "2" {
			t.Errorf("%s: %q", table, got)
		}
		if !d.must(nkv.Request{Op: nkv.OpSnapshot, Table: name(table)}).Info.Durable {
			t.Errorf("%s is volatile", table)
		}
	}
}

// The old software changed a table whose owner is away for less than its grace.
func TestImportIntoOwnedTable(t *testing.T) {
	dir := t.TempDir()
	d := boot(t, dir)
	who := nkv.Instance{ID: "id", Agent: "a"}
	fence := d.must(nkv.Request{Op: nkv.OpOpen, Table: name("a/T"), Instance: who, Durable: true}).Fence
	d.must(nkv.Request{Op: nkv.OpPut, Table: name("a/T"), Key: "k", Value: []byte("1"), Instance: who, Fence: fence})
	d.end()
	oldSoftware(t, d.path(status, "a/T/k.json"), "2")
	d = boot(t, dir)
	if diff := cmp.Diff(map[string]string{"k": "2"}, d.values("a/T")); diff != "" {
		t.Error(diff)
	}
	if owner := d.must(nkv.Request{Op: nkv.OpSnapshot, Table: name("a/T")}).Info.Owner; owner == nil {
		t.Error("the owner lost its table")
	}
}

// Many and large values come through the core's limits.
func TestImportMuch(t *testing.T) {
	dir := t.TempDir()
	d := &device{t: t, dir: dir}
	for i := range 3000 {
		write(t, d.path(status, "a/T", fmt.Sprint(i, ".json")), strings.Repeat("x", 100))
	}
	for i := range 200 {
		write(t, d.path(status, "b/T", fmt.Sprint(i, ".json")), strings.Repeat("x", maxValue))
	}
	began := time.Now()
	d = boot(t, dir)
	t.Logf("%d files in %v", 3200, time.Since(began))
	if a, b := len(d.values("a/T")), len(d.values("b/T")); a != 3000 || b != 200 {
		t.Errorf("%d and %d keys", a, b)
	}
	began = time.Now()
	d = d.again()
	t.Logf("started again in %v", time.Since(began))
	reports(t, d, map[string]mirror.TableReport{})
}

// A limit that was lowered leaves older values and their files alone.
func TestValueOverTheLimit(t *testing.T) {
	d := boot(t, t.TempDir())
	d.put("a/T", "k", strings.Repeat("x", maxValue+1), true)
	d = d.again()
	reports(t, d, map[string]mirror.TableReport{})
	d.agree("after a start")
}

func TestImportEnds(t *testing.T) {
	dir := t.TempDir()
	d := &device{t: t, dir: dir}
	write(t, d.path(status, "a/T/k.json"), "1")
	d = start(t, dir, true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.mirror.Import(ctx, d.core); err != ctx.Err() {
		t.Errorf("got %v", err)
	}
}
