// Package backend is what a driver of EVE's pubsub library on nkv is made of: the
// publishing and subscribing halves, on pkg/client, without the library's own
// types. The driver itself is one small file in the user's tree, which `evemigrate
// driver` writes for the original's package; pkg/pubsub/socketdriver is the same
// file for this project's own.
//
// It must not know which of the two it serves, nor the types of values.
//
// Start reading at Backend.
package backend
