package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest configuration file, in bytes; a sane one has 2 KiB.
const maxFile = 1 << 20

// entry is a setting's text as it was given, and where.
type entry struct{ text, place string }

// readFile reads the settings of a YAML file: one mapping of names to single
// values.
func readFile(file string) (map[string]entry, error) {
	content, err := readLimited(file)
	if err != nil {
		return nil, fmt.Errorf("%w: read the configuration file: %w", ErrInvalid, err)
	}
	if line := noText(content); line != 0 {
		return nil, fmt.Errorf("%w: %s:%d: a byte that is no text; write the file in UTF-8", ErrInvalid, file, line)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // nothing but comments
		return map[string]entry{}, nil
	case err != nil:
		return nil, syntaxError(file, err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("%w: %s:%d: a second document begins; put all settings into one", ErrInvalid, file, second.Line)
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(file, err)
	}
	if len(document.Content) == 0 {
		return map[string]entry{}, nil
	}
	return readMapping(file, document.Content[0])
}

// noText returns the line of the first byte that YAML takes for no text; 0: there
// is none.
func noText(content []byte) int {
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && size == 1 || unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r) {
			return 1 + bytes.Count(content[:i], []byte{'\n'})
		}
		i += size
	}
	return 0
}

// syntaxError says where the file is no YAML. The decoder names the line, unless
// it is the first.
func syntaxError(file string, err error) error {
	line, what := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		number, after, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, what = n, after
		}
	}
	return fmt.Errorf("%w: %s:%d: no YAML: %s", ErrInvalid, file, line, what)
}

func readLimited(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		return nil, fmt.Errorf("%s has more than %s; is it the right file?", file, FormatSize(maxFile))
	}
	return content, err
}

func readMapping(file string, node *yaml.Node) (map[string]entry, error) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return map[string]entry{}, nil
	}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%w: %s:%d: here stands %s; write settings as \"key: value\", a line each",
			ErrInvalid, file, node.Line, kind(node))
	}
	given := map[string]entry{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		place := fmt.Sprintf("%s:%d", file, key.Line)
		setting, ok := find(key.Value)
		if !ok || key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%w: %s: unknown key %q%s; known keys: %s",
				ErrInvalid, place, key.Value, Suggest(key.Value), strings.Join(names(), ", "))
		}
		if before, twice := given[key.Value]; twice {
			return nil, fmt.Errorf("%w: %s: %s is set again, it was at %s; remove one", ErrInvalid, place, key.Value, before.place)
		}
		text, err := setting.scalar(value)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, place, err)
		}
		given[key.Value] = entry{text, place}
	}
	return given, nil
}

// scalar returns a value's text if the setting takes it.
func (s Setting) scalar(value *yaml.Node) (string, error) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if value.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("%s is %s; it takes one %s", s.Name, kind(value), s.Value)
	}
	tag := value.ShortTag()
	if tag == "!!null" {
		// What stands for "none" must be written, or a forgotten value would lose
		// tables.
		instead := none
		if s.Value == boolean {
			instead = "true or false"
		}
		return "", fmt.Errorf("%s has no value; give one, write %s, or remove the line", s.Name, instead)
	}
	var c Config
	if err := s.read(&c, value.Value); err != nil {
		return "", s.refusal(value.Value, err)
	}
	if tag != "!!str" && (tag != "!!int" || !s.number) && (tag != "!!bool" || s.Value != boolean) {
		return "", fmt.Errorf("%s is %s; it takes a %s: if %s is meant as text, write it in quotes", s.Name, kind(value), s.Value, value.Value)
	}
	return value.Value, nil
}

// kind names what stands at a node.
func kind(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch node.ShortTag() {
		case "!!int", "!!float":
			return "the number " + node.Value
		case "!!bool":
			return "the truth value " + node.Value
		case "!!timestamp":
			return "the date " + node.Value
		}
		return fmt.Sprintf("the text %q", node.Value)
	}
	return "something else"
}

func find(name string) (Setting, bool) {
	for _, s := range Settings() {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

func names() []string {
	var all []string
	for _, s := range Settings() {
		all = append(all, s.Name)
	}
	return all
}
