package demoapp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EnvFault is the environment variable with the faults.
const EnvFault = "DEMOAPP_FAULT"

// faults are what the application shall do wrong.
type faults struct {
	crashAfter time.Duration
	crash      bool
	code       int
	exit       bool
	ignoreTerm bool
}

func parseFaults(text string) (faults, error) {
	var f faults
	if text == "" {
		return f, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var err error
		switch name {
		case "crash-after":
			f.crash = true
			f.crashAfter, err = time.ParseDuration(value)
		case "exit":
			f.exit = true
			f.code, err = strconv.Atoi(value)
		case "ignore-term":
			f.ignoreTerm = true
		default:
			return f, fmt.Errorf("%w: %q in $%s; there are crash-after=DURATION, exit=CODE and ignore-term", ErrFault, part, EnvFault)
		}
		if err != nil {
			return f, fmt.Errorf("%w: %q in $%s: %w", ErrFault, part, EnvFault, err)
		}
	}
	return f, nil
}
