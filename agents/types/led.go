package types

// LedStatus is the blink pattern that ledmanager shows. Its key is StatusKey.
//
//nkv:table owner=ledmanager
type LedStatus struct {
	// Blinks is how often the light blinks before it pauses, 1 to 15.
	Blinks uint32
	// Meaning says what that stands for.
	Meaning string
	// File is the file that it was written to.
	File string
	// Error says why the file could not be written; empty when it was.
	Error string
}
