// Package pubsubtest gives the tests of agents a server. Import it for its effect in
// a file of the test's package:
//
//	import _ "github.com/evenkv/nkv/pkg/pubsub/pubsubtest"
//
// Then each driver with a RootDir finds a server for that directory: it runs in the
// test's process from the first publication or subscription until the last is
// closed, and mirrors the tables into the directory as EVE lays them out, so that a
// test that looks into its files finds them.
package pubsubtest
