package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
)

//go:embed driver.go.tmpl
var driverText string

// errDriver: what the driver is to be called, or where it is to go, can't be.
var errDriver = errors.New("can't write the driver")

// driver says what the file is to be.
type driver struct {
	Package string // its name
	PubSub  string // import path of the package whose Driver it implements
	Output  string // the file; "-": standard output
}

func newDriverCommand() *cobra.Command {
	d := driver{}
	c := &cobra.Command{
		Use:   "driver",
		Short: "write the driver that puts EVE's own pubsub library onto nkv",
		Long: `Writes one Go file that implements the Driver interfaces of EVE's pubsub library
on nkv. Its type has the name and the fields of the library's own driver, so that
agents change over with the import path of socketdriver, and back likewise.

The file needs github.com/evenkv/nkv in the module's go.mod.`,
		Example: `  evemigrate driver --output pkg/pillar/pubsub/nkvdriver/driver.go
  evemigrate driver --pubsub example.com/fork/pubsub --package nkv --output nkv/driver.go`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := d.text()
			if err != nil {
				return err
			}
			if d.Output == "-" {
				_, err := c.OutOrStdout().Write(text)
				return err
			}
			if err := writeDriver(d.Output, text); err != nil {
				return fmt.Errorf("%w: %w", errDriver, err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: package %s, a driver for %s\n", d.Output, d.Package, d.PubSub)
			return err
		},
	}
	c.Flags().StringVar(&d.Package, "package", "nkvdriver", "name of the file's package")
	c.Flags().StringVar(&d.PubSub, "pubsub", "github.com/lf-edge/eve/pkg/pillar/pubsub", "import path of the pubsub package that gets the driver")
	c.Flags().StringVarP(&d.Output, "output", "o", "nkvdriver/driver.go", "file to write; -: standard output")
	return c
}

// text returns the file, formatted.
func (d driver) text() ([]byte, error) {
	if !token.IsIdentifier(d.Package) {
		return nil, fmt.Errorf("%w: --package %q is no name of a Go package", errDriver, d.Package)
	}
	if err := module.CheckImportPath(d.PubSub); err != nil {
		return nil, fmt.Errorf("%w: --pubsub: %w", errDriver, err)
	}
	t, err := template.New("driver").Parse(driverText)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return nil, err
	}
	return format.Source([]byte(b.String()))
}

// writeDriver writes the file, also over an earlier one; never over anything else.
func writeDriver(file string, text []byte) error {
	generated, _, _ := bytes.Cut(text, []byte("\n"))
	switch old, err := os.ReadFile(file); {
	case err == nil && len(old) > 0 && !bytes.HasPrefix(old, generated):
		return fmt.Errorf("%s is there and was not written by this command; remove it, or choose another --output", file)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
