package crash

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// changing are the system calls by which a process can change a disk. Any of them
// on a store's file that the tracer does not know is an error, so that a record is
// whole or refused.
const changing = "openat,openat2,open,creat,close,dup,dup2,dup3,fcntl,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate," +
	"rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,mknod,mknodat," +
	"fsync,fdatasync,sync,syncfs,sync_file_range,copy_file_range,sendfile,splice,mmap,io_uring_setup,io_submit"

// tracer reads what strace wrote.
type tracer struct {
	root   string
	events []event
	open   map[string]int    // files, by descriptor; a directory is 0
	paths  map[string]string // of directories, by descriptor
	names  map[string]int
	files  int
	locks  map[int]bool      // files that only people read
	halves map[string]string // calls that have not returned, by process
	kinds  map[string]int
}

func readTrace(file, root string) (*tracer, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tr := &tracer{
		root: root, open: map[string]int{}, paths: map[string]string{}, names: map[string]int{}, locks: map[int]bool{},
		halves: map[string]string{}, kinds: map[string]int{},
	}
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			if err := tr.line(line); err != nil {
				return nil, fmt.Errorf("%.300s: %w", line, err)
			}
		}
		if err != nil {
			break
		}
	}
	slices.SortStableFunc(tr.events, func(a, b event) int { return int(min(max(a.at-b.at, -1), 1)) })
	return tr, nil
}

// line reads a line: a call, the first or the second half of one, or another
// event in the life of a process.
func (tr *tracer) line(line string) error {
	process, rest, ok1 := strings.Cut(line, " ")
	stamp, text, ok2 := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if !ok1 || !ok2 {
		return errors.New("not a line of strace")
	}
	at, err := nanoseconds(stamp)
	if err != nil {
		return err
	}
	if first, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
		if descriptor, closes := strings.CutPrefix(first, "close("); closes { // it may be given again before this returns
			tr.closed(descriptor)
			first = "closed(0"
		}
		tr.halves[process] = stamp + " " + first
		return nil
	}
	began := at
	if again, ok := strings.CutPrefix(text, "<... "); ok {
		_, second, ok := strings.Cut(again, " resumed>")
		stamp, first, ok2 := strings.Cut(tr.halves[process], " ")
		if delete(tr.halves, process); !ok || !ok2 {
			return errors.New("the end of a call without its beginning")
		}
		if began, err = nanoseconds(stamp); err != nil {
			return err
		}
		text = first + second
	} else {
		at = 0 // it returned before the next line
	}
	// All texts are in hexadecimal, so the first bracket ends the arguments.
	name, tail, ok1 := strings.Cut(text, "(")
	end := strings.Index(tail, ")")
	if !ok1 || end < 0 || strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "---") {
		return nil // the end of a process or thread, or a signal
	}
	args, outcome := tail[:end], strings.TrimLeft(tail[end+1:], " ")
	if outcome, ok1 = strings.CutPrefix(outcome, "= "); !ok1 {
		return errors.New("a call without a result")
	}
	result, took, _ := strings.Cut(outcome, " ")
	return tr.call(name, args, result, took, began, at)
}

func nanoseconds(stamp string) (int64, error) {
	seconds, fraction, _ := strings.Cut(stamp, ".")
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	n, err2 := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return s*1e9 + n, errors.Join(err1, err2)
}

// call adds a call that worked to the events. A sync counts from where it
// returned.
func (tr *tracer) call(name, args, result, tail string, began, ended int64) error {
	if result == "?" || strings.HasPrefix(result, "-") {
		return nil
	}
	if i := strings.LastIndex(tail, "<"); i >= 0 && ended == 0 { // how long it took
		took, err := strconv.ParseFloat(strings.TrimSuffix(tail[i+1:], ">"), 64)
		if err != nil {
			return err
		}
		ended = began + int64(took*1e9)
	}
	texts, args, err := unquote(args)
	if err != nil {
		return err
	}
	fields := strings.Split(args, ", ")
	e, ours, err := event{at: began}, false, error(nil)
	switch name {
	case "openat":
		return tr.opened(texts[0], fields[2], result, e)
	case "close":
		tr.closed(fields[0])
	case "mkdirat", "unlinkat", "renameat", "renameat2", "rename":
		e, ours = tr.naming(name, texts, e)
	case "fdatasync", "fsync":
		e.at, e.began = ended, began
		e, ours = tr.syncing(fields[0], e)
	case "pwrite64", "ftruncate":
		e, ours, err = tr.writing(name, texts, fields, result, e)
	default:
		return tr.other(name, args, texts, fields)
	}
	if ours {
		tr.kinds[name]++
		tr.events = append(tr.events, e)
	}
	return err
}

