package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

func readChangeLog(t *testing.T, file string) []server.ChangeRecord {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var records []server.ChangeRecord
	for line := range strings.Lines(string(content)) {
		var record server.ChangeRecord
		if err := json.Unmarshal([]byte(line), &record); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("line %q: %v", line, err)
		}
		if age := time.Since(record.Time); age < 0 || age > time.Minute {
			t.Errorf("line %q is of %s ago", line, age)
		}
		records = append(records, record)
	}
	return records
}

func TestChangeLogHasEachChange(t *testing.T) {
	opts := lives(t)
	opts.ChangeLog = filepath.Join(t.TempDir(), "changes")
	sum := func(value string) string {
		s := sha256.Sum256([]byte(value))
		return hex.EncodeToString(s[:])
	}
	s := start(t, opts)
	p := meet(t, s, "a")
	owned := headers(wire.HeaderFence, p.open("a.T"))
	p.done("nkv.v1.put.a.T.k", owned, "the secret")
	p.done("nkv.v1.put.a.T.k", owned, "the secret") // changes nothing
	p.ask("nkv.v1.put.a.T.k", nil, []byte("refused"))
	p.done("nkv.v1.put.a.T.x%2Ey", owned, "")
	p.done("nkv.v1.delete.a.T.k", owned, "")
	p.done("nkv.v1.mark.a.T", owned, `{"restart":5}`)
	p.done("nkv.v1.delete.a.T", merge(owned, headers(wire.HeaderPattern, "a.T")), "")
	p.done("nkv.v1.put.b.D.k", headers(wire.HeaderDurable, "true"), "v")
	p.done("nkv.v1.close.a.T", owned, "")
	s.Shutdown()

	first := readChangeLog(t, opts.ChangeLog)
	n := first[0].Revision
	want := []server.ChangeRecord{
		{Op: "mark", Table: "a.T", Revision: n, Open: true},
		{Op: "put", Table: "a.T", Key: "k", Revision: n + 1, Previous: n, Size: 10, SHA256: sum("the secret")},
		{Op: "put", Table: "a.T", Key: "x%2Ey", Revision: n + 2, Previous: n + 1, SHA256: sum("")},
		{Op: "delete", Table: "a.T", Key: "k", Revision: n + 3, Previous: n + 2},
		{Op: "mark", Table: "a.T", Revision: n + 4, Previous: n + 3, Restart: 5, Open: true},
		{Op: "delete", Table: "a.T", Key: "x%2Ey", Revision: n + 5, Previous: n + 4},
		{Op: "put", Table: "b.D", Key: "k", Revision: n + 6, Size: 1, SHA256: sum("v")},
		{Op: "mark", Table: "a.T", Revision: n + 7, Previous: n + 5, Restart: 5},
	}
	ignoreTime := cmpopts.IgnoreFields(server.ChangeRecord{}, "Time")
	if diff := cmp.Diff(want, first, ignoreTime); diff != "" {
		t.Errorf("change log (-want +got):\n%s", diff)
	}
	if content, err := os.ReadFile(opts.ChangeLog); err != nil || strings.Contains(string(content), "secret") {
		t.Errorf("it holds a value, or %v", err)
	}
	if info, err := os.Stat(opts.ChangeLog); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}

	s = start(t, opts)
	meet(t, s, "b").done("nkv.v1.put.b.D.l", nil, "v")
	s.Shutdown()
	second := readChangeLog(t, opts.ChangeLog)
	if diff := cmp.Diff(first, second[:min(len(first), len(second))]); diff != "" {
		t.Fatalf("a restart changed what was written (-before +after):\n%s", diff)
	}
	want = []server.ChangeRecord{
		{Op: "found", Table: "a.T", Revision: n + 7, Restart: 5},
		{Op: "found", Table: "b.D", Revision: n + 6},
		{Op: "found", Table: "b.D", Key: "k", Revision: n + 6, Size: 1, SHA256: sum("v")},
		{Op: "start"},
	}
	added := second[len(first):]
	if diff := cmp.Diff(want, added[:min(len(want), len(added))], ignoreTime); diff != "" || len(added) != len(want)+1 {
		t.Errorf("the restart added %d lines (-want +got):\n%s", len(added), diff)
	}
}

// TestChangeLogAfterACutLine appends to a file whose last line a full disk cut.
func TestChangeLogAfterACutLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "changes")
	if err := os.WriteFile(file, []byte(`{"time":"20`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{ChangeLog: file})
	p := meet(t, s, "a")
	p.done("nkv.v1.put.a.T.k", nil, "one")
	p.done("nkv.v1.put.a.T.k", nil, "two")
	s.Shutdown()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if len(lines) != 4 { // the cut one, the start's, and two changes
		t.Fatalf("it has %d lines: %q", len(lines), content)
	}
	for _, line := range lines[1:] {
		var record server.ChangeRecord
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
	}
}

// TestChangeLogOnAFullDisk: the log says so once, and changes go on.
func TestChangeLogOnAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	log, said := test.NewNullLogger()
	s, err := server.Start(context.Background(), server.Options{ChangeLog: "/dev/full", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	p := meet(t, s, "a")
	for _, value := range []string{"one", "two", "three"} {
		p.done("nkv.v1.put.a.T.k", nil, value)
	}
	if m := p.done("nkv.v1.get.a.T.k", nil, ""); string(m.Data) != "three" {
		t.Errorf("the value is %q", m.Data)
	}
	times := 0
	for _, entry := range said.AllEntries() {
		if strings.Contains(entry.Message, "change log") && entry.Level == logrus.ErrorLevel {
			times++
		}
	}
	if times != 1 {
		t.Errorf("it was said %d times", times)
	}
}
