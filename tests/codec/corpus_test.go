package codec

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evenkv/nkv/tests/codec/generated"
	"github.com/evenkv/nkv/tests/codec/plain"
)

var update = flag.Bool("update", false, "copy the corpus from package plain to package generated")

func generatedTypes() []reflect.Type { return generated.Types() }

// corpus reads the files of a package and of package part in it, as they are to be
// in package generated.
func corpus(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"*.go", "part/*.go"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := strings.TrimPrefix(path, dir+"/")
			if filepath.Base(name) == "zz_nkv.go" || name == "doc.go" {
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(data), "package plain\n", "package generated\n", 1)
			files[name] = strings.Replace(text, "/plain/part\"", "/generated/part\"", 1)
		}
	}
	return files
}

func TestCorpusesAreTheSame(t *testing.T) {
	want, got := corpus(t, "plain"), corpus(t, "generated")
	if *update {
		for name := range got {
			if _, ok := want[name]; !ok {
				if err := os.Remove(filepath.Join("generated", name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join("generated", name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if len(want) < 10 {
		t.Fatalf("the corpus has %d files", len(want))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if want[name] != got[name] {
			t.Errorf("%s differs; run go test ./tests/codec -run %s -update, then go generate ./tests/codec/generated", name, t.Name())
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is in package generated alone", name)
		}
	}
}

// Every type with a directive is listed, so that it is tried.
func TestAllTypesAreListed(t *testing.T) {
	var listed, declared []string
	for _, typ := range plain.Types() {
		listed = append(listed, typ.Name())
	}
	declaration := regexp.MustCompile(`(?m)^//nkv:.*\ntype (\w+) `)
	for name, text := range corpus(t, "plain") {
		if strings.HasPrefix(name, "part/") {
			continue // tried where it is used
		}
		for _, match := range declaration.FindAllStringSubmatch(text, -1) {
			declared = append(declared, match[1])
		}
	}
	slices.Sort(declared)
	if !slices.Equal(listed, declared) {
		t.Errorf("Types lists\n%v\nthe types with a directive are\n%v", listed, declared)
	}
}

// Values are looked at as values of the other package, in place: both must look
// the same in memory.
func TestLayoutsAreTheSame(t *testing.T) {
	a, b := plain.Types(), generated.Types()
	if len(a) != len(b) {
		t.Fatalf("%d and %d types", len(a), len(b))
	}
	seen := map[reflect.Type]reflect.Type{}
	for i := range a {
		sameLayout(t, a[i], b[i], seen)
	}
}

func sameLayout(t *testing.T, a, b reflect.Type, seen map[reflect.Type]reflect.Type) {
	t.Helper()
	if a == b {
		return
	}
	if other, ok := seen[a]; ok {
		if other != b {
			t.Errorf("%s stands for %s and for %s", a, b, other)
		}
		return
	}
	seen[a] = b
	if a.Name() != strings.ReplaceAll(b.Name(), "/generated.", "/plain.") || a.Kind() != b.Kind() || a.Size() != b.Size() || a.Align() != b.Align() {
		t.Errorf("%s and %s differ", a, b)
		return
	}
	switch a.Kind() {
	case reflect.Struct:
		if a.NumField() != b.NumField() {
			t.Errorf("%s has %d fields, %s %d", a, a.NumField(), b, b.NumField())
			return
		}
		for i := range a.NumField() {
			x, y := a.Field(i), b.Field(i)
			if x.Name != y.Name || x.Offset != y.Offset || x.Tag != y.Tag || x.Anonymous != y.Anonymous {
				t.Errorf("field %s of %s and %s of %s differ", x.Name, a, y.Name, b)
			}
			sameLayout(t, x.Type, y.Type, seen)
		}
	case reflect.Map:
		sameLayout(t, a.Key(), b.Key(), seen)
		sameLayout(t, a.Elem(), b.Elem(), seen)
	case reflect.Array, reflect.Slice, reflect.Pointer:
		if a.Kind() == reflect.Array && a.Len() != b.Len() {
			t.Errorf("%s and %s have other lengths", a, b)
		}
		sameLayout(t, a.Elem(), b.Elem(), seen)
	}
}
