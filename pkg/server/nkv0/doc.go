// Package nkv0 serves nkv's first protocol to clients that still speak it: requests
// as JSON on pubsub.get, put, delete and subscribe, flat keys, and messages on a
// subject for each key. The keys are those of one durable table, Table, so that
// clients of both protocols share them. docs/nkv0.md is the protocol.
//
// It must not know NATS, nor who is connected: messages come in through Receive
// and go out through Options.Publish. It decides nothing about state.
//
// Everything that goes out, answers and messages, is made in the core's goroutine,
// in the order in which things happened. So nothing has to be compared or held.
//
// Start reading at Service, then request.go.
package nkv0
