package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"
)

// readFile takes the settings of a YAML file, but for those that a flag has set.
// A key that is none, comes twice or has a wrong value is errSetting, with the
// file and the line.
func (s *settings) readFile(name string, flags *pflag.FlagSet) error {
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%w: config: %w", errSetting, err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	var document yaml.Node
	err = yaml.NewDecoder(file).Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil // an empty file
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errSetting, name, err)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%w: %s:%d: it takes lines of `setting: value`", errSetting, name, root.Line)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if line := seen[key.Value]; line != 0 {
			return fmt.Errorf("%w: %s:%d: %s was set on line %d already", errSetting, name, key.Line, key.Value, line)
		}
		seen[key.Value] = key.Line
		if err := s.set(key.Value, value, flags); err != nil {
			return fmt.Errorf("%w: %s:%d: %w", errSetting, name, key.Line, err)
		}
	}
	return nil
}

// set takes one setting of a file.
func (s *settings) set(key string, value *yaml.Node, flags *pflag.FlagSet) error {
	for _, each := range s.all() {
		if each.name != key {
			continue
		}
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			return fmt.Errorf("%s takes one value", key)
		}
		// It is tried by itself, so that a wrong one is told with its line.
		trial := defaults()
		for _, other := range trial.all() {
			if other.name == key {
				*other.value = value.Value
			}
		}
		if _, err := trial.options(); err != nil {
			return err
		}
		if _, err := trial.logger(io.Discard); err != nil {
			return err
		}
		if !flags.Changed(key) {
			*each.value = value.Value
		}
		return nil
	}
	return s.unknown(key)
}

// unknown names the setting that was probably meant, and all there are.
func (s *settings) unknown(key string) error {
	var names []string
	best, distance := "", len(key)
	for _, each := range s.all() {
		names = append(names, each.name)
		if d := editDistance(key, each.name); d < distance {
			best, distance = each.name, d
		}
	}
	meant := ""
	if best != "" && distance <= 3 {
		meant = fmt.Sprintf(" (did you mean %s?)", best)
	}
	return fmt.Errorf("there is no setting %q%s; there are: %s", key, meant, strings.Join(names, ", "))
}

// editDistance is how many letters must be changed, added or removed to get from
// a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// writable reports whether this process may make files in a directory.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
