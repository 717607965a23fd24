package nkv

import "time"

// Op is what a Request asks for.
type Op int

// The operations. Those that change something are ordered per table, in the
// order in which they are submitted.
const (
	OpPut      Op = iota + 1 // Table, Key, Value; Fence or none; optionally Expect, Durable
	OpDelete                 // Table, Key; Fence or none; optionally Expect
	OpClear                  // Table; Fence or none: delete every key that Match selects
	OpOpen                   // Table, Instance, Durable, Fingerprint; optionally Force
	OpClose                  // Table, Fence
	OpMark                   // Table, Fence or none, Restart; optionally Make, Durable
	OpRestore                // Images: replace all durable tables
	OpGet                    // Table, Key
	OpSnapshot               // Table
	OpHeads                  // Tables, Match
	OpTables                 // Match: of table names
	OpStatus                 // how the core is
	OpBackup                 // all tables as of one instant
)

// Request is one request to the core. Table and Key are opaque to it; the caller
// has checked that they are well-formed and within their limits, as it has
// checked Value's size. Value must not be changed after Submit.
type Request struct {
	Op      Op
	Table   string
	Key     string
	Value   []byte
	Fence   uint64  // 0: none
	Expect  *uint64 // the revision that the key must have; 0: must not exist; nil: any
	Durable bool    // of an open; of a put or mark that makes its table
	Make    bool    // of a mark that is not 0: make the table when it is not there
	Force   bool
	// Instance opens, or asks for a change, which an owned table takes from its
	// owner only. A change without one is not held against the owner.
	Instance    Instance
	Fingerprint string
	Restart     uint64
	Tables      []string
	Images      []Image
	Match       func(name string) bool // nil: all
	// Done gets the answer, once, from the core's goroutine, also when the core
	// is closed. It must not block, nor submit.
	Done func(Result)
}

// Instance is one living agent, as the server knows it: it stays the same over
// the reconnects of a client, and no two clients have the same.
type Instance struct {
	ID    string // opaque, not secret
	Agent string
}

// Result answers a Request. What is set besides Err depends on the operation.
type Result struct {
	Err      error
	Revision uint64            // put, delete, get: of the key; open, mark: of the mark
	Entry    *Entry            // get
	Count    int               // clear
	Fence    uint64            // open
	Info     Info              // open, close, mark, snapshot
	View     *View             // snapshot
	Infos    []Info            // tables, backup: sorted by name
	Heads    map[string]uint64 // heads
	Status   Status            // status
	Views    []*View           // backup: of each table, sorted by name; Revision: the newest given
}

// Status says how the core is.
type Status struct {
	Revision uint64 // the newest given
	Tables   int
	Keys     int
	Bytes    int64 // of all values
	Durable  error // why the durable lane does not commit; nil: it does
	Volatile error // likewise
}

// Owner is the instance that owns a table.
type Owner struct {
	Instance  Instance
	Connected bool
	Since     time.Time // of the opening; of the core's start when it opened before
}

// String names the owner for people.
func (o Owner) String() string {
	if o.Connected {
		return "another instance of agent " + o.Instance.Agent + ", connected and owner since " + o.Since.UTC().Format(time.RFC3339)
	}
	return "another instance of agent " + o.Instance.Agent
}

// EventOp says what an Event tells.
type EventOp int

// The operations of events.
const (
	EventPut EventOp = iota + 1
	EventDelete
	EventMark
)

// Event is one accepted change or mark.
type Event struct {
	Op       EventOp
	Table    string
	Key      string // empty for a mark
	Value    []byte // of a put
	Revision uint64
	Previous uint64 // the table's head before; 0: none
	Info     Info   // of a mark: the table as it is with it
}

// Notifier carries events to subscribers. Notify is called from the core's
// goroutine, in the order of each table, after the change is persisted and
// before it is answered. It must not block, nor submit, and keeps Value
// unchanged.
type Notifier interface {
	Notify(Event)
}

// NotifyKeyValue takes requests; Core is the one that holds the state.
type NotifyKeyValue interface {
	// Submit queues a request. Its answer comes through Request.Done.
	Submit(Request)
}
