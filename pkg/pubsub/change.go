package pubsub

// Operation says what a Change tells.
type Operation byte

// The operations.
const (
	Restart Operation = iota // Key is the restart counter, decimal
	Sync                     // all that there was came before this
	Delete                   // Key is gone
	Modify                   // Key is Value now, whether it was there before or not
)

// Change is what comes through a subscription's channel, for its ProcessChange.
type Change struct {
	Operation Operation
	Key       string
	Value     []byte // JSON
}
