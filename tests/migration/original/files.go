package original

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Load reads a table's files as an agent does when it starts; a durable one's
// backups take the place of files that are missing or empty.
func Load(dir string, durable bool) (values map[string]string, restart int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	values = map[string]string{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok && len(content) > 0 {
			values[key] = string(content)
		}
		if e.Name() == "restarted" {
			if restart, err = strconv.Atoi(string(content)); err != nil {
				restart = 1
			}
		}
	}
	for _, e := range entries {
		key, ok := strings.CutSuffix(e.Name(), ".json.bak")
		if _, there := values[key]; !ok || there || !durable {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || len(content) == 0 {
			continue
		}
		values[key] = string(content)
		if err := writeFile(filepath.Join(dir, key+".json"), string(content), false); err != nil {
			return nil, 0, err
		}
	}
	return values, restart, nil
}

// writeFile writes a file beside its place and renames it, after a copy of the old
// one to its backup on demand.
func writeFile(name, content string, backup bool) error {
	f, err := os.CreateTemp(filepath.Dir(name), "tmp")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if backup {
		before, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name+".bak", before, 0o644)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(f.Name(), name)
}

// extract puts large fields into files, and inline takes them from there, by
// taking values apart whole; numbers keep their digits.
func extract(value, dir string) (string, error) {
	return rewrite(value, func(name string, field any) (string, any, error) {
		x, ok := strings.CutPrefix(name, "pubsub-large-")
		if !ok {
			return name, field, nil
		}
		content, err := json.Marshal(map[string]any{name: field})
		if err != nil {
			return "", nil, err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", nil, err
		}
		f, err := os.CreateTemp(dir, "pubsub-file-"+x)
		if err != nil {
			return "", nil, err
		}
		_, err = f.Write(content)
		return "pubsub-file-" + x, strconv.Quote(f.Name()), errors.Join(err, f.Close())
	})
}

func inline(value string) (string, error) {
	return rewrite(value, func(name string, field any) (string, any, error) {
		x, ok := strings.CutPrefix(name, "pubsub-file-")
		if !ok {
			return name, field, nil
		}
		var file string
		if err := json.Unmarshal([]byte(fmt.Sprint(field)), &file); err != nil {
			return "", nil, err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		if err := os.Remove(file); err != nil {
			return "", nil, err
		}
		parsed, err := parse(string(content))
		if err != nil {
			return "", nil, err
		}
		member, ok := parsed.(map[string]any)
		if !ok || len(member) != 1 {
			return "", nil, fmt.Errorf("file %s holds %d members", file, len(member))
		}
		return "pubsub-large-" + x, member["pubsub-large-"+x], nil
	})
}

func rewrite(value string, member func(string, any) (string, any, error)) (string, error) {
	if !strings.Contains(value, "pubsub-") {
		return value, nil
	}
	parsed, err := parse(value)
	if err != nil {
		return "", err
	}
	changed, err := walk(parsed, member)
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(changed)
	return string(out), err
}

func parse(value string) (any, error) {
	var parsed any
	dec := json.NewDecoder(bytes.NewReader([]byte(value)))
	dec.UseNumber()
	err := dec.Decode(&parsed)
	return parsed, err
}

func walk(v any, member func(string, any) (string, any, error)) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, field := range v {
			field, err := walk(field, member)
			if err != nil {
				return nil, err
			}
			newName, newField, err := member(name, field)
			if err != nil {
				return nil, err
			}
			out[newName] = newField
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, field := range v {
			field, err := walk(field, member)
			if err != nil {
				return nil, err
			}
			out = append(out, field)
		}
		return out, nil
	}
	return v, nil
}
