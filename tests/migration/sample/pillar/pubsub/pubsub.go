// Package pubsub stands in for EVE's package of that name, which the sample's tests
// can't have: the same API over the socket driver beside it.
package pubsub

import nkv "github.com/evenkv/nkv/pkg/pubsub"

// The API, as far as drivers and the sample need it.
type (
	PubSub              = nkv.PubSub
	Publication         = nkv.Publication
	PublicationOptions  = nkv.PublicationOptions
	Subscription        = nkv.Subscription
	SubscriptionOptions = nkv.SubscriptionOptions
	Change              = nkv.Change
	Operation           = nkv.Operation
	Driver              = nkv.Driver
	DriverPublisher     = nkv.DriverPublisher
	DriverSubscriber    = nkv.DriverSubscriber
	Updaters            = nkv.Updaters
	Restarted           = nkv.Restarted
	Differ              = nkv.Differ
)

// The operations.
const (
	Restart = nkv.Restart
	Sync    = nkv.Sync
	Delete  = nkv.Delete
	Modify  = nkv.Modify
)

// New makes a PubSub.
var New = nkv.New
