// Package crash has the tests of what survives (G5, G6, G11): kill -9 and power
// loss at any instant, disks that are full, read-only or broken, and damaged
// files.
//
// Writers (load_test.go) change tables of their own one step at a time and know
// of each step whether it was acknowledged. So at any instant a table can be one
// of two things: what its writer's acknowledged steps made of it, or that with the
// one step more that was under way. Whatever is found after a crash is held
// against this.
//
// Power loss is played on records of what the stores did to their files
// (trace_test.go), of which the images are made that a power cut may have left
// (image_test.go).
//
// Start reading at load_test.go, then power_test.go. NKV_LONG=1 runs longer,
// NKV_SEED sets the seed that each test prints.
package crash
