// Package plain is the corpus of the codec's tests: types that look like what
// the services of a device tell one another, and types for each rule of
// encoding/json that is easily got wrong. Here they have no generated code, so
// that encoding/json says what is right.
//
// It must not know the codec. Package generated holds the same files, made with
// `go test ./tests/codec -run TestCorpusesAreTheSame -update`.
//
// Start reading at Types.
package plain
