// Package topics declares the tables that the agents of one device share:
// their types, their owners and which of them last. It is the one place that
// says so, for owners and readers alike.
//
// The tables are generated from the lines //nkv:table in package types, the names
// of the agents stand in topics.go. zedagent's tables are volatile: after a boot they
// are published anew, from the file or from LastGoodConfig, which lasts. Tables
// with one value have it under types.StatusKey.
//
// The package must not know what anyone does with a table.
//
// Start reading at zz_nkv.go.
package topics
