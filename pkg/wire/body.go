package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// TableInfo describes a table. It comes with answers about a table (as header
// Nkv-Table), in the list of tables, and as the body of a mark.
type TableInfo struct {
	Table       string `json:"table"`                 // encoded
	Durable     bool   `json:"durable"`               // it survives power loss
	Head        uint64 `json:"head"`                  // newest revision; 0: nothing ever happened
	Keys        int    `json:"keys"`                  // how many there are
	Opened      bool   `json:"opened"`                // opened since boot; of a durable table: ever
	Open        bool   `json:"open"`                  // an instance owns it now
	Connected   bool   `json:"connected"`             // the owner's connection is there
	Restart     uint64 `json:"restart"`               // the restart counter; 0: cleared
	Fence       uint64 `json:"fence"`                 // of the newest opening; 0: never opened
	Fingerprint string `json:"fingerprint,omitempty"` // of the owner's type
	Bytes       int64  `json:"bytes"`                 // sum of the values' sizes
}

// OpenRequest is the body of an open.
type OpenRequest struct {
	Durable     bool   `json:"durable"`
	Fingerprint string `json:"fingerprint,omitempty"` // of the owner's type, shown when readers differ; up to MaxName bytes
}

// OpenAnswer is the body of the answer to an open.
type OpenAnswer struct {
	Fence uint64    `json:"fence"`
	Table TableInfo `json:"table"`
}

// MarkRequest is the body of a mark: what the restart counter becomes.
type MarkRequest struct {
	Restart uint64 `json:"restart"`
}

// HeadsRequest is the body of heads: encoded tables, and patterns of tables.
type HeadsRequest struct {
	Tables []string `json:"tables"`
}

// HeadsAnswer is the body of its answer. Tables that do not exist are left out.
type HeadsAnswer struct {
	Heads map[string]uint64 `json:"heads"`
}

// TablesAnswer is the body of the answer to tables, sorted by name. Its header
// Nkv-Pattern asks for some of them.
type TablesAnswer struct {
	Tables []TableInfo `json:"tables"`
}

// ProbeAnswer is what a client answers to a probe.
type ProbeAnswer struct {
	Agent         string              `json:"agent"`
	Subscriptions []SubscriptionState `json:"subscriptions"`
}

// SubscriptionState is one subscription, as its client sees it.
type SubscriptionState struct {
	Pattern      string            `json:"pattern"`
	Heads        map[string]uint64 `json:"heads"`   // received, by table
	Handled      map[string]uint64 `json:"handled"` // newest revision that handlers are done with, by table
	Pending      int               `json:"pending"` // changes and marks not yet handled
	Synchronized bool              `json:"synchronized"`
	Errors       uint64            `json:"errors"` // values that did not decode
	Fingerprint  string            `json:"fingerprint,omitempty"`
}

// TraceAnswer is the body of the answer to trace.
type TraceAnswer struct {
	Table     TableInfo  `json:"table"`
	Owner     *Owner     `json:"owner,omitempty"`
	Listeners []Listener `json:"listeners"`
}

// Owner is the agent instance that owns a table.
type Owner struct {
	Agent      string    `json:"agent"`
	Connection uint64    `json:"connection"` // NATS's number of it; 0: gone
	Since      time.Time `json:"since"`      // of the opening
}

// Listener is one subscription of one connection to a table.
type Listener struct {
	Agent      string             `json:"agent"`
	Connection uint64             `json:"connection"`
	Subject    string             `json:"subject"`
	Buffered   int64              `json:"buffered"`          // bytes that the server holds for it
	RTT        time.Duration      `json:"rtt"`               // of the probe, nanoseconds; 0: no answer
	State      *SubscriptionState `json:"state,omitempty"`   // nil: no answer in time
	Differs    bool               `json:"differs,omitempty"` // its type's fingerprint is not the owner's
}

// HealthAnswer is the body of the answer to health.
type HealthAnswer struct {
	Status      string        `json:"status"`   // "ok", or what is wrong
	Durable     string        `json:"durable"`  // the durable lane: "ok", or what is wrong
	Volatile    string        `json:"volatile"` // the volatile lane
	Uptime      time.Duration `json:"uptime"`   // nanoseconds
	Revision    uint64        `json:"revision"` // the newest given
	Tables      int           `json:"tables"`
	Keys        int           `json:"keys"`
	Bytes       int64         `json:"bytes"` // of all values
	Connections int           `json:"connections"`
	Slow        int64         `json:"slow"`    // connections cut because they did not read, since the start
	Refused     uint64        `json:"refused"` // logins, requests and subscriptions that were refused since the start
}

// VersionAnswer is the body of the answer to version.
type VersionAnswer struct {
	Version  string `json:"version"`  // of the server program
	Protocol string `json:"protocol"` // as in the subjects
	Store    string `json:"store"`    // the store id
	MaxValue int    `json:"maxValue"` // bytes
}

// AppendRecord appends one record of a snapshot page:
//
//	<revision> <encoded key> <size>\n<value>\n
func AppendRecord(page []byte, revision uint64, encodedKey string, value []byte) []byte {
	page = strconv.AppendUint(page, revision, 10)
	page = append(page, ' ')
	page = append(page, encodedKey...)
	page = append(page, ' ')
	page = strconv.AppendInt(page, int64(len(value)), 10)
	page = append(page, '\n')
	page = append(page, value...)
	return append(page, '\n')
}

// Record is one key of a snapshot.
type Record struct {
	Key      string // text, not encoded
	Revision uint64
	Value    []byte // part of the page
}

// NextRecord reads the record at the start of a page and returns what follows
// it. An incomplete or malformed one is ErrInvalidBody.
func NextRecord(page []byte) (record Record, rest []byte, err error) {
	end := bytes.IndexByte(page, '\n')
	if end < 0 {
		return Record{}, nil, fmt.Errorf("%w: a record's first line does not end", ErrInvalidBody)
	}
	line := page[:end]
	revision, line, ok1 := bytes.Cut(line, []byte{' '})
	token, size, ok2 := bytes.Cut(line, []byte{' '})
	if !ok1 || !ok2 {
		return Record{}, nil, fmt.Errorf("%w: a record's first line is not `revision key size`", ErrInvalidBody)
	}
	if record.Revision, err = strconv.ParseUint(string(revision), 10, 53); err != nil {
		return Record{}, nil, fmt.Errorf("%w: a record's revision is %q", ErrInvalidBody, revision)
	}
	if record.Key, err = DecodeToken(string(token)); err != nil {
		return Record{}, nil, fmt.Errorf("%w: a record's key: %w", ErrInvalidBody, err)
	}
	if err := ValidKey(record.Key); err != nil {
		return Record{}, nil, fmt.Errorf("%w: a record: %w", ErrInvalidBody, err)
	}
	n, err := strconv.ParseUint(string(size), 10, 31)
	if err != nil {
		return Record{}, nil, fmt.Errorf("%w: a record's size is %q", ErrInvalidBody, size)
	}
	rest = page[end+1:]
	if uint64(len(rest)) <= n || rest[n] != '\n' {
		return Record{}, nil, fmt.Errorf("%w: the record of %d bytes does not end where it says", ErrInvalidBody, n)
	}
	record.Value = rest[:n:n]
	return record, rest[n+1:], nil
}
