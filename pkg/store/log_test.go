package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/store/storetest"
)

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	cases := []struct {
		name string
		opts store.Options
		word string
	}{
		{"no directory", store.Options{}, "Dir"},
		{"epoch too long", store.Options{Dir: dir, Epoch: strings.Repeat("e", 129)}, "Epoch"},
		{"floor too small", store.Options{Dir: dir, Floor: 4095}, "Floor"},
		{"floor negative", store.Options{Dir: dir, Floor: -1}, "Floor"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := store.OpenLog(c.opts)
			if !errors.Is(err, store.ErrInvalidOption) || !strings.Contains(err.Error(), c.word) {
				t.Fatalf("got error %v, want ErrInvalidOption naming %s", err, c.word)
			}
		})
	}
}

func TestDirectory(t *testing.T) {
	storetest.CheckLeaks(t)
	dir := filepath.Join(t.TempDir(), "a", "b")
	l := openLog(t, store.Options{Dir: dir})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("directory: %v, mode %v, want 0700", err, info.Mode())
	}
	info, err = os.Stat(filepath.Join(dir, "log"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("file: %v, mode %v, want 0600", err, info.Mode())
	}
	_, err = store.OpenLog(store.Options{Dir: dir})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), dir) ||
		!strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Fatalf("got error %v, want ErrLocked naming the directory and process %d", err, os.Getpid())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	notDir := filepath.Join(dir, "log")
	if _, err := store.OpenLog(store.Options{Dir: notDir}); err == nil {
		t.Fatal("a file was opened as a directory")
	}
}

func TestNewerVersion(t *testing.T) {
	storetest.CheckLeaks(t)
	w := writeBatches(t, true)
	w.file[8] = 2
	sum := crc32.Checksum(w.file[:508], crc32.MakeTable(crc32.Castagnoli))
	copy(w.file[508:512], []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})
	_, err := openBytes(t, t.TempDir(), w.file, nil)
	if !errors.Is(err, store.ErrVersion) || errors.Is(err, store.ErrDamaged) {
		t.Fatalf("got error %v, want ErrVersion", err)
	}
}

func TestEpoch(t *testing.T) {
	storetest.CheckLeaks(t)
	dir := t.TempDir()
	full, none := storetest.Model{"a": "1"}, storetest.Model{}
	steps := []struct {
		epoch string
		found storetest.Model
	}{
		{"boot 1", none}, {"boot 1", full}, {"", full}, {"boot 1", full}, {"boot 2", none}, {"boot 2", full}, {"boot 1", none},
	}
	for _, step := range steps {
		l := openLog(t, store.Options{Dir: dir, Epoch: step.epoch})
		storetest.Check(t, l, step.found)
		if err := l.Commit([]store.Op{put("a", "1")}); err != nil {
			t.Fatal(err)
		}
		if err := l.Reload(); err != nil {
			t.Fatal(err)
		}
		storetest.Check(t, l, full)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReset(t *testing.T) {
	storetest.CheckLeaks(t)
	opts := store.Options{Dir: t.TempDir(), Sync: true, Epoch: "boot 1"}
	l := openLog(t, opts)
	for range 3 {
		if err := l.Commit([]store.Op{put("a", "1"), put("b", "2")}); err != nil {
			t.Fatal(err)
		}
		if err := l.Reset(); err != nil {
			t.Fatal(err)
		}
		storetest.Check(t, l, storetest.Model{})
	}
	if err := l.Commit([]store.Op{put("c", "3")}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Reset(); !errors.Is(err, store.ErrClosed) {
		t.Fatalf("reset after close: got error %v, want ErrClosed", err)
	}
	storetest.Check(t, openLog(t, opts), storetest.Model{"c": "3"})
}

// TestOpeningAndClosingDoesNotGrow opens and closes without a change.
func TestOpeningAndClosingDoesNotGrow(t *testing.T) {
	dir := t.TempDir()
	size := int64(0)
	for i := range 10 {
		l := openLog(t, store.Options{Dir: dir, Sync: true})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if now := dirBytes(t, dir); i == 0 {
			size = now
		} else if now != size {
			t.Fatalf("opening %d: %d bytes, %d before", i, now, size)
		}
	}
}

// childEnv makes this test binary a process that commits until it is killed.
const childEnv = "NKV_STORE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, commitForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitForever commits batches of two keys that must agree, and says so after
// each.
func commitForever(dir string) error {
	l, err := store.OpenLog(store.Options{Dir: dir, Floor: 4 << 10})
	if err != nil {
		return err
	}
	n := 0
	for key, value := range l.All() {
		if key == "left" {
			n, _ = strconv.Atoi(strings.TrimRight(string(value), "."))
		}
	}
	for {
		n++
		value := fmt.Sprint(n, strings.Repeat(".", n%3000))
		if err := l.Commit([]store.Op{put("left", value), put("right", value)}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKillProcess kills a real process at full speed and opens what it left.
func TestKillProcess(t *testing.T) {
	storetest.CheckLeaks(t)
	dir := t.TempDir()
	for round := range 10 {
		acked := killAfter(t, dir, 200+137*round)
		l := openLog(t, store.Options{Dir: dir})
		got := storetest.Contents(t, l)
		found, _ := strconv.Atoi(strings.TrimRight(got["left"], "."))
		if got["left"] != got["right"] || found < acked || found > acked+1 {
			t.Fatalf("acknowledged %d, found %d; both keys equal: %v", acked, found, got["left"] == got["right"])
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs the process, kills it when it has acknowledged some batches,
// and returns the last one that it acknowledged.
func killAfter(t *testing.T, dir string, batches int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := 0
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			acked = n
		}
		if i == batches {
			if _, err := store.OpenLog(store.Options{Dir: dir}); !errors.Is(err, store.ErrLocked) ||
				!strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
				t.Errorf("got error %v, want ErrLocked naming process %d", err, cmd.Process.Pid)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return acked
}
