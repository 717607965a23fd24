package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGoldenFiles compares what is generated for small packages with what is
// checked in beside them, and compiles it.
func TestGoldenFiles(t *testing.T) {
	cases, err := filepath.Glob("testdata/golden/*/*.go")
	if err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	seen := map[string]bool{}
	for _, file := range cases {
		dir := filepath.Dir(file)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		t.Run(filepath.Base(dir), func(t *testing.T) {
			files, err := generate(".", []string{"./" + dir}, options{}, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := write(files, false); err != nil {
					t.Fatal(err)
				}
			}
			for name, want := range files {
				is, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(is), string(want)); diff != "" {
					t.Errorf("%s is not what is generated; run `go test ./tools/nkvgen -update` when it should be:\n%s", name, diff)
				}
			}
			if out, err := exec.Command("go", "vet", "./"+dir+"/...").CombinedOutput(); err != nil {
				t.Errorf("it does not compile: %v\n%s", err, out)
			}
		})
	}
}

func TestWhatCanNotBeGeneratedSaysWhereAndWhatToDo(t *testing.T) {
	cases, err := filepath.Glob("testdata/refused/*/p.go")
	if err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, file := range cases {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(data), "\n")
			_, want, _ := strings.Cut(first, "is refused: ")
			var said bytes.Buffer
			if code := run([]string{"-check", "./" + filepath.Dir(file)}, &said); code != 1 {
				t.Errorf("exit code %d", code)
			}
			for _, part := range []string{want, "p.go:"} {
				if !strings.Contains(said.String(), part) {
					t.Errorf("it says\n%s\nwanted is %q", &said, part)
				}
			}
		})
	}
}

// TestCheckFindsAFieldThatWasAdded is what CI relies on.
func TestCheckFindsAFieldThatWasAdded(t *testing.T) {
	dir, err := os.MkdirTemp("testdata", "stale")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "a.go")
	source := func(fields string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("package a\n\n//nkv:json\ntype T struct {\n"+fields+"}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want int, args ...string) {
		t.Helper()
		var said bytes.Buffer
		if code := run(append(args, "./"+dir), &said); code != want {
			t.Errorf("%v: exit code %d, wanted is %d: %s", args, code, want, &said)
		}
	}
	source("\tA int\n")
	check(1, "-check")
	check(0)
	check(0, "-check")
	source("\tA int\n\tB string\n")
	check(1, "-check")
	check(0)
	check(0, "-check")
}

func TestWrongUse(t *testing.T) {
	var said bytes.Buffer
	if code := run([]string{"-nothing"}, &said); code != 2 {
		t.Errorf("exit code %d", code)
	}
	if code := run(nil, &said); code != 2 || !strings.Contains(said.String(), "Usage: nkvgen") {
		t.Errorf("exit code %d: %s", code, &said)
	}
	if code := run([]string{"-h"}, &said); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if code := run([]string{"./nowhere"}, &said); code != 1 {
		t.Errorf("a package that is not there: exit code %d", code)
	}
}
