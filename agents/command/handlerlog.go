package command

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// HandlerCall is one line of a handler log: one call of a handler, written
// when it returned.
type HandlerCall struct {
	// Time is when the handler returned.
	Time time.Time `json:"time"`
	// Agent is whose handler it is.
	Agent string `json:"agent"`
	// Table is the table's full name.
	Table string `json:"table"`
	// Op is "create", "modify", "delete", "restarted" or "synchronized".
	Op string `json:"op"`
	// Key is empty for "restarted" and "synchronized".
	Key string `json:"key"`
	// Revision is that of the change.
	Revision uint64 `json:"revision"`
	// SHA256 is the checksum of the value in JSON, in hexadecimal digits; of a
	// "delete" that of the value before; empty when there is no value.
	SHA256 string `json:"sha256"`
	// Counter is the restart counter of "restarted".
	Counter uint64 `json:"counter,omitempty"`
	// Error is what the handler returned; the call is then repeated.
	Error string `json:"error,omitempty"`
	// Nanoseconds is how long the handler ran.
	Nanoseconds int64 `json:"nanoseconds"`
}

// HandlerLog appends handler calls to a file. It belongs to the agent's event
// loop, which adds to it; it is closed when the loop has ended.
type HandlerLog struct {
	agent string
	file  *os.File // nil: closed
	err   error    // the first that happened; nothing is written after it
}

// OpenHandlerLog opens the file for appending and makes it when it is not
// there.
func OpenHandlerLog(path, agentName string) (*HandlerLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of handler calls: %w", err)
	}
	return &HandlerLog{agent: agentName, file: file}, nil
}

// Add appends one call, in one write, so that a line is there whole or not at
// all even if the process is killed. What is added after Close is left out.
func (l *HandlerLog) Add(c agent.Call) {
	if l.err != nil || l.file == nil {
		return
	}
	line := HandlerCall{
		Time: time.Now().UTC(), Agent: l.agent, Table: c.Table, Op: c.Op, Key: c.Key,
		Revision: c.Revision, Counter: c.Counter, Nanoseconds: c.Took.Nanoseconds(),
	}
	if c.Value != nil {
		sum := sha256.Sum256(c.Value)
		line.SHA256 = hex.EncodeToString(sum[:])
	}
	if c.Err != nil {
		line.Error = c.Err.Error()
	}
	data, err := json.Marshal(line)
	if err == nil {
		_, err = l.file.Write(append(data, '\n'))
	}
	l.err = err
}

// Close closes the file and returns the first error that happened since it was
// opened. It may be called again.
func (l *HandlerLog) Close() error {
	if l.file != nil {
		l.err = errors.Join(l.err, l.file.Close())
		l.file = nil
	}
	if l.err != nil {
		return fmt.Errorf("log of handler calls: %w", l.err)
	}
	return nil
}
