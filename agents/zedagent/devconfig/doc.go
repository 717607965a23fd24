// Package devconfig reads the device configuration that a controller sends,
// and turns it into the tables that zedagent publishes.
//
// The format is the JSON form of EVE-OS's protocol buffer message
// EdgeDevConfig (package org.lfedge.eve.config): field names in camelCase or
// snake_case, enumerations as numbers or names, 64-bit integers as numbers or
// texts, bytes in base64, absent and null fields at their defaults.
//
// What can't be read without guessing is refused as a whole: text that is not
// JSON, a field of the wrong JSON type, an entry without a key or with a key
// that another one has. All such findings come in one error, each with its
// place. What can be read but makes no sense (a malformed address, a
// reference to something that is not there) is kept: the entry's Error field
// and Config.Warnings say what is wrong, so that one odd network does not
// cost the device its other ones. Fields that this package does not use are
// counted and otherwise ignored.
//
// The package must not know where the text comes from nor where the tables
// go: no files, no agents, no server.
//
// Start reading at Parse (parse.go); the ways of JSON are in node.go, those of
// protocol buffers in object.go.
package devconfig
