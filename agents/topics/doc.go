// Package topics declares the tables that the agents of one device share:
// their types, their owners and which of them last. It is the one place that
// says so, for owners and readers alike.
//
// The package must not know what anyone does with a table.
//
// Start reading at topics.go.
package topics
