package access

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// Edit is an agents file that is being changed. What it does not touch stays as it
// was written, comments too.
type Edit struct {
	path string // where links lead to
	mode fs.FileMode
	doc  *yaml.Node
	lock *os.File // the directory, locked
}

// newMode is the mode of a file that is made: hashes are nobody else's business.
const newMode fs.FileMode = 0o600

// OpenEdit reads a file to change it; one that is not there begins empty. Others wait
// in OpenEdit, for files of the same directory, until it is closed. Errors: ErrFile.
func OpenEdit(path string) (*Edit, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // it is replaced, not the link
	}
	empty := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	e := &Edit{path: path, mode: newMode, doc: empty}
	var err error
	if e.lock, err = lock(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if err := e.load(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// load reads the file, if there is one.
func (e *Edit) load() error {
	info, err := os.Stat(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	content, err := read(e.path)
	if err != nil {
		return err
	}
	if _, err := Parse(e.path, content); err != nil {
		return err
	}
	e.mode = info.Mode().Perm()
	e.doc, err = document(content)
	return err
}

// lock opens a directory and waits until nobody else has it locked. The lock is the
// kernel's, so it is gone with the descriptor, however that ends.
func lock(dir string) (*os.File, error) {
	held, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(held.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		held.Close()
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	return held, nil
}

// Close ends the editing; what was not saved is dropped. It is idempotent.
func (e *Edit) Close() { e.lock.Close() }

func (e *Edit) identities() *yaml.Node {
	return child(e.doc.Content[0], "identities", yaml.MappingNode)
}

// Add adds to an identity, which it makes when there is none: each of the lists,
// and the role when there is one.
func (e *Edit) Add(id Identity) {
	node := child(e.identities(), id.Name, yaml.MappingNode)
	if id.Role != NoRole {
		role := child(node, "role", yaml.ScalarNode)
		role.SetString(string(id.Role))
	}
	extend(node, "agents", id.Agents)
	extend(node, "reads", id.Reads)
	extend(node, "uids", numbers(id.UIDs))
	extend(node, "gids", numbers(id.GIDs))
	extend(node, "passwords", id.Passwords)
	extend(node, "nkeys", id.NKeys)
}

// Remove removes an identity. The error is ErrUnknown when there is none.
func (e *Edit) Remove(name string) error {
	all := e.identities()
	for i := 0; i+1 < len(all.Content); i += 2 {
		if all.Content[i].Value == name {
			all.Content = slices.Delete(all.Content, i, i+2)
			return nil
		}
	}
	return fmt.Errorf("%w: %q", ErrUnknown, name)
}

// Save checks the whole and puts it in the file's place at once, so that nobody
// ever reads half of it, and so that it lasts when the power goes.
func (e *Edit) Save() error {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(e.doc), encoder.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if _, err := Parse(e.path, out.Bytes()); err != nil {
		return err
	}
	if err := replace(e.path, out.Bytes(), e.mode); err != nil {
		return err
	}
	if err := e.lock.Sync(); err != nil { // the directory
		return fmt.Errorf("write the agents file: it is there, but may be gone after a power loss: %w", err)
	}
	return nil
}

// replace writes a file beside another's place and moves it there. The owner stays
// who it was, where this process may see to that.
func replace(path string, content []byte, mode fs.FileMode) error {
	before, _ := os.Stat(path) //nolint:errcheck // nil: there is none
	made, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the agents file: %w", err)
	}
	defer os.Remove(made.Name()) // it is gone when it was moved
	_, err = made.Write(content)
	err = errors.Join(err, made.Chmod(mode), keepOwner(made, before), made.Sync(), made.Close())
	if err == nil {
		err = os.Rename(made.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the agents file: %w", err)
	}
	return nil
}

// child returns what a key of a mapping holds, made where it is missing.
func child(node *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	name, made := &yaml.Node{}, &yaml.Node{Kind: kind}
	name.SetString(key)
	node.Content = append(node.Content, name, made)
	return made
}

// extend adds texts to a list, those that it does not have.
func extend(node *yaml.Node, key string, texts []string) {
	if len(texts) == 0 {
		return
	}
	list := child(node, key, yaml.SequenceNode)
	if len(list.Content) == 0 {
		list.Style = yaml.FlowStyle
	}
	for _, text := range texts {
		if slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Value == text }) {
			continue
		}
		item := &yaml.Node{}
		item.SetString(text)
		if _, err := strconv.ParseUint(text, 10, 32); err == nil && (key == "uids" || key == "gids") {
			item.Tag = "!!int"
		}
		list.Content = append(list.Content, item)
	}
}

func numbers(ids []uint32) []string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, strconv.FormatUint(uint64(id), 10))
	}
	return texts
}
