// Package linear checks histories. Many clients put, delete and get at once, over
// connections that are cut, paused and delayed, while the server is killed and
// started again. What each was answered, and what subscriptions were told beside
// it, is written down, and must be explained by one order of all changes
// (linearizability, for each key; guarantees G5, G7, G11 and G13), and by the
// guarantees of subscriptions (G1 to G4, G12).
//
// A history that can't be explained is saved and drawn; the failure names the
// directory. NKV_LONG=1 runs for 10 minutes; NKV_SEED repeats the choices of a
// run, as far as time allows.
//
// Start reading at TestLinear, then model_test.go: what an explanation is.
package linear
