package nkv0

// What the tests look into and can't see from outside.

// SubjectOf returns where messages about a key are published.
func SubjectOf(key string) string { return subjectOf(key) }

// Update returns the message that a key has a value, and how long its list of
// bytes was expected to be.
func Update(value []byte) (message []byte, expected int) { return update(value), bytesLength(value) }
