package filewatch_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/filewatch"
	"github.com/sirupsen/logrus"
)

// patience is how long a change may take to be told before a test fails.
const patience = 10 * time.Second

// scene is a directory with a watched file in it.
type scene struct {
	t    *testing.T
	dir  string
	path string
	file *filewatch.File
}

func (s *scene) at(name string) string { return filepath.Join(s.dir, name) }

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) write(name, text string) {
	s.t.Helper()
	s.must(os.MkdirAll(filepath.Dir(s.at(name)), 0o755))
	s.must(os.WriteFile(s.at(name), []byte(text), 0o644))
}

// becomes waits until the file reads as wanted ("" for absent), looking only
// when told to.
func (s *scene) becomes(want string) {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case <-s.file.Changes():
		case <-timeout:
			data, err := filewatch.Read(s.path)
			s.t.Fatalf("not told that the file became %q; it reads %q, %v", want, data, err)
		}
		data, err := filewatch.Read(s.path)
		if string(data) == want && (want != "") == (err == nil) {
			return
		}
	}
}

func TestChangesAreTold(t *testing.T) {
	swap := func(s *scene, target string) {
		s.t.Helper()
		s.must(os.Symlink(target, s.at("cfg/..data_tmp")))
		s.must(os.Rename(s.at("cfg/..data_tmp"), s.at("cfg/..data")))
	}
	tests := []struct {
		name   string
		path   string // within the scene; "cfg/device.json" when empty
		before func(s *scene)
		steps  []func(s *scene)
		want   []string
	}{
		{
			name:   "written in place",
			before: func(s *scene) { s.write("cfg/device.json", "1") },
			steps:  []func(s *scene){func(s *scene) { s.write("cfg/device.json", "2") }, func(s *scene) { s.write("cfg/device.json", "3") }},
			want:   []string{"2", "3"},
		}, {
			name:   "made later",
			before: func(s *scene) { s.must(os.Mkdir(s.at("cfg"), 0o755)) },
			steps:  []func(s *scene){func(s *scene) { s.write("cfg/device.json", "1") }},
			want:   []string{"1"},
		}, {
			name:  "directories made later",
			path:  "a/b/c/device.json",
			steps: []func(s *scene){func(s *scene) { s.write("a/b/c/device.json", "1") }},
			want:  []string{"1"},
		}, {
			name:   "replaced by rename, again and again",
			before: func(s *scene) { s.write("cfg/device.json", "1") },
			steps: []func(s *scene){
				func(s *scene) {
					for i := range 50 {
						s.write("cfg/.new", fmt.Sprint("round ", i))
						s.must(os.Rename(s.at("cfg/.new"), s.at("cfg/device.json")))
					}
				},
				func(s *scene) { s.write("cfg/device.json", "in place") },
			},
			want: []string{"round 49", "in place"},
		}, {
			name:   "moved to a backup and written anew",
			before: func(s *scene) { s.write("cfg/device.json", "1") },
			steps: []func(s *scene){
				func(s *scene) { s.must(os.Rename(s.at("cfg/device.json"), s.at("cfg/device.json~"))) },
				func(s *scene) { s.write("cfg/device.json", "2") },
			},
			want: []string{"", "2"},
		}, {
			name:   "removed and made again",
			before: func(s *scene) { s.write("cfg/device.json", "1") },
			steps: []func(s *scene){
				func(s *scene) { s.must(os.Remove(s.at("cfg/device.json"))) },
				func(s *scene) { s.write("cfg/device.json", "2") },
			},
			want: []string{"", "2"},
		}, {
			name: "mounted configuration with swapped link",
			before: func(s *scene) {
				s.write("cfg/..one/device.json", "1")
				s.must(os.Symlink("..one", s.at("cfg/..data")))
				s.must(os.Symlink("..data/device.json", s.at("cfg/device.json")))
			},
			steps: []func(s *scene){
				func(s *scene) { s.write("cfg/..two/device.json", "2"); swap(s, "..two") },
				func(s *scene) { s.must(os.RemoveAll(s.at("cfg/..one"))); s.write("cfg/..two/device.json", "3") },
			},
			want: []string{"2", "3"},
		}, {
			name: "link to a file elsewhere",
			before: func(s *scene) {
				s.write("store/a.json", "1")
				s.must(os.Mkdir(s.at("cfg"), 0o755))
				s.must(os.Symlink(s.at("store/a.json"), s.at("cfg/device.json")))
			},
			steps: []func(s *scene){
				func(s *scene) { s.write("store/a.json", "2") },
				func(s *scene) {
					s.must(os.Remove(s.at("cfg/device.json")))
					s.write("store/b.json", "3")
					s.must(os.Symlink("../store/b.json", s.at("cfg/device.json")))
				},
				func(s *scene) { s.write("store/b.json", "4") },
			},
			want: []string{"2", "3", "4"},
		}, {
			name:   "directory above replaced",
			path:   "a/b/device.json",
			before: func(s *scene) { s.write("a/b/device.json", "1") },
			steps: []func(s *scene){
				func(s *scene) {
					s.write("next/b/device.json", "2")
					s.must(os.Rename(s.at("a"), s.at("old")))
					s.must(os.Rename(s.at("next"), s.at("a")))
				},
				func(s *scene) { s.write("a/b/device.json", "3") },
				func(s *scene) { s.must(os.RemoveAll(s.at("a"))) },
				func(s *scene) { s.write("a/b/device.json", "4") },
			},
			want: []string{"2", "3", "", "4"},
		}, {
			name: "written under another of its names",
			before: func(s *scene) {
				s.write("cfg/device.json", "1")
				s.must(os.Mkdir(s.at("other"), 0o755))
				s.must(os.Link(s.at("cfg/device.json"), s.at("other/name")))
			},
			steps: []func(s *scene){func(s *scene) { s.write("other/name", "2") }},
			want:  []string{"2"},
		}, {
			name: "link that leads in a circle, then to a file",
			before: func(s *scene) {
				s.must(os.Mkdir(s.at("cfg"), 0o755))
				s.must(os.Symlink("device.json", s.at("cfg/device.json")))
			},
			steps: []func(s *scene){func(s *scene) {
				s.must(os.Remove(s.at("cfg/device.json")))
				s.write("cfg/device.json", "1")
			}},
			want: []string{"1"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &scene{t: t, dir: t.TempDir()}
			s.path = s.at("cfg/device.json")
			if test.path != "" {
				s.path = s.at(test.path)
			}
			if test.before != nil {
				test.before(s)
			}
			s.open()
			for i, step := range test.steps {
				step(s)
				s.becomes(test.want[i])
			}
		})
	}
}

