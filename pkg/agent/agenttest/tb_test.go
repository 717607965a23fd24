package agenttest_test

import (
	"fmt"
	"io"
	"os"
	"testing"
)

// printing is a test that prints how it fails, for the example.
type printing struct {
	testing.TB
	cleanups []func()
}

func (p *printing) Helper()                           {}
func (p *printing) Output() io.Writer                 { return io.Discard }
func (p *printing) Cleanup(do func())                 { p.cleanups = append(p.cleanups, do) }
func (p *printing) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (p *printing) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (p *printing) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }

func (p *printing) TempDir() string {
	dir, err := os.MkdirTemp("", "nkv")
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// end ends the test.
func (p *printing) end() {
	for i := len(p.cleanups) - 1; i >= 0; i-- {
		p.cleanups[i]()
	}
}
