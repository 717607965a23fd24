package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/nats-io/nkeys"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/evenkv/nkv/pkg/wire"
)

// maxFile is the largest agents file, in bytes; a hundred agents take 20 KiB.
const maxFile = 1 << 20

// Load reads an agents file. Errors are ErrFile.
func Load(file string) (*Rules, error) {
	content, err := read(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, content)
}

// read reads a file that not everybody may write.
func read(file string) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would not be opened else
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is not a regular file, so it could not be read again", ErrFile, file)
	case info.Mode().Perm()&0o002 != 0:
		return nil, fmt.Errorf("%w: everybody may write %s, and so make rules; chmod o-w it", ErrFile, file)
	}
	if err := guarded(file); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes; is it the right file?", file, maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return content, nil
}

// guarded refuses a file that everybody may replace by another, or by a link.
func guarded(file string) error {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	for _, dir := range []string{filepath.Dir(file), filepath.Dir(target)} {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		if info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0 {
			return fmt.Errorf("%w: everybody may replace %s, and so make rules; chmod o-w its directory %s", ErrFile, file, dir)
		}
	}
	return nil
}

// parser reads one file.
type parser struct {
	file  string
	rules *Rules
}

// Parse reads the content of an agents file; file is its name, for messages. What
// it does not know is an error, as is what could be meant in two ways. Errors are
// ErrFile and name the line.
func Parse(file string, content []byte) (*Rules, error) {
	p := &parser{file: file, rules: &Rules{
		named: map[string]*Identity{}, keyed: map[string]*Identity{}, taken: map[string]bool{},
		users: map[uint32]*Identity{}, group: map[uint32]*Identity{},
	}}
	doc, err := document(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, file, err)
	}
	root := doc.Content[0]
	err = p.mapping(root, "the file", map[string]func(*yaml.Node) error{
		"identities": p.identities, "secret": p.secret,
	})
	if err == nil && len(p.rules.identities) == 0 {
		err = p.wrong(root, "it names no identity, so nobody could connect; add one under identities")
	}
	if err == nil {
		err = p.overlaps()
	}
	if err != nil {
		return nil, err
	}
	p.rules.decoy = &Identity{}
	for _, id := range p.rules.identities {
		if len(id.Passwords) > 0 {
			p.rules.decoy.Passwords = id.Passwords[:1]
			break
		}
	}
	return p.rules, nil
}

// document returns the one document in a file.
func document(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF) || err == nil && len(first.Content) == 0:
		return nil, errors.New("it is empty; see docs/access.md for what stands in it")
	case err != nil:
		return nil, fmt.Errorf("no YAML: %w", err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its first document; put all into one")
	}
	return &first, nil
}

func (p *parser) place(node *yaml.Node) string {
	return filepath.Base(p.file) + ":" + strconv.Itoa(node.Line)
}

func (p *parser) wrong(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%w: %s:%d: %w", ErrFile, p.file, node.Line, fmt.Errorf(format, args...))
}

// mapping reads a mapping of known keys.
func (p *parser) mapping(node *yaml.Node, what string, known map[string]func(*yaml.Node) error) error {
	return p.each(node, what, func(key, value *yaml.Node) error {
		take := known[key.Value]
		if take == nil {
			return p.wrong(key, "%s has no %q; it has %s", what, key.Value, sorted(known))
		}
		return take(value)
	})
}

// each reads a mapping of any keys, none of them twice.
func (p *parser) each(node *yaml.Node, what string, take func(key, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return p.wrong(node, "%s is written as \"name: value\", a line each", what)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return p.wrong(key, "in %s, a name is one word", what)
		}
		if line, twice := seen[key.Value]; twice {
			return p.wrong(key, "%q stands in %s twice, also in line %d", key.Value, what, line)
		}
		seen[key.Value] = key.Line
		if err := take(key, value); err != nil {
			return err
		}
	}
	return nil
}

// list reads a list of texts, none of them twice.
func (p *parser) list(node *yaml.Node, what string, take func(text string, node *yaml.Node) error) error {
	if node.Kind != yaml.SequenceNode {
		return p.wrong(node, "%s is a list: write [a, b], or a line \"- a\" each", what)
	}
	seen := map[string]bool{}
	for _, item := range node.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			return p.wrong(item, "%s is a list of single texts", what)
		}
		if seen[item.Value] {
			return p.wrong(item, "%s has %q twice", what, item.Value)
		}
		seen[item.Value] = true
		if err := take(item.Value, item); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) identities(node *yaml.Node) error {
	return p.each(node, "identities", func(key, value *yaml.Node) error {
		if err := wire.ValidKey(key.Value); err != nil {
			return p.wrong(key, "an identity's name: %w", err)
		}
		id := &Identity{Name: key.Value, place: p.place(key)}
		if err := p.identity(id, value); err != nil {
			return err
		}
		switch {
		case len(id.Passwords)+len(id.NKeys)+len(id.UIDs)+len(id.GIDs) == 0:
			return p.wrong(key, "nobody can prove to be %s; give it passwords, nkeys, uids or gids", id.Name)
		case id.Role != NoRole && len(id.Reads) > 0:
			return p.wrong(key, "%s reads all by its role; remove its reads or its role", id.Name)
		}
		p.rules.identities = append(p.rules.identities, id)
		p.rules.named[id.Name] = id
		return nil
	})
}

