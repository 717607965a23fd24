// Package readme checks that the README and the page on agents are true: their
// commands run, their code is what the tests run, their links lead somewhere, and
// the tests and targets that they name exist.
package readme
