package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/eve/mirror"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

func TestMain(m *testing.M) { leak.Main(m) }

const (
	patience = 10 * time.Second
	maxValue = 64 << 10
)

// device is a core on mirrored stores in a directory.
type device struct {
	t        testing.TB
	dir      string
	durable  *tap
	volatile *tap
	mirror   *mirror.Mirror // nil: without
	core     *nkv.Core
	report   mirror.Report
	log      *testutil.Text
	stop     sync.Once
}

// tap is a store whose commits a test can look at or replace.
type tap struct {
	store.PersistValue
	mu     sync.Mutex // guards commit
	commit func(batch []store.Op, inner func([]store.Op) error) error
}

func (p *tap) Commit(batch []store.Op) error {
	p.mu.Lock()
	commit := p.commit
	p.mu.Unlock()
	if commit == nil {
		return p.PersistValue.Commit(batch)
	}
	return commit(batch, p.PersistValue.Commit)
}

func (p *tap) on(commit func([]store.Op, func([]store.Op) error) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commit = commit
}

// boot starts a device on what is in a directory. Its root is root in there.
func boot(t testing.TB, dir string) *device {
	t.Helper()
	d := start(t, dir, true)
	report, err := d.mirror.Import(context.Background(), d.core)
	if err != nil {
		t.Fatal(err)
	}
	d.report = report
	return d
}

