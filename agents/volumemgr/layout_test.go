package volumemgr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// childEnv makes the test's program lay out the volume that it names, from
// "content" beside its directory.
const childEnv = "NKV_TEST_LAY_OUT"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := layOut(context.Background(), volumeFile{path: path, content: "c", from: contentOf(path)}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	leak.Main(m)
}

func contentOf(path string) string { return filepath.Join(filepath.Dir(path), "..", "content") }

func randomBytes(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// volumes is a directory of volumes, with one to be made.
func volumes(t *testing.T) (path string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "volumes")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "v#1")
}

func names(t *testing.T, path string) []string {
	t.Helper()
	found, err := list(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestAFileHasItsNameWhenItIsComplete looks at the name all the time while large
// volumes are laid out: at first sight the file must be whole.
func TestAFileHasItsNameWhenItIsComplete(t *testing.T) {
	path, data := volumes(t), randomBytes(24<<20)
	content := contentOf(path)
	if err := os.WriteFile(content, data, 0o600); err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Clone(data), make([]byte, 1<<20)...)
	for round := range 5 {
		done := make(chan error, 1)
		go func() {
			done <- layOut(context.Background(), volumeFile{
				path: path, content: "c", from: content, sha256: hexSum(data), bytes: int64(len(want)),
			})
		}()
		for {
			got, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("round %d: at first sight the volume has %d of %d bytes, or others; %v", round, len(got), len(want), err)
			}
			break
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if found := names(t, path); len(found) != 1 {
			t.Fatalf("round %d: left are %q", round, found)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// pipe is content that comes as slowly as the test writes it.
func pipe(t *testing.T, path string) (write func(data []byte), end func()) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0o600) // for both, so that it does not wait for a reader
	if err != nil {
		t.Fatal(err)
	}
	end = func() { file.Close() }
	t.Cleanup(end)
	return func(data []byte) {
		t.Helper()
		if _, err := file.Write(data); err != nil {
			t.Error(err)
		}
	}, end
}

// holds waits until some file beside path has that many bytes.
func holds(t *testing.T, path string, bytes int64) {
	t.Helper()
	if !testutil.Holds(agenttest.Patience, func() bool {
		for _, name := range names(t, path) {
			if n, _ := size(filepath.Join(filepath.Dir(path), name)); n == bytes {
				return true
			}
		}
		return false
	}) {
		t.Fatalf("no file has %d bytes; there are %q", bytes, names(t, path))
	}
}

func TestAnInterruptedLayOutLeavesNothing(t *testing.T) {
	path := volumes(t)
	write, _ := pipe(t, contentOf(path))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- layOut(ctx, volumeFile{path: path, content: "c", from: contentOf(path)}) }()
	write(randomBytes(1 << 20))
	holds(t, path, 1<<20)
	cancel()
	write([]byte("more")) // it was waiting for content
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if found := names(t, path); len(found) != 0 {
		t.Errorf("left are %q", found)
	}
}

// TestAKilledLayOutLeavesNothingUnderTheName: what it leaves has another name,
// and the next one is not disturbed by it.
func TestAKilledLayOutLeavesNothingUnderTheName(t *testing.T) {
	path := volumes(t)
	write, end := pipe(t, contentOf(path))
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	write(randomBytes(1 << 20))
	holds(t, path, 1<<20)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	end()
	found := names(t, path)
	if len(found) != 1 || !strings.HasPrefix(found[0], "v#1.") {
		t.Fatalf("left are %q", found)
	}
	if err := layOut(context.Background(), volumeFile{path: path, bytes: 7}); err != nil {
		t.Fatal(err)
	}
	if n, there := size(path); !there || n != 7 {
		t.Errorf("the next try made %d bytes, %t", n, there)
	}
}

// TestTwoAtOnceMakeOneVolume: an instance that was stopped for a while goes on
// beside the next one. The volume is whole as soon as it is there, and is not
// replaced: an application may have written to it.
func TestTwoAtOnceMakeOneVolume(t *testing.T) {
	path, data := volumes(t), randomBytes(2<<20)
	slow, fast := contentOf(path)+"-1", contentOf(path)+"-2"
	writeSlow, endSlow := pipe(t, slow)
	if err := os.WriteFile(fast, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	file := volumeFile{path: path, content: "c", from: slow}
	done := make(chan error, 1)
	go func() { done <- layOut(ctx, file) }()
	writeSlow(data[:1<<20])
	holds(t, path, 1<<20)
	second := file
	second.from = fast
	if err := layOut(ctx, second); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("the volume has %d bytes, %v", len(got), err)
	}
	if err := os.WriteFile(path, []byte("an application's"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeSlow(data[1<<20:])
	holds(t, path, 2<<20)
	endSlow()
	if err := <-done; err != nil {
		t.Errorf("the first one: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "an application's" {
		t.Errorf("the volume was replaced: %d bytes, %v", len(got), err)
	}
	if found := names(t, path); len(found) != 1 {
		t.Errorf("left are %q", found)
	}
}

// TestContentThatChangedSinceItWasReadMakesNoVolume.
func TestContentThatChangedSinceItWasReadMakesNoVolume(t *testing.T) {
	path := volumes(t)
	if err := os.WriteFile(contentOf(path), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := layOut(context.Background(), volumeFile{path: path, content: "c", from: contentOf(path), sha256: hexSum([]byte("the image"))})
	if found := names(t, path); !errors.Is(err, ErrDamaged) || len(found) != 0 {
		t.Errorf("%v, left are %q", err, found)
	}
}

// TestAFailureHasOneText: a problem that is found again keeps its time only when
// its text is the same.
func TestAFailureHasOneText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "v#1")
	first, second := layOut(context.Background(), volumeFile{path: path}), layOut(context.Background(), volumeFile{path: path})
	if first == nil || second == nil || first.Error() != second.Error() || !strings.Contains(first.Error(), path+":") {
		t.Errorf("first %v, then %v", first, second)
	}
}
