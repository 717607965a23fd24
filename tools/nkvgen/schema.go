package main

import (
	"bytes"
	"encoding/json"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// object is a JSON object whose members keep their order.
type object []entry

type entry struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(name, ':'), value...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// schemas adds a JSON Schema for each table.
func (g *generator) schemas(files map[string][]byte, dir string) error {
	for _, st := range g.source.structs {
		if st.table == nil {
			continue
		}
		s := schema{g: g, defs: map[string]object{}}
		root := s.fields(st.named)
		root = append(object{
			{"$schema", "https://json-schema.org/draft/2020-12/schema"},
			{"title", st.tableName()},
			{"description", st.sentence()},
		}, root...)
		if len(s.defs) > 0 {
			var defs object
			for _, name := range sortedKeys(s.defs) {
				defs = append(defs, entry{name, s.defs[name]})
			}
			root = append(root, entry{"$defs", defs})
		}
		data, err := json.Marshal(root)
		if err != nil {
			return err
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, data, "", "  "); err != nil {
			return err
		}
		indented.WriteByte('\n')
		files[filepath.Join(dir, st.tableName()+".json")] = indented.Bytes()
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// tableName is the name of a type's table: agent, topic and scope.
func (st *structType) tableName() string {
	name := st.table.owner + "." + st.name
	if st.table.topic != "" {
		name = st.table.owner + "." + st.table.topic
	}
	if st.table.scope != "" {
		name += "@" + st.table.scope
	}
	return name
}

// sentence is a type's comment, in one line.
func (st *structType) sentence() string { return strings.Join(strings.Fields(st.doc), " ") }

// schema describes types; structs that are used by name are under $defs.
type schema struct {
	g    *generator
	defs map[string]object
}

func (s *schema) fields(t types.Type) object {
	comments := map[string]string{}
	if st := s.g.generated(t); st != nil {
		comments = st.comment
	}
	properties := object{}
	for _, f := range fieldsOf(t.Underlying().(*types.Struct), t) {
		p := s.of(f.typ)
		if f.quoted {
			p = object{{"type", "string"}}
		}
		if c := comments[f.v.Name()]; c != "" {
			p = append(object{{"description", c}}, p...)
		}
		properties = append(properties, entry{f.name, p})
	}
	return object{{"type", "object"}, {"properties", properties}}
}

// of describes a type.
func (s *schema) of(t types.Type) object {
	t = types.Unalias(t)
	switch name := types.TypeString(t, nil); {
	case name == "time.Time":
		return object{{"type", "string"}, {"format", "date-time"}}
	case name == "encoding/json.RawMessage":
		return object{}
	case name == "encoding/json.Number":
		return object{{"type", "number"}}
	case s.g.generated(t) == nil && !s.g.elsewhere(t) && s.g.marshals(t):
		if s.g.has(t, "MarshalText") && !s.g.has(t, "MarshalJSON") {
			return object{{"type", "string"}}
		}
		return object{}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return object{{"type", basicType(u)}}
	case *types.Struct:
		named, ok := t.(*types.Named)
		if !ok {
			return s.fields(t)
		}
		name := named.Obj().Name()
		if _, ok := s.defs[name]; !ok {
			s.defs[name] = nil // it may contain itself
			s.defs[name] = s.fields(t)
		}
		return object{{"$ref", "#/$defs/" + name}}
	case *types.Pointer:
		return object{{"anyOf", []object{s.of(u.Elem()), {{"type", "null"}}}}}
	case *types.Map:
		return object{{"type", []string{"object", "null"}}, {"additionalProperties", s.of(u.Elem())}}
	case *types.Array:
		return object{{"type", "array"}, {"items", s.of(u.Elem())}, {"maxItems", u.Len()}}
	case *types.Slice:
		if b, ok := u.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Uint8 {
			return object{{"type", []string{"string", "null"}}, {"contentEncoding", "base64"}}
		}
		return object{{"type", []string{"array", "null"}}, {"items", s.of(u.Elem())}}
	}
	return object{}
}

func basicType(u *types.Basic) string {
	switch {
	case u.Info()&types.IsBoolean != 0:
		return "boolean"
	case u.Info()&types.IsInteger != 0:
		return "integer"
	case u.Info()&types.IsFloat != 0:
		return "number"
	}
	return "string"
}
