package pubsub

import "os"

// EmptyDriver carries nothing: for tests that need a PubSub and no tables.
type EmptyDriver struct{}

// Publisher returns one that takes everything and keeps nothing.
func (*EmptyDriver) Publisher(bool, string, string, bool, *Updaters, Restarted, Differ) (DriverPublisher, error) {
	return &EmptyDriverPublisher{}, nil
}

// Subscriber returns one that never tells anything.
func (*EmptyDriver) Subscriber(bool, string, string, bool, chan Change) (DriverSubscriber, error) {
	return &EmptyDriverSubscriber{}, nil
}

// DefaultName returns "empty".
func (*EmptyDriver) DefaultName() string { return "empty" }

// EmptyDriverPublisher takes everything and keeps nothing.
type EmptyDriverPublisher struct{}

// Start does nothing.
func (*EmptyDriverPublisher) Start() error { return nil }

// Load returns no keys.
func (*EmptyDriverPublisher) Load() (map[string][]byte, int, error) {
	return map[string][]byte{}, 0, nil
}

// CheckMaxSize takes every size.
func (*EmptyDriverPublisher) CheckMaxSize(string, []byte) error { return nil }

// Publish does nothing.
func (*EmptyDriverPublisher) Publish(string, []byte) error { return nil }

// Unpublish does nothing.
func (*EmptyDriverPublisher) Unpublish(string) error { return nil }

// Restart does nothing.
func (*EmptyDriverPublisher) Restart(int) error { return nil }

// Stop does nothing.
func (*EmptyDriverPublisher) Stop() error { return nil }

// LargeDirName returns the directory for temporary files.
func (*EmptyDriverPublisher) LargeDirName() string { return os.TempDir() }

// EmptyDriverSubscriber never tells anything.
type EmptyDriverSubscriber struct{}

// Start does nothing.
func (*EmptyDriverSubscriber) Start() error { return nil }

// Load returns no keys.
func (*EmptyDriverSubscriber) Load() (map[string][]byte, int, error) {
	return map[string][]byte{}, 0, nil
}

// Stop does nothing.
func (*EmptyDriverSubscriber) Stop() error { return nil }

// LargeDirName returns the directory for temporary files.
func (*EmptyDriverSubscriber) LargeDirName() string { return os.TempDir() }
