// Package diag is the agent that shows the device: what is configured, what
// is there, and what is wrong. It reads every table of zedagent and nim and
// publishes none.
//
// It shows the device in one of three ways: as a table that is redrawn in
// place on a terminal, as one line per change elsewhere, and as one JSON
// document for scripts. Credentials and user data are never shown; of a text
// that comes from outside, what a terminal would obey is made visible
// instead.
//
// Start reading at Model (model.go), which holds what was read, and Document
// (document.go), which is what is shown. The agent around them is in agent.go.
package diag
