package filewatch

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links are followed before they are taken for
// a loop; the limit of Linux.
const maxLinks = 40

// place is a file or directory on the way to the watched file.
type place struct {
	dev, ino uint64
	dir      bool
}

// way is everything that a path leads over, through symbolic links too.
type way struct {
	// entries are the names whose coming, going or changing can change what
	// the path leads to.
	entries map[string]bool
	// places are to be watched: each directory that holds one of the entries,
	// and the file itself, which can be changed from elsewhere when it is
	// mounted or has several names.
	places map[string]place
}

// follow returns the way that an absolute path leads now. It ends early where
// the next step does not exist.
func follow(path string) way {
	w := way{entries: map[string]bool{}, places: map[string]place{}}
	at := string(filepath.Separator)
	rest := split(path)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		w.entries[next] = true
		w.add(at)
		info, err := os.Lstat(next)
		if err != nil {
			return w
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			if !info.IsDir() {
				w.add(next)
				return w
			}
			continue
		}
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return w
		}
		if filepath.IsAbs(target) {
			at = string(filepath.Separator)
		}
		rest = append(split(target), rest...)
	}
	return w
}

// add notes a place unless it went away meanwhile; its entry tells then.
func (w way) add(path string) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	p := place{dir: info.IsDir()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		p.dev, p.ino = uint64(stat.Dev), stat.Ino
	}
	w.places[path] = p
}

// split returns the names of a path. ".." is kept: behind a symbolic link it
// leads elsewhere than it reads.
func split(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, string(filepath.Separator)) {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}
