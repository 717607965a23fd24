package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// record is the content of a lock file: what the process was started with.
type record struct {
	// Key is the application's.
	Key string
	// StartedAt is when the process was about to be forked, in UTC.
	StartedAt time.Time
	// Config is the request.
	Config types.DomainConfig
}

// write puts the record in place of the file's content. The caller holds the
// file's lock. Nobody reads it before a process is there to be found.
func (r record) write(file *os.File) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write what the process is started with: %w", err)
	}
	return nil
}

// writePID adds the process's number, which is known only when it was forked; who
// forked it may be killed before. Half a line counts for none.
func writePID(file *os.File, pid int) error {
	_, err := fmt.Fprintf(file, "%d\n", pid)
	return err
}

// readRecord reads the record of a process that lives, and its number; 0: that was
// not written.
func readRecord(path string) (r record, pid int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return r, 0, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err = dec.Decode(&r); err == nil && r.Key == "" {
		err = fmt.Errorf("%s names no application", path)
	}
	if err != nil {
		return record{}, 0, err
	}
	if line, whole := bytes.CutSuffix(data[dec.InputOffset():], []byte("\n")); whole {
		pid, _ = strconv.Atoi(string(bytes.TrimSpace(line))) // it is 0 then
	}
	return r, pid, nil
}
