// Package legacy publishes without a PubSub, for programs that publish a thing or
// two and have no loop: package legacy of EVE's pubsub library.
//
// Start reading at Publish.
package legacy
