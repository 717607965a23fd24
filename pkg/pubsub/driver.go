package pubsub

// Driver carries publications and subscriptions. Its name for a table is
// "agent/Topic" or "agent/scope/Topic", and "/Topic" for an empty agent, for which
// global is set. See eve.Table.
type Driver interface {
	// Publisher makes the writing end of a table. What is published is told to the
	// updaters of that name, too; differ finds what changed since they looked.
	Publisher(global bool, name, topic string, persistent bool, updaterList *Updaters, restarted Restarted, differ Differ) (DriverPublisher, error)
	// Subscriber makes the reading end of a table. Its changes go to C once it is
	// started.
	Subscriber(global bool, name, topic string, persistent bool, C chan Change) (DriverSubscriber, error)
	// DefaultName is the agent's name where none is given.
	DefaultName() string
}

// DriverSubscriber is a driver's reading end of a table.
type DriverSubscriber interface {
	// Start begins to send changes and returns at once.
	Start() error
	// Load returns what there is, as JSON by key, and the restart counter.
	Load() (map[string][]byte, int, error)
	// Stop ends the changes.
	Stop() error
	// LargeDirName is the directory of large fields that travel in files.
	LargeDirName() string
}

// DriverPublisher is a driver's writing end of a table.
type DriverPublisher interface {
	// Start begins to serve readers and returns at once.
	Start() error
	// Load returns what was published before, as JSON by key, and the restart
	// counter.
	Load() (map[string][]byte, int, error)
	// Publish makes key be item.
	Publish(key string, item []byte) error
	// Unpublish makes key be gone.
	Unpublish(key string) error
	// Restart sets the restart counter; 0 clears it.
	Restart(restartCounter int) error
	// Stop ends the publication; its keys stay.
	Stop() error
	// CheckMaxSize returns an error when Publish would, for the value's size.
	CheckMaxSize(key string, val []byte) error
	// LargeDirName is the directory of large fields that travel in files.
	LargeDirName() string
}

// lateLoader is a DriverPublisher whose table may be there only after Load gave
// up waiting for it; then it calls ready, once, and Load returns what there is.
type lateLoader interface {
	LoadLater(ready func())
}

// Restarted tells a driver of a publication's restart counter.
type Restarted interface {
	IsRestarted() bool
	RestartCounter() int
}

// Differ updates a reader's copy of a collection to what the collection is now,
// and returns the keys that differed, those that are gone first.
type Differ interface {
	DetermineDiffs(localCollection LocalCollection) []string
}

// LocalCollection is a reader's copy of a collection: JSON by key.
type LocalCollection map[string][]byte
