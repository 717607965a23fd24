// Package tables finds the publications and subscriptions in a tree of Go source
// that uses EVE's pubsub library, or the package of the same API here, and says
// which tables they are the two ends of, and what is odd about those.
//
// A call takes its options from literals, variables, fields, parameters and
// functions. Each value is followed backwards to where it comes from; where there
// are several ways (two callers, two branches, the rows of a list), each is taken in
// turn and makes an end of its own. What can't be known is shown as ? with its
// expression: a call is never left out.
//
// It must not know how tables are served, and runs nothing of what it reads.
//
// Start reading at Scan. load.go reads packages, index.go notes what is assigned and
// called where, origin.go follows a value, end.go makes ends of a call, report.go
// makes tables and findings of ends; text.go, json.go and dot.go write them.
package tables
