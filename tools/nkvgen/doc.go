// Command nkvgen writes code for structs that travel through tables: JSON, equality
// and copies without reflection, the declarations of tables, their schemas, and a
// page about them.
//
//	//go:generate go run github.com/evenkv/nkv/tools/nkvgen .
//
//	// LampState says how a lamp is.
//	//
//	//nkv:table owner=lamp durable
//	type LampState struct { ... }
//
// A line //nkv:table in a struct's comment asks for code and declares its table;
// owner=AGENT is required, durable, topic=TEXT and scope=TEXT are not. A line
// //nkv:json asks for code only. What is written goes to zz_nkv.go beside the
// source, calls package codec, and is to be checked in; -check fails when it is
// stale. The options of a package's go:generate line hold for -check too, and a pattern
// with ... finds the packages that have such a line.
//
// The code writes and reads what encoding/json would, byte for byte and error for
// error; docs/decisions/0010-generated-code.md says what was decided where that
// leaves a choice.
//
// Start reading at generate (main.go); load.go reads packages, fields.go and own.go
// decide what a field is, coder.go and struct.go write code.
package main
