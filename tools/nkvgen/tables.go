package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const agentPath = "github.com/evenkv/nkv/pkg/agent"

// declareTables declares the tables of the package's types beside them.
func (g *generator) declareTables(out *bytes.Buffer) {
	for _, st := range g.source.structs {
		if st.table != nil {
			fmt.Fprintf(out, "// %[1]sTable %[2]s\nvar %[1]sTable = %[3]s\n\n", st.name, st.carries(), g.declaration(st, st.name))
		}
	}
}

// declaration is the Go expression of a table.
func (g *generator) declaration(st *structType, typeName string) string {
	agent := g.use(agentPath, "agent")
	text := fmt.Sprintf("%s.Table[%s]{Owner: %q", agent, typeName, st.table.owner)
	if st.table.topic != "" {
		text += fmt.Sprintf(", Topic: %q", st.table.topic)
	}
	if st.table.scope != "" {
		text += fmt.Sprintf(", Scope: %q", st.table.scope)
	}
	if st.table.durable {
		text += ", Durable: true"
	}
	return text + "}"
}

// carries is the end of a sentence that begins with the table's name.
func (st *structType) carries() string {
	lasts := "volatile"
	if st.table.durable {
		lasts = "durable"
	}
	return fmt.Sprintf("is the %s table of %s, agent %s's.", lasts, st.name, st.table.owner)
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)`)

// tablesFile declares the tables in a package of their own.
func (g *generator) tablesFile(files map[string][]byte, dir string) error {
	name, err := packageName(dir)
	if err != nil {
		return err
	}
	tables := newGenerator(g.source, g.all)
	types := tables.use(g.source.pkg.PkgPath, g.source.pkg.Name)
	var body bytes.Buffer
	for _, st := range g.source.structs {
		if st.table != nil {
			fmt.Fprintf(&body, "// %s %s\nvar %s = %s\n\n", st.name, st.carries(), st.name, tables.declaration(st, types+"."+st.name))
		}
	}
	code, err := tables.format(name, body.String())
	files[filepath.Join(dir, fileName)] = code
	return err
}

// packageName is that of the Go files in a directory, or the directory's.
func packageName(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range found {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if m := packageClause.FindSubmatch(data); m != nil && !strings.HasSuffix(file, "_test.go") {
			return string(m[1]), nil
		}
	}
	return filepath.Base(dir), nil
}
