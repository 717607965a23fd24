// Package diag is the agent that shows the device: what is configured, what
// is there, what happens, and what is wrong. It reads every table that tells of
// the device's configuration and state, and publishes none.
//
// It shows the device in one of three ways: as a picture that is redrawn in
// place on a terminal, as one line per change elsewhere, and as one JSON
// document for scripts. Credentials and user data are never shown, those in URLs
// included; of a text that comes from outside, what a terminal would obey is
// made visible instead. Times of day are in UTC; the live picture tells ages
// and countdowns instead.
//
// All text but the JSON is UTF-8 where the locale says so, and else ASCII: bars
// are drawn with '#', and other characters have stand-ins of one column each.
// That depends on the environment alone, not on where the output goes.
//
// How far each agent's subscriptions are, it learns by asking the server to
// trace all tables: every two seconds for the live picture, once for a single
// look, and not at all for lines.
//
// Start reading at Model (model.go), which holds what was read, and Document
// (document.go), which is what is shown; each part of it has a file of its own,
// with how it is made and how it looks. The agent around them is in agent.go.
package diag
