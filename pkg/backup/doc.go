// Package backup is the file that a backup is kept in: it is written page by page
// as a server tells it, and opened only when all of it is as it was written.
//
// It must not know servers nor connections: pages come from pkg/client and go there.
// Its lines are pkg/wire's.
//
// A file is text around values:
//
//	nkv-backup 1
//	<a line of JSON: wire.BackupInfo>
//	<for each table, a line of JSON (wire.TableInfo), and for each of its keys:>
//	<revision> <encoded key> <size>
//	<the value, of that many bytes>
//	sha256 <of all before, 64 hexadecimal digits>
//
// Start reading at Writer, then Open.
package backup
