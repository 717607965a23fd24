// Package codec holds what generated code calls: it writes and reads JSON as
// encoding/json does, byte for byte and error for error, without reflection, and
// compares and copies values.
//
// What tools/nkvgen writes is made of these functions and of strconv. What has no
// function here is handed to encoding/json itself, value by value.
//
// It must not know NATS, tables or agents.
//
// Start reading at AppendString (append.go), Reader (reader.go) and Slice
// (values.go).
package codec
