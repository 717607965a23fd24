package tables

import (
	"bytes"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func scan(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Scan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGoldenFiles compares the reports about the sample tree, which makes options in
// all ways that are followed and has each finding, with what is checked in.
func TestGoldenFiles(t *testing.T) {
	r := scan(t, Options{Dir: "testdata/sample", Tags: []string{"", "k"}})
	r.TypeErrors = nil // the Go command's words, which change
	for file, write := range map[string]func(io.Writer) error{
		"testdata/sample.txt":   func(w io.Writer) error { return r.Text(w, false) },
		"testdata/findings.txt": func(w io.Writer) error { return r.Text(w, true) },
		"testdata/sample.json":  func(w io.Writer) error { return r.JSON(w, false) },
		"testdata/sample.dot":   func(w io.Writer) error { return r.DOT(w, false) },
		"testdata/findings.dot": func(w io.Writer) error { return r.DOT(w, true) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s is not what is reported; run `go test ./tools/evemigrate/internal/tables -update` when it should be:\n%s", file, diff)
		}
	}
}
