// Package converge is the loop of an agent that makes what it does follow what
// it reads: it keeps maps equal to the tables that the agent subscribes to, and
// calls one function whenever any of them has changed. The function looks at
// everything there is and does what is missing, so it does not matter what
// changed, in which order, or what a former instance had begun.
//
// The package must not know what the tables mean.
//
// Start reading at Loop.
package converge
