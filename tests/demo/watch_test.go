package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkv/nkv/agents/contentserver"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// knownVolume is what the demo knows of one volume of 4 MiB with its content.
func knownVolume() *known {
	k := newKnown()
	k.add(devconfig.Tables{
		ContentTrees: map[string]types.ContentTreeConfig{"c": {RelativeURL: "x"}},
		Volumes: map[string]types.VolumeConfig{"v": {
			OriginType: types.VolumeOriginDownload, ContentID: "c", MaxVolSizeBytes: 4 << 20,
		}},
	})
	return k
}

func TestAVolumeThatIsNotCompleteIsSeen(t *testing.T) {
	whole := make([]byte, 4<<20)
	var buffer bytes.Buffer
	if _, err := buffer.ReadFrom(contentserver.Open("x")); err != nil {
		t.Fatal(err)
	}
	copy(whole, buffer.Bytes())
	other := bytes.Clone(whole)
	other[7] ^= 1
	for _, tt := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"complete", "v#1", whole, ""},
		{"unfinished under another name", "v#1.5.tmp", whole[:9], ""},
		{"too short", "v#1", whole[:9], "it has 9 bytes"},
		{"other bytes", "v#1", other, "not those of x"},
		{"nobody's", "w#1", whole, "no configuration"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			w := watchVault(dir, knownVolume())
			w.close() // it looks once at least
			if _, err := w.verdict(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the verdict is %v; wanted is %q", err, tt.want)
			}
		})
	}
}

func TestAWrongStatusIsSeen(t *testing.T) {
	k := knownVolume()
	x, _ := k.content("c")
	problem := types.Problem{What: "no", When: time.Now()}
	apps := &appWatch{dir: t.TempDir()}
	ended := time.Now().Add(-time.Minute)
	for _, tt := range []struct {
		name string
		told func(w *statusWatch) error
		want string // part of the error; empty: none
	}{
		{"a complete download", func(w *statusWatch) error {
			_, err := w.download("c", types.DownloaderStatus{State: types.DownloadComplete, CurrentBytes: x.bytes, SHA256: x.sha256})
			return err
		}, ""},
		{"a download with another checksum", func(w *statusWatch) error {
			_, err := w.download("c", types.DownloaderStatus{State: types.DownloadComplete, CurrentBytes: x.bytes, SHA256: "0"})
			return err
		}, "complete with"},
		{"content that nobody asked for", func(w *statusWatch) error {
			_, err := w.contentTree("d", types.ContentTreeStatus{State: types.StateInitial})
			return err
		}, "no configuration"},
		{"content of another size", func(w *statusWatch) error {
			_, err := w.contentTree("c", types.ContentTreeStatus{State: types.StateLoaded, SizeBytes: 1, SHA256: x.sha256})
			return err
		}, "loaded with 1 bytes"},
		{"an error", func(w *statusWatch) error {
			_, err := w.volume("v", types.VolumeStatus{State: types.StateError, Problem: problem})
			return err
		}, ""},
		{"an error without a reason", func(w *statusWatch) error {
			_, err := w.volume("v", types.VolumeStatus{State: types.StateError})
			return err
		}, "does not say why"},
		{"a volume that is too small", func(w *statusWatch) error {
			_, err := w.volume("v", types.VolumeStatus{State: types.StateCreatedVolume, Path: "/v", SizeBytes: 9})
			return err
		}, "created with 9 bytes"},
		{"an older generation", func(w *statusWatch) error {
			_, first := w.volume("v", types.VolumeStatus{GenerationCounter: 2})
			_, err := w.volume("v", types.VolumeStatus{GenerationCounter: 1})
			return firstError(first, err)
		}, "generation 2 was told before"},
		{"an application without a process", func(w *statusWatch) error {
			_, err := w.app("a", types.AppInstanceStatus{State: types.StateRunning})
			return err
		}, "without a process"},
		{"an application whose process ended", func(w *statusWatch) error {
			_, err := w.app("a", types.AppInstanceStatus{State: types.StateRunning, PID: 1, StartedAt: ended})
			return err
		}, "which ended"},
		{"a process that ended just now", func(w *statusWatch) error {
			_, err := w.domain("a", types.DomainStatus{State: types.StateRunning, PID: 1, StartedAt: time.Now()})
			return err
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &statusWatch{known: k, apps: apps, oldest: map[string]int64{}, work: map[string]string{}}
			if err := tt.told(w); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; wanted is %q", err, tt.want)
			}
		})
	}
}

// TestTheDemoFitsATerminal: 80 columns.
func TestTheDemoFitsATerminal(t *testing.T) {
	var out strings.Builder
	s := &summary{
		processes: 1000, volumes: 1000, statuses: 100000, changes: 1000000, calls: 1000000, lives: 1000, load: 1000000,
		loads: loadCounts{complete: 1000, bytes: 1 << 33, resumed: 1000, failed: 1000}, handled: []time.Duration{time.Second},
	}
	s.print(&out)
	out.WriteString(wrapped("    diag: content tree \"a b\", http://h/x: the content has SHA-256 "+strings.Repeat("0", 64)+
		"; the configuration says "+strings.Repeat("1", 64)+", since 00:00:00; concerns application a, volume b", "      "))
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.HasPrefix(wrapped("    diag: x", "      "), "    diag: x") {
		t.Errorf("got %q", wrapped("    diag: x", "      "))
	}
}
