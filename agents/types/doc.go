// Package types holds the structs that the agents of one device share: the
// configuration that zedagent publishes and the status that zedagent, nim and
// the other agents answer with.
//
// The package is data only. It must not know how a value travels: no path and no
// network code here. A line in a struct's comment says which agent's table carries
// it; from that its code here (zz_nkv.go), its table in package topics, its schema
// and docs/tables.md are generated.
//
// Every struct survives a JSON round trip unchanged: there are no interface,
// func, channel or error fields, sizes are 64 bit wide, times are time.Time in
// UTC and addresses are netip values, whose zero value is the empty string in
// JSON. A field that is not configured holds its zero value; an empty list is
// nil.
//
// Field names and enumeration texts are those of the configuration API of
// EVE-OS where it has one, so that a reader who knows that API finds its way.
//
// Start reading at NetworkPortConfig (port.go) and AppInstanceConfig (app.go).
package types

//go:generate go run github.com/evenkv/nkv/tools/nkvgen -tables ../topics -docs ../../docs/tables.md -schema ../../docs/schema .