// naming reads a call that changes names.
func (tr *tracer) naming(name string, texts []string, e event) (event, bool) {
	rel, ours := tr.below(texts[0])
	if !ours {
		return e, false
	}
	e.name, e.file = rel, tr.names[rel]
	switch name {
	case "mkdirat":
		e.call = makeDir
	case "unlinkat":
		e.call = unlink
		delete(tr.names, rel)
	default:
		e.call = rename
		e.to, _ = tr.below(texts[1])
		tr.names[e.to] = e.file
		delete(tr.names, rel)
	}
	return e, true
}

// syncing reads a sync, of a file or of a directory.
func (tr *tracer) syncing(descriptor string, e event) (event, bool) {
	if rel, dir := tr.paths[descriptor]; dir {
		e.call, e.name = syncDir, rel
		return e, true
	}
	file, ours := tr.open[descriptor]
	e.call, e.file = syncFile, file
	return e, ours && !tr.locks[file]
}

// writing reads a change of a file's content.
func (tr *tracer) writing(name string, texts, fields []string, result string, e event) (event, bool, error) {
	file, ours := tr.open[fields[0]]
	if !ours || tr.locks[file] {
		return e, false, nil
	}
	var err error
	e.file = file
	if e.off, err = strconv.ParseInt(fields[len(fields)-1], 10, 64); err != nil {
		return e, true, err
	}
	if e.call = truncate; name == "pwrite64" {
		e.call, e.data = write, []byte(texts[0])
		if result != strconv.Itoa(len(texts[0])) {
			err = fmt.Errorf("%s bytes of %d were written", result, len(texts[0]))
		}
	}
	return e, true, err
}

// other refuses a call on a store's file that changes it in a way that is not
// recorded.
func (tr *tracer) other(name, args string, texts, fields []string) error {
	for _, text := range texts {
		if _, ours := tr.below(text); ours && !strings.Contains(name, "write") {
			return fmt.Errorf("%s names what is a store's", name)
		}
	}
	on := fields[:1]
	switch name {
	case "closed": // it was noted when it began
		return nil
	case "fcntl":
		if !strings.Contains(fields[1], "DUP") {
			return nil
		}
	case "mmap":
		if !strings.Contains(args, "MAP_SHARED") || !strings.Contains(args, "PROT_WRITE") {
			return nil
		}
		on = fields[4:5]
	case "copy_file_range", "splice":
		on = []string{fields[0], fields[2]}
	}
	for _, descriptor := range on {
		if file, ours := tr.open[descriptor]; ours && !tr.locks[file] {
			return fmt.Errorf("%s changes a store's file", name)
		}
	}
	return nil
}

// unquote takes the texts out of a call's arguments.
func unquote(args string) (texts []string, rest string, err error) {
	parts := strings.Split(args, `"`)
	for i := 1; i < len(parts); i += 2 {
		raw, err := hex.DecodeString(strings.ReplaceAll(parts[i], `\x`, ""))
		if err != nil {
			return nil, "", err
		}
		texts = append(texts, string(raw))
		parts[i] = "_"
	}
	return texts, strings.Join(parts, ""), nil
}

func (tr *tracer) closed(descriptor string) {
	delete(tr.open, descriptor)
	delete(tr.paths, descriptor)
}

func (tr *tracer) below(name string) (string, bool) {
	rel, err := filepath.Rel(tr.root, name)
	return rel, err == nil && !strings.HasPrefix(rel, "..")
}

func (tr *tracer) opened(name, flags, descriptor string, e event) error {
	rel, ours := tr.below(name)
	if !ours {
		delete(tr.open, descriptor)
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		tr.paths[descriptor] = rel
		return nil
	}
	file, known := tr.names[rel]
	switch {
	case !known && !strings.Contains(flags, "O_CREAT"):
		return nil // no file of a store: it was there before
	case !known:
		tr.files++
		file = tr.files
		tr.names[rel] = file
		tr.locks[file] = filepath.Base(rel) == "LOCK"
		e.call, e.name, e.file = create, rel, file
		tr.events = append(tr.events, e)
	case strings.Contains(flags, "O_TRUNC"):
		e.call, e.file = truncate, file
		tr.events = append(tr.events, e)
	}
	tr.open[descriptor] = file
	return nil
}
