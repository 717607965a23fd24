package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// page is the file that is written, and mend the command that does so.
const (
	page = "docs/agents.md"
	mend = "make docs"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is the program; it returns the exit code: 1 when it failed, 2 when its usage
// was wrong.
func run(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("agentdoc", flag.ContinueOnError)
	flags.SetOutput(out)
	checking := flags.Bool("check", false, "write nothing; fail when "+page+" is not what the code says")
	root := flags.String("root", ".", "the project's `DIRECTORY`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(out, "agentdoc: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	do := write
	if *checking {
		do = check
	}
	if err := do(*root); err != nil {
		fmt.Fprintf(out, "agentdoc: %v\n", err)
		return 1
	}
	return 0
}

// render returns the page as it is and as it should be.
func render(root string) (is, should string, err error) {
	data, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return "", "", err
	}
	d, err := load(root)
	if err != nil {
		return "", "", err
	}
	should, err = replace(string(data), d.text())
	return string(data), should, err
}

// write makes the page what it should be.
func write(root string) error {
	is, should, err := render(root)
	if err != nil || is == should {
		return err
	}
	return os.WriteFile(filepath.Join(root, page), []byte(should), 0o644)
}

// check returns errStale, with the lines, when the page is not what it should be.
func check(root string) error {
	is, should, err := render(root)
	if err != nil || is == should {
		return err
	}
	return fmt.Errorf("%w: %s; run `%s`\n%s", errStale, page, mend, difference(is, should))
}
