// Package contentserver is an HTTP server that stands in for every datastore
// and container registry: any path answers with content of its own, always the
// same, so that a device has something to download wherever its configuration
// points, and its checksums can be computed beforehand.
//
// # Names
//
// The name of a content is what follows the first "/-/" in the decoded path of
// the URL; without that marker it is the whole path without its leading slash.
// So content has one name, whatever host and path of a datastore stand before
// the marker: /images.plant.example/edge/-/images/reader.qcow2 is
// "images/reader.qcow2".
//
// # Bytes
//
// With sum = SHA-256(name) and n = the first eight bytes of sum as a big-endian
// number, the size is
//
//	(256 KiB + n mod (2 MiB - 256 KiB)) | 1
//
// The bytes come in blocks of 64 KiB, of which the last is cut off at the size.
// Block i, counted from 0, is what Read of ChaCha8 (math/rand/v2) gives first
// when it is seeded with SHA-256(name, a zero byte, i in decimal digits).
//
// The package must not know who downloads, or what for.
//
// Start reading at Open (content.go), then Server.
package contentserver
