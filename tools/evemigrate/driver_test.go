package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheProjectsOwnDriverIsTheOneThatIsWritten: what agents get is what the
// project's tests run.
func TestTheProjectsOwnDriverIsTheOneThatIsWritten(t *testing.T) {
	want, err := os.ReadFile("../../pkg/pubsub/socketdriver/driver.go")
	if err != nil {
		t.Fatal(err)
	}
	got, err := driver{Package: "socketdriver", PubSub: "github.com/evenkv/nkv/pkg/pubsub"}.text()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("pkg/pubsub/socketdriver/driver.go is stale: run make generate")
	}
}

func TestDriverIsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "b", "driver.go")
	c := newDriverCommand()
	var out strings.Builder
	c.SetOut(&out)
	c.SetArgs([]string{"--package", "mine", "--pubsub", "example.com/x/pubsub", "-o", file})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"\npackage mine\n", `"example.com/x/pubsub"`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the file has no %q", part)
		}
	}
	if !strings.Contains(out.String(), file) {
		t.Errorf("it says %q", out.String())
	}
}

func TestDriverRefusals(t *testing.T) {
	for _, d := range []driver{
		{Package: "", PubSub: "a/b"}, {Package: "a-b", PubSub: "a/b"}, {Package: "func", PubSub: "a/b"},
		{Package: "a", PubSub: ""}, {Package: "a", PubSub: `a"b`}, {Package: "a", PubSub: "/a"},
	} {
		if _, err := d.text(); !errors.Is(err, errDriver) {
			t.Errorf("%+v: got %v, want errDriver", d, err)
		}
	}
	if err := writeDriver("/proc/none/driver.go", nil); err == nil {
		t.Error("a file that can't be was written")
	}
}

// TestDriverReplacesOnlyDrivers: a file of somebody's own is not written over.
func TestDriverReplacesOnlyDrivers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte("package main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		c := newDriverCommand()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetOut(&strings.Builder{})
		c.SetArgs([]string{"-o", file})
		return c.Execute()
	}
	if err := write(); !errors.Is(err, errDriver) {
		t.Errorf("over a file of one's own: got %v, want errDriver", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := write(); err != nil {
			t.Error(err)
		}
	}
}
