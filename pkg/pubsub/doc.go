// Package pubsub has the API of EVE-OS's pubsub library
// (github.com/lf-edge/eve, pkg/pillar/pubsub), so that an agent moves to nkv with
// an import path and nothing else: publications and subscriptions without types,
// changes that come through a channel into the agent's own loop, drivers.
//
// What it mends: nothing that is wrong ends the process (a wrong type, a pointer,
// a value that is too large, a second publisher are errors that the caller gets);
// a publication goes on while the server is away; integers stay what they are;
// values may be as large as the server takes. New agents use pkg/agent.
//
// It must not know nkv: a driver does, the one in socketdriver. It takes the
// agent's log object and its values as they are, without their package.
//
// Start reading at New, then PublicationImpl and SubscriptionImpl.
package pubsub
