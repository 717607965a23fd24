package demoapp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/types"
)

// Exit codes.
const (
	exitOK     = 0 // it was told to end
	exitFailed = 1 // a volume is missing; the message says which
	exitUsage  = 2 // the environment is wrong; the message says how
)

// Run is the application. It returns the code to exit with.
func Run(stdout, stderr io.Writer) int {
	// Before anything else: from here on it ends in good order when it is told to.
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, os.Interrupt)
	id, err := domain.FromEnvironment()
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	fault, err := parseFaults(os.Getenv(EnvFault))
	switch {
	case err != nil:
		return fail(stderr, exitUsage, err)
	case fault.exit:
		return fault.code
	}
	files, found, err := open(id.Volumes)
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	defer runtime.KeepAlive(files)
	fmt.Fprintf(stdout, "application %q, id %s, pid %d, volumes: %s\n", id.Name, id.ID, os.Getpid(), found)
	if fault.crash {
		time.AfterFunc(fault.crashAfter, crash)
	}
	for {
		if <-term; !fault.ignoreTerm {
			return exitOK
		}
	}
}

func fail(stderr io.Writer, code int, err error) int {
	fmt.Fprintf(stderr, "demoapp: %v\n", err)
	return code
}

// crash ends the process as a fault of a program does: from one instant to the
// next.
func crash() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // it does not return
}

// open opens the volumes, as an application would, and says what they are.
func open(volumes []types.DomainVolume) (files []*os.File, found string, err error) {
	list := []string{}
	var errs []error
	for _, v := range volumes {
		flags := os.O_RDWR
		if v.ReadOnly {
			flags = os.O_RDONLY
		}
		var size int64
		file, err := os.OpenFile(v.Path, flags, 0)
		if err == nil {
			size, err = file.Seek(0, io.SeekEnd)
			files = append(files, file)
		}
		errs = append(errs, err)
		list = append(list, fmt.Sprintf("%s (%d bytes)", v.Path, size))
	}
	if err := errors.Join(errs...); err != nil {
		return files, "", fmt.Errorf("%w: %w", ErrVolume, err)
	}
	if len(list) == 0 {
		return nil, "none", nil
	}
	return files, strings.Join(list, ", "), nil
}