// start starts a device, with a mirror before its import or without one.
func start(t testing.TB, dir string, mirrored bool) *device {
	t.Helper()
	d := &device{t: t, dir: dir, log: &testutil.Text{}}
	log := logrus.New()
	log.SetOutput(d.log)
	log.SetLevel(logrus.DebugLevel)
	open := func(name string, sync bool) *tap {
		l, err := store.OpenLog(store.Options{Dir: filepath.Join(dir, name), Sync: sync, Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		return &tap{PersistValue: l}
	}
	d.durable, d.volatile = open("durable", true), open("volatile", false)
	opts := nkv.Options{Durable: d.durable, Volatile: d.volatile, BootID: "boot", Logger: log}
	if mirrored {
		if err := os.MkdirAll(string(d.root()), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if d.mirror, err = mirror.Open(mirror.Options{Root: d.root(), Durable: d.durable, Volatile: d.volatile, MaxValue: maxValue, Logger: log}); err != nil {
			t.Fatal(err)
		}
		opts.Durable, opts.Volatile = d.mirror.Durable(), d.mirror.Volatile()
	}
	var err error
	if d.core, err = nkv.Open(opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.end)
	return d
}

func (d *device) root() eve.Root { return eve.Root(filepath.Join(d.dir, "root")) }

func (d *device) end() {
	d.stop.Do(func() {
		d.core.Close()
		if d.mirror != nil {
			d.mirror.Close()
		}
		d.durable.Close()
		d.volatile.Close()
	})
}

// again ends the device and boots it.
func (d *device) again() *device {
	d.t.Helper()
	d.end()
	return boot(d.t, d.dir)
}

func (d *device) ask(r nkv.Request) nkv.Result {
	answer := make(chan nkv.Result, 1)
	r.Done = func(result nkv.Result) { answer <- result }
	d.core.Submit(r)
	return <-answer
}

func (d *device) must(r nkv.Request) nkv.Result {
	d.t.Helper()
	result := d.ask(r)
	if result.Err != nil {
		d.t.Fatal(result.Err)
	}
	return result
}

func name(table string) string {
	t, err := eve.Table(table)
	if err != nil {
		panic(err)
	}
	return t.String()
}

func put(table, key, value string, durable bool) nkv.Request {
	return nkv.Request{Op: nkv.OpPut, Table: name(table), Key: wire.EncodeToken(key), Value: []byte(value), Durable: durable}
}

func (d *device) put(table, key, value string, durable bool) uint64 {
	d.t.Helper()
	return d.must(put(table, key, value, durable)).Revision
}

func (d *device) delete(table, key string) {
	d.t.Helper()
	d.must(nkv.Request{Op: nkv.OpDelete, Table: name(table), Key: wire.EncodeToken(key)})
}

func (d *device) mark(table string, restart uint64) {
	d.t.Helper()
	d.must(nkv.Request{Op: nkv.OpMark, Table: name(table), Restart: restart})
}

// open opens a table, so that it is in one lane or the other, and closes it.
func (d *device) open(table string, durable bool) {
	d.t.Helper()
	who := nkv.Instance{ID: "id", Agent: "agent"}
	fence := d.must(nkv.Request{Op: nkv.OpOpen, Table: name(table), Instance: who, Durable: durable}).Fence
	d.must(nkv.Request{Op: nkv.OpClose, Table: name(table), Instance: who, Fence: fence})
}

// tree is the regular files below a device's root, as they should be for its
// tables: backups and drafts are left out.
func (d *device) tree() map[string]string {
	d.t.Helper()
	return tree(d.t, d.root())
}

func tree(t testing.TB, root eve.Root) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(string(root), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, eve.Backup) {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(string(root), path)
		files[rel] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wanted is what the files should be, by the core's tables.
func (d *device) wanted() map[string]string {
	d.t.Helper()
	files := map[string]string{}
	for _, info := range d.must(nkv.Request{Op: nkv.OpTables}).Infos {
		table, err := wire.ParseTable(info.Table)
		if err != nil {
			d.t.Fatal(err)
		}
		dir, err := filepath.Rel(string(d.root()), d.root().Dir(table, info.Durable))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, e := range d.must(nkv.Request{Op: nkv.OpSnapshot, Table: info.Table}).View.Entries() {
			key, err := wire.DecodeToken(e.Key)
			if err != nil {
				d.t.Fatal(err)
			}
			files[filepath.Join(dir, key+".json")] = string(e.Value)
		}
		if info.Restart > 0 {
			files[filepath.Join(dir, "restarted")] = fmt.Sprint(info.Restart)
		}
	}
	return files
}

// agree fails the test unless the files are what the tables say.
func (d *device) agree(when string) {
	d.t.Helper()
	if diff := cmp.Diff(d.wanted(), d.tree()); diff != "" {
		d.t.Fatalf("%s: files differ from tables (-tables +files):\n%s\nlog:\n%s", when, diff, d.log)
	}
}

// values is a table as the core has it, by key in text; nil: it is not there.
func (d *device) values(table string) map[string]string {
	d.t.Helper()
	var values map[string]string
	for _, e := range d.must(nkv.Request{Op: nkv.OpSnapshot, Table: name(table)}).View.Entries() {
		if values == nil {
			values = map[string]string{}
		}
		key, _ := wire.DecodeToken(e.Key)
		values[key] = string(e.Value)
	}
	return values
}

func (d *device) restart(table string) uint64 {
	d.t.Helper()
	return d.must(nkv.Request{Op: nkv.OpSnapshot, Table: name(table)}).Info.Restart
}

// path is a file below the device's root.
func (d *device) path(elem ...string) string {
	return filepath.Join(append([]string{string(d.root())}, elem...)...)
}

const (
	status = "persist/status"
	run    = "run"
)

// oldSoftware writes files as the original does: a temporary file and a rename,
// with durable a backup before.
func oldSoftware(t testing.TB, path, value string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if before, err := os.ReadFile(path); err == nil && strings.Contains(path, status) && strings.HasSuffix(path, ".json") {
		write(t, path+eve.Backup, string(before))
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "tmp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := temp.WriteString(value); err != nil {
		t.Fatal(err)
	}
	temp.Close()
	if err := os.Rename(temp.Name(), path); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, value string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
}

func unlink(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// content is what a file holds; "(none)" when it is not there.
func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// copyTree copies a directory as it is at this instant, with the times of its
// files.
func copyTree(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		info, err := e.Info()
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return os.MkdirAll(target, 0o700)
		case e.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !e.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, b, 0o600); err != nil {
			return err
		}
		return os.Chtimes(target, info.ModTime(), info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// reported is a report without its empty parts, for comparison.
func reported(r mirror.Report) map[string]mirror.TableReport {
	tables := map[string]mirror.TableReport{}
	for _, t := range r.Tables {
		tables[t.Table] = t
	}
	return tables
}
