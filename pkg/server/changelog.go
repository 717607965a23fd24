package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
)

// ChangeRecord is one line of the file that Options.ChangeLog names: one
// accepted change or mark, without its value, or what a start found.
//
// A server that is killed may have stored changes that it has not written down.
// So each start that finds records in the file writes a "found" for every table,
// without a key, and for every key that its stores hold, and then "start": a key
// that was put before and was not found then is gone.
type ChangeRecord struct {
	Time     time.Time `json:"time"`
	Op       string    `json:"op"` // "put", "delete", "mark", "found", "start"
	Table    string    `json:"table,omitempty"`
	Key      string    `json:"key,omitempty"` // encoded
	Revision uint64    `json:"revision"`      // of "found" without a key: the table's head
	Previous uint64    `json:"previous"`
	Size     int       `json:"size"`              // of the value, in bytes
	SHA256   string    `json:"sha256,omitempty"`  // of the value, in hex
	Restart  uint64    `json:"restart,omitempty"` // of a mark, and of a table that was found
	Open     bool      `json:"open,omitempty"`    // likewise
}

// changeLog appends every event to a file before it is told. A line is one
// write, so that a killed server leaves whole lines; a full disk may cut one,
// and the next then begins on a line of its own. The core's goroutine uses it, and
// the one that starts the server.
type changeLog struct {
	log    logrus.FieldLogger
	begun  bool        // it has records of an earlier start
	failed atomic.Bool // said so already

	mu   sync.Mutex // guards what is below
	file *os.File
	cut  bool // the file ends within a line
}

// openChangeLog opens the file to append to, and makes it.
func openChangeLog(name string, log logrus.FieldLogger) (*changeLog, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: ChangeLog: %w", ErrInvalidOption, err)
	}
	c := &changeLog{log: log, file: file}
	c.begun, c.cut = lastLine(name)
	return c, nil
}

// lastLine reports whether a file has any bytes, and whether it ends within a
// line, as far as can be seen: a pipe tells nothing.
func lastLine(name string) (begun, cut bool) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false, false
	}
	file, err := os.Open(name)
	if err != nil {
		return true, false
	}
	defer file.Close()
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return true, err == nil && last[0] != '\n'
}

// Notify writes one event down. What can't be written is said in the log, once:
// state does not depend on it.
func (c *changeLog) Notify(e nkv.Event) {
	record := ChangeRecord{
		Table: e.Table, Key: e.Key, Revision: e.Revision, Previous: e.Previous, Size: len(e.Value),
	}
	switch e.Op {
	case nkv.EventPut:
		record.Op, record.SHA256 = "put", checksum(e.Value)
	case nkv.EventDelete:
		record.Op = "delete"
	case nkv.EventMark:
		record.Op, record.Restart, record.Open = "mark", e.Info.Restart, e.Info.Owner != nil
	}
	c.add(record)
}

// found writes down what a core holds before it gets its first request, for
// whoever compares it with the records before.
func (c *changeLog) found(core *nkv.Core) {
	if !c.begun {
		return
	}
	for _, info := range ask(core, nkv.Request{Op: nkv.OpTables}).Infos {
		c.add(ChangeRecord{Op: "found", Table: info.Table, Revision: info.Head, Restart: info.Restart, Open: info.Owner != nil})
		for _, e := range ask(core, nkv.Request{Op: nkv.OpSnapshot, Table: info.Table}).View.Entries() {
			c.add(ChangeRecord{
				Op: "found", Table: info.Table, Key: e.Key, Revision: e.Revision, Size: len(e.Value), SHA256: checksum(e.Value),
			})
		}
	}
	c.add(ChangeRecord{Op: "start"})
}

// ask waits for the core's answer.
func ask(core *nkv.Core, r nkv.Request) nkv.Result {
	answer := make(chan nkv.Result, 1)
	r.Done = func(result nkv.Result) { answer <- result }
	core.Submit(r)
	return <-answer
}

func checksum(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}

func (c *changeLog) add(record ChangeRecord) {
	record.Time = time.Now().UTC()
	line, err := json.Marshal(record)
	if err == nil {
		err = c.write(append(line, '\n'))
	}
	if err != nil && !c.failed.Swap(true) {
		c.log.WithError(err).Error("the change log can't be written; it has gaps from here on")
	}
}

func (c *changeLog) write(line []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		line = append([]byte{'\n'}, line...)
	}
	n, err := c.file.Write(line)
	if n > 0 {
		c.cut = line[n-1] != '\n'
	}
	return err
}

func (c *changeLog) close() {
	if err := c.file.Close(); err != nil {
		c.log.WithError(err).Warn("the change log did not close well")
	}
}

// notifiers tells several.
type notifiers []nkv.Notifier

func (n notifiers) Notify(e nkv.Event) {
	for _, each := range n {
		each.Notify(e)
	}
}
