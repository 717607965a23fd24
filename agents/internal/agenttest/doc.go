// Package agenttest is what the tests of the agents have in common: a real
// server in the process, agents connected to it, tables to watch, and the
// check that nothing is left running.
//
// Start reading at New.
package agenttest