// open starts watching and takes the first change, which is told at once.
func (s *scene) open() {
	s.t.Helper()
	before := runtime.NumGoroutine()
	log := logrus.New()
	log.SetOutput(io.Discard)
	var err error
	s.file, err = filewatch.Open(s.path, log)
	s.must(err)
	s.t.Cleanup(func() {
		s.must(s.file.Close())
		s.must(s.file.Close()) // again: nothing happens
		deadline := time.Now().Add(patience)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				s.t.Fatalf("%d goroutines before, %d after closing", before, runtime.NumGoroutine())
			}
			runtime.Gosched()
		}
	})
	select {
	case <-s.file.Changes():
	case <-time.After(patience):
		s.t.Fatal("the first look was not asked for")
	}
}

func TestOtherFilesAreNotTold(t *testing.T) {
	s := &scene{t: t, dir: t.TempDir()}
	s.path = s.at("cfg/device.json")
	s.write("cfg/device.json", "1")
	s.open()
	for i := range 100 {
		s.write(fmt.Sprintf("cfg/other%d", i), "x")
	}
	s.write("cfg/device.json", "2")
	s.becomes("2")
	// The events came in order, so that those of the others were passed over
	// by now. Left are those of the file itself: truncating and writing, each
	// seen at the file and at its directory.
	told := 0
	for quiet := false; !quiet; {
		select {
		case <-s.file.Changes():
			told++
		case <-time.After(200 * time.Millisecond):
			quiet = true
		}
	}
	if told > 4 {
		t.Errorf("told %d more times, want at most 4", told)
	}
}

func TestReadRefuses(t *testing.T) {
	s := &scene{t: t, dir: t.TempDir()}
	s.must(syscall.Mkfifo(s.at("pipe"), 0o600))
	s.must(os.Mkdir(s.at("dir"), 0o755))
	s.write("large", "")
	s.must(os.Truncate(s.at("large"), filewatch.MaxSize+1))
	for name, want := range map[string]error{
		"pipe": filewatch.ErrNotRegular, "dir": filewatch.ErrNotRegular,
		"large": filewatch.ErrTooLarge, "none": os.ErrNotExist,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := filewatch.Read(s.at(name))
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			if err != nil && !strings.Contains(err.Error(), s.at(name)) {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}
