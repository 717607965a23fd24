package main

import (
	"cmp"
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// page is a Markdown page of the package's tables, for those who write clients in
// other languages.
func (g *generator) page() []byte {
	var b strings.Builder
	b.WriteString("# Tables\n\n<!-- " + strings.TrimSuffix(strings.TrimPrefix(header, "// "), "\n") + " -->\n\n")
	b.WriteString("What each table holds: who owns it, whether it survives a reboot, and the fields of its values in JSON. Unknown fields are ignored, missing ones are zero.\n\n")
	var tables, others []*structType
	for _, st := range g.source.structs {
		if st.table != nil {
			tables = append(tables, st)
		} else {
			others = append(others, st)
		}
	}
	slices.SortFunc(tables, func(a, b *structType) int { return strings.Compare(a.tableName(), b.tableName()) })
	slices.SortFunc(others, func(a, b *structType) int { return strings.Compare(a.name, b.name) })
	b.WriteString("| table | owner | lasts |\n| --- | --- | --- |\n")
	for _, st := range tables {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", st.tableName(), anchor(st.tableName()), st.table.owner, st.lasts())
	}
	for _, st := range tables {
		fmt.Fprintf(&b, "\n## %s\n\n%s %s.\n\n", st.tableName(), st.sentence(), title(st.lasts()))
		g.pageFields(&b, st)
	}
	if len(others) > 0 {
		b.WriteString("\n# Parts of values\n")
	}
	for _, st := range others {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", st.name, st.sentence())
		g.pageFields(&b, st)
	}
	return []byte(b.String())
}

func (st *structType) lasts() string {
	if st.table.durable {
		return "durable"
	}
	return "volatile"
}

// anchor is a heading's name in a link.
func anchor(heading string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(".@", r) {
			return -1
		}
		return r
	}, heading))
}

func (g *generator) pageFields(b *strings.Builder, st *structType) {
	b.WriteString("| field | type | meaning |\n| --- | --- | --- |\n")
	for _, f := range fieldsOf(st.named.Underlying().(*types.Struct), st.named) {
		name := f.name
		if f.omitEmpty || f.omitZero {
			name += " (may be left out)"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(name), cell(g.pageType(f.typ)), cell(st.comment[f.v.Name()]))
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// pageType is a type in words.
func (g *generator) pageType(t types.Type) string {
	t = types.Unalias(t)
	name := types.TypeString(t, nil)
	switch known := map[string]string{
		"time.Time": "time (RFC 3339)", "net/netip.Addr": "IP address", "net/netip.Prefix": "IP prefix",
		"net/netip.AddrPort": "IP address and port", "encoding/json.RawMessage": "any JSON", "encoding/json.Number": "number",
	}[name]; {
	case known != "":
		return known
	case g.generated(t) != nil:
		st := g.generated(t)
		if st.table != nil {
			return fmt.Sprintf("[%s](#%s)", st.name, anchor(st.tableName()))
		}
		return fmt.Sprintf("[%s](#%s)", st.name, anchor(st.name))
	case g.marshals(t):
		return "text of " + typeText(t)
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		kind := cmp.Or(map[string]string{"boolean": "true or false", "string": "text"}[basicType(u)], basicType(u))
		if named, ok := t.(*types.Named); ok {
			kind += " (" + named.Obj().Name() + ")"
		}
		return kind
	case *types.Pointer:
		return g.pageType(u.Elem()) + " or null"
	case *types.Map:
		return "map of " + g.pageType(u.Elem())
	case *types.Array:
		return fmt.Sprintf("list of %d: %s", u.Len(), g.pageType(u.Elem()))
	case *types.Slice:
		if b, ok := u.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Uint8 {
			return "bytes (base64)"
		}
		return "list of " + g.pageType(u.Elem())
	case *types.Struct:
		return "object"
	}
	return typeText(t)
}
