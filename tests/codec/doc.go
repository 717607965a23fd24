// Package codec proves generated code against encoding/json: over a corpus of
// types, for random values and for mutated and arbitrary JSON, generated code
// writes the same bytes, accepts and rejects the same text, reads the same
// values, calls equal what is written the same, and copies without sharing
// memory.
//
// Package plain is the corpus without generated code, package generated is the
// same with it. A value of one is looked at as a value of the other, in place.
// Each check is a function that returns an error, and is itself tried on
// implementations that are wrong on purpose.
//
// It must not know how generated code works, only what it promises.
//
// Start reading at checks_test.go. The seed of every run is printed; the
// environment variable NKV_SEED repeats one, NKV_LONG=1 runs twenty times as
// much.
package codec
