// Package interop has the tests of a client in another language: nkv.mjs, for
// Node, written from docs/protocol.md alone. It runs against the real server,
// beside pkg/client, while connections are cut and the server is killed.
//
// The tests need Node 20 or newer, and once `npm ci` in this directory. Without,
// they are skipped; where CI=true they fail.
//
// Start reading at nkv.mjs; the tests start at TestNodeAndGoAgree.
package interop