func (p *parser) identity(id *Identity, node *yaml.Node) error {
	return p.mapping(node, "identity "+id.Name, map[string]func(*yaml.Node) error{
		"role":   func(n *yaml.Node) error { return p.role(id, n) },
		"agents": func(n *yaml.Node) error { return p.list(n, "agents", p.agent(id)) },
		"reads": func(n *yaml.Node) error {
			if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
				return p.wrong(n, "reads of %s is empty; leave it out, if it shall read all but secret tables, or name tables, if only these", id.Name)
			}
			return p.list(n, "reads", p.reads(id))
		},
		"passwords": func(n *yaml.Node) error { return p.list(n, "passwords", p.password(id)) },
		"nkeys":     func(n *yaml.Node) error { return p.list(n, "nkeys", p.nkey(id)) },
		"uids": func(n *yaml.Node) error {
			return p.list(n, "uids", p.number(id, "uid", &id.UIDs, p.rules.users))
		},
		"gids": func(n *yaml.Node) error {
			return p.list(n, "gids", p.number(id, "gid", &id.GIDs, p.rules.group))
		},
	})
}

func (p *parser) role(id *Identity, node *yaml.Node) error {
	switch role := Role(node.Value); role {
	case Operator, Observer:
		id.Role = role
		return nil
	}
	return p.wrong(node, "role is %q; it is %s (reads and writes all) or %s (reads all), or left out", node.Value, Operator, Observer)
}

func (p *parser) agent(id *Identity) func(string, *yaml.Node) error {
	return func(text string, node *yaml.Node) error {
		if err := (wire.Table{Agent: text, Topic: "t"}).Validate(); err != nil {
			return p.wrong(node, "agents: %w", err)
		}
		id.Agents = append(id.Agents, text)
		p.rules.taken[text] = true
		return nil
	}
}

func (p *parser) reads(id *Identity) func(string, *yaml.Node) error {
	return func(text string, node *yaml.Node) error {
		_, err := wire.ParsePattern(text)
		if err == nil && strings.Count(text, ".") > 1 {
			err = errors.New("it is about keys; what is granted are whole tables, as agent.topic")
		}
		if err != nil {
			return p.wrong(node, "reads: %q: %w", text, err)
		}
		id.Reads = append(id.Reads, text)
		return nil
	}
}

func (p *parser) password(id *Identity) func(string, *yaml.Node) error {
	return func(text string, node *yaml.Node) error {
		cost, err := bcrypt.Cost([]byte(text))
		if err == nil && cost > maxCost {
			err = fmt.Errorf("its cost is %d; more than %d keeps the server from its work", cost, maxCost)
		}
		if err != nil { // the text itself may be a password
			return p.wrong(node, "passwords of %s: it is not the bcrypt hash of one: %w; make it with nkv auth add", id.Name, err)
		}
		id.Passwords = append(id.Passwords, text)
		return nil
	}
}

func (p *parser) nkey(id *Identity) func(string, *yaml.Node) error {
	return func(text string, node *yaml.Node) error {
		if !nkeys.IsValidPublicUserKey(text) { // the text itself may be a seed
			return p.wrong(node, "nkeys of %s: it is not a user's public key, which begins with U; make one with nkv auth add", id.Name)
		}
		if other := p.rules.keyed[text]; other != nil {
			return p.wrong(node, "nkeys of %s: %s has this one already", id.Name, other.Name)
		}
		p.rules.keyed[text] = id
		id.NKeys = append(id.NKeys, text)
		return nil
	}
}

// number reads a uid or a gid, which stands for one identity alone.
func (p *parser) number(id *Identity, what string, into *[]uint32, known map[uint32]*Identity) func(string, *yaml.Node) error {
	return func(text string, node *yaml.Node) error {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return p.wrong(node, "%ss of %s: %q; it takes whole numbers", what, id.Name, text)
		}
		if other := known[uint32(n)]; other != nil {
			return p.wrong(node, "%s %d stands for %s already; to tell agents of one %s apart, give them passwords or nkeys", what, n, other.Name, what)
		}
		known[uint32(n)] = id
		*into = append(*into, uint32(n))
		return nil
	}
}

func (p *parser) secret(node *yaml.Node) error {
	return p.list(node, "secret", func(text string, node *yaml.Node) error {
		agent, topic, ok := strings.Cut(text, ".")
		if ok && topic != ">" {
			_, err := wire.ParseTable(text)
			ok = err == nil
		} else if ok {
			_, err := wire.DecodeToken(agent)
			ok = err == nil
		}
		if !ok {
			return p.wrong(node, "secret: %q; it takes tables as agent.topic or agent.topic@scope, and agent.> for all of an agent", text)
		}
		p.rules.secrets = append(p.rules.secrets, secret{pattern: text, agent: agent, place: p.place(node)})
		return nil
	})
}

// overlaps refuses a grant of some of what one secret names: no wall can be built
// around the rest.
func (p *parser) overlaps() error {
	for _, id := range p.rules.identities {
		for _, text := range id.Reads {
			for _, s := range p.rules.secrets {
				if agent, _, _ := strings.Cut(text, "."); agent == s.agent && s.whole() && !reveals(text, s) {
					return fmt.Errorf("%w: %s: %s may read %s, which is a part of the secret %s; list what is secret table by table, or grant all of it",
						ErrFile, id.place, id.Name, text, s.pattern)
				}
			}
		}
	}
	return nil
}

func sorted[V any](known map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}
